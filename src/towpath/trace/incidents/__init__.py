"""Incidents: from a wrong answer to its cause, and to models that don't repeat it."""

from towpath.trace.incidents.contract import (
    Evidence,
    Incident,
    Incidents,
    Suspect,
    Triage,
)
from towpath.trace.incidents.copies import IncidentDecisions, KeptCases
from towpath.trace.incidents.reconciler import IncidentReconciler
from towpath.trace.incidents.store import LedgerIncidents
from towpath.trace.incidents.triaging import Triager

__all__ = [
    "Evidence",
    "Incident",
    "IncidentDecisions",
    "IncidentReconciler",
    "Incidents",
    "KeptCases",
    "LedgerIncidents",
    "Suspect",
    "Triage",
    "Triager",
]
