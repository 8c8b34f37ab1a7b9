"""Typed steps, the graphs they make, and runs that never do the same work twice."""

from towpath.build.pipelines.authoring.branching import when
from towpath.build.pipelines.authoring.finetuning import finetune, parent
from towpath.build.pipelines.authoring.mapping import map  # noqa: A004  tp.map is what people look for
from towpath.build.pipelines.authoring.pipeline import Pipeline, pipeline
from towpath.build.pipelines.authoring.reporting import log_metric, log_metrics, log_param, report
from towpath.build.pipelines.authoring.spreading import Cluster, cluster
from towpath.build.pipelines.authoring.steps import Step, step
from towpath.build.pipelines.authoring.verbs import candidate, join, split, window, window_table
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
from towpath.build.pipelines.formats import Shards, load_artifact, missing_blobs
from towpath.build.pipelines.planning.outline import OUTLINE_TAG, Outline, decode_outline
from towpath.build.pipelines.planning.reads import READS_TAG, Read, decode_reads
from towpath.build.pipelines.planning.recipe import pins_of_parent, recipe_of
from towpath.build.pipelines.running.cancelling import cancel_run
from towpath.build.pipelines.running.reconciling import PipelineRunReconciler
from towpath.build.pipelines.running.runner import PipelineRunner
from towpath.build.pipelines.working.worker import WORKER_MODULES

__all__ = [
    "OUTLINE_TAG",
    "READS_TAG",
    "WORKER_MODULES",
    "Artifact",
    "CandidateHandler",
    "CandidateOutcome",
    "CandidateRequest",
    "Cluster",
    "Outline",
    "Pipeline",
    "PipelineResult",
    "PipelineRunReconciler",
    "PipelineRunner",
    "Progress",
    "ProgressKind",
    "Read",
    "Shards",
    "Step",
    "StepReport",
    "StepStatus",
    "Verdict",
    "cancel_run",
    "candidate",
    "cluster",
    "decode_outline",
    "decode_reads",
    "finetune",
    "join",
    "load_artifact",
    "log_metric",
    "log_metrics",
    "log_param",
    "map",
    "missing_blobs",
    "parent",
    "pins_of_parent",
    "pipeline",
    "recipe_of",
    "report",
    "split",
    "step",
    "when",
    "window",
    "window_table",
]
