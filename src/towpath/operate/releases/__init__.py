"""Releases: which model versions an environment serves, to whom, and how traffic moves between them."""

from towpath.core.contracts import Contract, ServiceVersion
from towpath.operate.releases.amending import forget, redeclare, withdraw
from towpath.operate.releases.checking import ReleaseCheck, ReleaseChecker
from towpath.operate.releases.compatibility import Finding
from towpath.operate.releases.consumer import Consumer, find_consumer, register
from towpath.operate.releases.contract import DRAIN_S, Releases, Trials
from towpath.operate.releases.draining import LineReconciler
from towpath.operate.releases.pins import Pins, pins_of
from towpath.operate.releases.reconciler import ServiceReconciler
from towpath.operate.releases.recourse import Actionable, Recourse
from towpath.operate.releases.route import Arm, ArmKind, Line, Route, ServiceRoute, TrialKind
from towpath.operate.releases.service import Service
from towpath.operate.releases.store import LedgerReleases
from towpath.operate.releases.switching import Followed, Switching

__all__ = [
    "DRAIN_S",
    "Actionable",
    "Arm",
    "ArmKind",
    "Consumer",
    "Contract",
    "Finding",
    "Followed",
    "LedgerReleases",
    "Line",
    "LineReconciler",
    "Pins",
    "Recourse",
    "ReleaseCheck",
    "ReleaseChecker",
    "Releases",
    "Route",
    "Service",
    "ServiceReconciler",
    "ServiceRoute",
    "ServiceVersion",
    "Switching",
    "TrialKind",
    "Trials",
    "find_consumer",
    "forget",
    "pins_of",
    "redeclare",
    "register",
    "withdraw",
]
