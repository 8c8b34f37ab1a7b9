"""Production: releases, decisions, roll-outs, monitors and triggers."""
