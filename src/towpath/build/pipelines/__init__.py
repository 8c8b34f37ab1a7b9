"""Typed steps, the graphs they make, and runs that never do the same work twice."""

from typing import TYPE_CHECKING

from towpath.core.lazily import lazily

if TYPE_CHECKING:
    from towpath.build.pipelines.authoring.branching import when
    from towpath.build.pipelines.authoring.finetuning import finetune, parent
    from towpath.build.pipelines.authoring.mapping import map  # noqa: A004  tp.map is what people look for
    from towpath.build.pipelines.authoring.pipeline import Pipeline, pipeline
    from towpath.build.pipelines.authoring.reporting import (
        log_metric,
        log_metrics,
        log_param,
        report,
    )
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

# What a project's file declares, what reads a run and what executes one are three programs' needs.
__getattr__ = lazily(
    __name__,
    {
        "Artifact": "contract",
        "CandidateHandler": "contract",
        "CandidateOutcome": "contract",
        "CandidateRequest": "contract",
        "Cluster": "authoring.spreading",
        "OUTLINE_TAG": "planning.outline",
        "Outline": "planning.outline",
        "Pipeline": "authoring.pipeline",
        "PipelineResult": "contract",
        "PipelineRunReconciler": "running.reconciling",
        "PipelineRunner": "running.runner",
        "Progress": "contract",
        "ProgressKind": "contract",
        "READS_TAG": "planning.reads",
        "Read": "planning.reads",
        "Shards": "formats",
        "Step": "authoring.steps",
        "StepReport": "contract",
        "StepStatus": "contract",
        "Verdict": "contract",
        "WORKER_MODULES": "working.worker",
        "cancel_run": "running.cancelling",
        "candidate": "authoring.verbs",
        "cluster": "authoring.spreading",
        "decode_outline": "planning.outline",
        "decode_reads": "planning.reads",
        "finetune": "authoring.finetuning",
        "join": "authoring.verbs",
        "load_artifact": "formats",
        "log_metric": "authoring.reporting",
        "log_metrics": "authoring.reporting",
        "log_param": "authoring.reporting",
        "map": "authoring.mapping",
        "missing_blobs": "formats",
        "parent": "authoring.finetuning",
        "pins_of_parent": "planning.recipe",
        "pipeline": "authoring.pipeline",
        "recipe_of": "planning.recipe",
        "report": "authoring.reporting",
        "split": "authoring.verbs",
        "step": "authoring.steps",
        "when": "authoring.branching",
        "window": "authoring.verbs",
        "window_table": "authoring.verbs",
    },
)

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
