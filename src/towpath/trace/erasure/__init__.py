"""Fulfils a withdrawal: plan, redact, purge, retrain, verify, certify."""

from typing import TYPE_CHECKING

from towpath.core.lazily import lazily
from towpath.trace.erasure.contract import (
    AffectedDataset,
    AffectedModel,
    CertificateCheck,
    Erasure,
    ErasurePlan,
    Erasures,
    Phase,
    Residue,
    ScanReport,
)

if TYPE_CHECKING:
    from towpath.trace.erasure.checking import verify_certificate
    from towpath.trace.erasure.parts import ModelShelf, Parts
    from towpath.trace.erasure.reconciler import ErasureReconciler
    from towpath.trace.erasure.requests import LedgerErasures
    from towpath.trace.erasure.verification import HomeScanner, TableReader

# Who lists withdrawals or checks a certificate need not load what fulfils them.
__getattr__ = lazily(
    __name__,
    {
        "ErasureReconciler": "reconciler",
        "HomeScanner": "verification",
        "LedgerErasures": "requests",
        "ModelShelf": "parts",
        "Parts": "parts",
        "TableReader": "verification",
        "verify_certificate": "checking",
    },
)

__all__ = [
    "AffectedDataset",
    "AffectedModel",
    "CertificateCheck",
    "Erasure",
    "ErasurePlan",
    "ErasureReconciler",
    "Erasures",
    "HomeScanner",
    "LedgerErasures",
    "ModelShelf",
    "Parts",
    "Phase",
    "Residue",
    "ScanReport",
    "TableReader",
    "verify_certificate",
]
