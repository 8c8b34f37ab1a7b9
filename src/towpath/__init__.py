"""Machine-learning assets, forward to production and back to the rows that made a decision.

What a project file needs is here; `import towpath as tp` is enough to declare data sets, features,
steps, pipelines, models, gates, services, monitors and triggers. Names are looked up on first use, so
importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from towpath.app.notebook import home
    from towpath.assets import sources
    from towpath.assets.checks import rules
    from towpath.assets.datasets import Dataset, Doc, Personal, Range, Schema, Values
    from towpath.assets.features import FeatureService, FeatureView, on_demand
    from towpath.assets.filesets import Files, FileSet
    from towpath.assets.models import (
        Factors,
        Forecast,
        Inputs,
        Model,
        Moments,
        ensemble,
        least_squares,
    )
    from towpath.assets.windows import Window
    from towpath.build import gates
    from towpath.build.capacity import Budget, Queue, checkpoint
    from towpath.build.ingestion import Ingest
    from towpath.build.pipelines import (
        Shards,
        candidate,
        cluster,
        finetune,
        join,
        log_metric,
        log_param,
        map,  # noqa: A004  tp.map is what people look for
        parent,
        pipeline,
        report,
        split,
        step,
        when,
        window,
        window_table,
    )
    from towpath.build.tuning import Log, search
    from towpath.core.contracts import Contract
    from towpath.operate import rollouts
    from towpath.operate.decisions import Bucket, Logging
    from towpath.operate.labelling import LabelQueue
    from towpath.operate.monitoring import (
        DataQuality,
        Detector,
        Drift,
        EstimatedPerformance,
        Fairness,
        Health,
        Multivariate,
        Outliers,
        Performance,
        Skew,
        Slices,
    )
    from towpath.operate.projects import Project
    from towpath.operate.releases import Actionable, Consumer, Recourse, Service
    from towpath.operate.rollouts import Rollout
    from towpath.operate.scheduling import Schedule
    from towpath.operate.triggers import On, Retrain
    from towpath.operate.webhooks import Email, Slack, Webhook

__version__ = "0.1.0"

_MODULES = {
    "gates": "towpath.build.gates",
    "rollouts": "towpath.operate.rollouts",
    "rules": "towpath.assets.checks.rules",
    "sources": "towpath.assets.sources",
}
_HOMES = {
    "Actionable": "towpath.operate.releases",
    "Bucket": "towpath.operate.decisions",
    "Budget": "towpath.build.capacity",
    "Consumer": "towpath.operate.releases",
    "Contract": "towpath.core.contracts",
    "DataQuality": "towpath.operate.monitoring",
    "Dataset": "towpath.assets.datasets",
    "Detector": "towpath.operate.monitoring",
    "Doc": "towpath.assets.datasets",
    "Drift": "towpath.operate.monitoring",
    "Email": "towpath.operate.webhooks",
    "EstimatedPerformance": "towpath.operate.monitoring",
    "Factors": "towpath.assets.models",
    "Fairness": "towpath.operate.monitoring",
    "FeatureService": "towpath.assets.features",
    "FeatureView": "towpath.assets.features",
    "FileSet": "towpath.assets.filesets",
    "Files": "towpath.assets.filesets",
    "Forecast": "towpath.assets.models",
    "Health": "towpath.operate.monitoring",
    "Ingest": "towpath.build.ingestion",
    "Inputs": "towpath.assets.models",
    "LabelQueue": "towpath.operate.labelling",
    "Log": "towpath.build.tuning",
    "Logging": "towpath.operate.decisions",
    "Model": "towpath.assets.models",
    "Moments": "towpath.assets.models",
    "Multivariate": "towpath.operate.monitoring",
    "On": "towpath.operate.triggers",
    "Outliers": "towpath.operate.monitoring",
    "Performance": "towpath.operate.monitoring",
    "Personal": "towpath.assets.datasets",
    "Project": "towpath.operate.projects",
    "Queue": "towpath.build.capacity",
    "Range": "towpath.assets.datasets",
    "Recourse": "towpath.operate.releases",
    "Retrain": "towpath.operate.triggers",
    "Rollout": "towpath.operate.rollouts",
    "Schedule": "towpath.operate.scheduling",
    "Schema": "towpath.assets.datasets",
    "Service": "towpath.operate.releases",
    "Shards": "towpath.build.pipelines",
    "Skew": "towpath.operate.monitoring",
    "Slack": "towpath.operate.webhooks",
    "Slices": "towpath.operate.monitoring",
    "Values": "towpath.assets.datasets",
    "Webhook": "towpath.operate.webhooks",
    "Window": "towpath.assets.windows",
    "candidate": "towpath.build.pipelines",
    "checkpoint": "towpath.build.capacity",
    "cluster": "towpath.build.pipelines",
    "ensemble": "towpath.assets.models",
    "finetune": "towpath.build.pipelines",
    "home": "towpath.app.notebook",
    "join": "towpath.build.pipelines",
    "least_squares": "towpath.assets.models",
    "log_metric": "towpath.build.pipelines",
    "log_param": "towpath.build.pipelines",
    "map": "towpath.build.pipelines",
    "on_demand": "towpath.assets.features",
    "parent": "towpath.build.pipelines",
    "pipeline": "towpath.build.pipelines",
    "report": "towpath.build.pipelines",
    "search": "towpath.build.tuning",
    "split": "towpath.build.pipelines",
    "step": "towpath.build.pipelines",
    "when": "towpath.build.pipelines",
    "window": "towpath.build.pipelines",
    "window_table": "towpath.build.pipelines",
}
__all__ = [
    "Actionable",
    "Bucket",
    "Budget",
    "Consumer",
    "Contract",
    "DataQuality",
    "Dataset",
    "Detector",
    "Doc",
    "Drift",
    "Email",
    "EstimatedPerformance",
    "Factors",
    "Fairness",
    "FeatureService",
    "FeatureView",
    "FileSet",
    "Files",
    "Forecast",
    "Health",
    "Ingest",
    "Inputs",
    "LabelQueue",
    "Log",
    "Logging",
    "Model",
    "Moments",
    "Multivariate",
    "On",
    "Outliers",
    "Performance",
    "Personal",
    "Project",
    "Queue",
    "Range",
    "Recourse",
    "Retrain",
    "Rollout",
    "Schedule",
    "Schema",
    "Service",
    "Shards",
    "Skew",
    "Slack",
    "Slices",
    "Values",
    "Webhook",
    "Window",
    "candidate",
    "checkpoint",
    "cluster",
    "ensemble",
    "finetune",
    "gates",
    "home",
    "join",
    "least_squares",
    "log_metric",
    "log_param",
    "map",
    "on_demand",
    "parent",
    "pipeline",
    "report",
    "rollouts",
    "rules",
    "search",
    "sources",
    "split",
    "step",
    "when",
    "window",
    "window_table",
]


def __getattr__(name: str) -> object:
    """Import a public name's home the first time it is asked for."""
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name not in _HOMES:
        raise AttributeError(f"module 'towpath' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Name what is public, loaded or not."""
    return [*__all__, "__version__"]
