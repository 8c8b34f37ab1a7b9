"""Production: releases, decisions, rollouts, monitors and triggers."""
