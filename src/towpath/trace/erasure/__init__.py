"""Fulfils a withdrawal: plan, redact, purge, retrain, verify, certify."""

from towpath.trace.erasure.checking import verify_certificate
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
from towpath.trace.erasure.parts import ModelShelf, Parts
from towpath.trace.erasure.reconciler import ErasureReconciler
from towpath.trace.erasure.requests import LedgerErasures
from towpath.trace.erasure.verification import HomeScanner, TableReader

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
