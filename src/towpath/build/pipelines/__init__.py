"""Typed steps, the graphs they make, and runs that never do the same work twice."""

from towpath.build.pipelines.contract import (
    Artifact,
    CandidateHandler,
    CandidateOutcome,
    CandidateRequest,
    PipelineResult,
    Progress,
    ProgressKind,
    StepReport,
    StepStatus,
    Verdict,
)

__all__ = [
    "Artifact",
    "CandidateHandler",
    "CandidateOutcome",
    "CandidateRequest",
    "PipelineResult",
    "Progress",
    "ProgressKind",
    "StepReport",
    "StepStatus",
    "Verdict",
]
