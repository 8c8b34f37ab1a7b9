"""Releases: which model versions an environment serves, and how traffic moves between them."""

from towpath.operate.releases.contract import Releases
from towpath.operate.releases.reconciler import ServiceReconciler
from towpath.operate.releases.route import Arm, Route, ServiceRoute
from towpath.operate.releases.service import Service
from towpath.operate.releases.store import LedgerReleases

__all__ = [
    "Arm",
    "LedgerReleases",
    "Releases",
    "Route",
    "Service",
    "ServiceReconciler",
    "ServiceRoute",
]
