"""The log as evidence: who read what, proofs for strangers, anchors elsewhere, and exports."""

from typing import TYPE_CHECKING

from towpath.core.lazily import lazily

if TYPE_CHECKING:
    from towpath.trace.audit.proofs import (
        ProofCheck,
        prove_consistency,
        prove_inclusion,
        verify_proof,
    )
    from towpath.trace.audit.reading import AuditedDecisions
    from towpath.trace.audit.rows import RowsAudit
    from towpath.trace.audit.watching import WatchedDecisionLog

# Reading the log needs none of what reads decisions.
__getattr__ = lazily(
    __name__,
    {
        "AuditedDecisions": "reading",
        "ProofCheck": "proofs",
        "RowsAudit": "rows",
        "WatchedDecisionLog": "watching",
        "prove_consistency": "proofs",
        "prove_inclusion": "proofs",
        "verify_proof": "proofs",
    },
)

__all__ = [
    "AuditedDecisions",
    "ProofCheck",
    "RowsAudit",
    "WatchedDecisionLog",
    "prove_consistency",
    "prove_inclusion",
    "verify_proof",
]
