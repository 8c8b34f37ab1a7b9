"""Releases: which model versions an environment serves, and how traffic moves between them."""

from towpath.operate.releases.contract import Releases
from towpath.operate.releases.reconciler import ServiceReconciler
from towpath.operate.releases.route import Arm, ArmKind, Line, Route, ServiceRoute, TrialKind
from towpath.operate.releases.service import Service
from towpath.operate.releases.store import LedgerReleases

__all__ = [
    "Arm",
    "ArmKind",
    "LedgerReleases",
    "Line",
    "Releases",
    "Route",
    "Service",
    "ServiceReconciler",
    "ServiceRoute",
    "TrialKind",
]
