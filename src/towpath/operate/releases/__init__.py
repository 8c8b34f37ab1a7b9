"""Releases: which model versions an environment serves, to whom, and how traffic moves between them."""

from typing import TYPE_CHECKING

from towpath.core.contracts import Contract, ServiceVersion
from towpath.core.lazily import lazily
from towpath.operate.releases.contract import DRAIN_S, Releases, Trials
from towpath.operate.releases.route import Arm, ArmKind, Line, Route, ServiceRoute, TrialKind

if TYPE_CHECKING:
    from towpath.operate.releases.amending import forget, redeclare, withdraw
    from towpath.operate.releases.checking import ReleaseCheck, ReleaseChecker
    from towpath.operate.releases.compatibility import Finding
    from towpath.operate.releases.consumer import Consumer, find_consumer, register
    from towpath.operate.releases.draining import LineReconciler
    from towpath.operate.releases.pins import Pins, pins_of
    from towpath.operate.releases.reconciler import ServiceReconciler
    from towpath.operate.releases.recourse import Actionable, Recourse
    from towpath.operate.releases.service import Service
    from towpath.operate.releases.store import LedgerReleases
    from towpath.operate.releases.switching import Followed, Switching

# A gateway follows routes: it need not load what declares, checks and switches releases.
__getattr__ = lazily(
    __name__,
    {
        "Actionable": "recourse",
        "Consumer": "consumer",
        "Finding": "compatibility",
        "Followed": "switching",
        "LedgerReleases": "store",
        "LineReconciler": "draining",
        "Pins": "pins",
        "Recourse": "recourse",
        "ReleaseCheck": "checking",
        "ReleaseChecker": "checking",
        "Service": "service",
        "ServiceReconciler": "reconciler",
        "Switching": "switching",
        "find_consumer": "consumer",
        "forget": "amending",
        "pins_of": "pins",
        "redeclare": "amending",
        "register": "consumer",
        "withdraw": "amending",
    },
)

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
