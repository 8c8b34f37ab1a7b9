"""What people look at: logs, artefacts, and why a step would run."""
