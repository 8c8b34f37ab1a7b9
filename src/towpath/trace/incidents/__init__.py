"""Incidents: from a wrong answer to its cause, and to models that don't repeat it."""

from towpath.trace.incidents.contract import (
    Evidence,
    Incident,
    Incidents,
    Suspect,
    Triage,
)

__all__ = ["Evidence", "Incident", "Incidents", "Suspect", "Triage"]
