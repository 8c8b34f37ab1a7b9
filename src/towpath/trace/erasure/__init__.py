"""Fulfils a withdrawal: plan, redact, purge, retrain, verify, certify."""

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

__all__ = [
    "AffectedDataset",
    "AffectedModel",
    "CertificateCheck",
    "Erasure",
    "ErasurePlan",
    "Erasures",
    "Phase",
    "Residue",
    "ScanReport",
]
