"""The log as evidence: who read what, proofs for strangers, anchors elsewhere, and exports."""

from towpath.trace.audit.proofs import ProofCheck, prove_consistency, prove_inclusion, verify_proof
from towpath.trace.audit.reading import AuditedDecisions
from towpath.trace.audit.watching import WatchedDecisionLog

__all__ = [
    "AuditedDecisions",
    "ProofCheck",
    "WatchedDecisionLog",
    "prove_consistency",
    "prove_inclusion",
    "verify_proof",
]
