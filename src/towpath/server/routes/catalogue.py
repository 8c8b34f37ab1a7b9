"""Projects, runs, data sets and models."""

from __future__ import annotations

from typing import Annotated

from litestar.params import FromPath, FromQuery, QueryParameter

from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.ledger.records import RunStatus
from towpath.server.resources.datasets import (
    DatasetDetail,
    DatasetSummary,
    DatasetVersion,
    DatasetVersionDetail,
)
from towpath.server.resources.diffs import DatasetDiff
from towpath.server.resources.models import (
    Document,
    ModelDetail,
    ModelSummary,
    ModelVersion,
    ModelVersionDetail,
)
from towpath.server.resources.profiles import DatasetProfile
from towpath.server.resources.projects import Project
from towpath.server.resources.run_graph import RunGraph
from towpath.server.resources.runs import MetricHistory, RunDetail, RunSummary, StepReason
from towpath.server.routes.given import Below, Given, Limit
from towpath.server.routes.reading import read
from towpath.server.views import datasets, models, projects, runs
from towpath.server.views.diffs import diff_of
from towpath.server.views.profile import dataset_profile
from towpath.server.views.run_graph import run_graph
from towpath.server.views.why import reasons_of


@read("/projects", tag="projects")
def list_projects(services: Given) -> list[Project]:
    """List projects by name."""
    with services.ledger.read() as tx:
        return projects.list_projects(tx)


@read("/projects/{name:str}", tag="projects")
def show_project(services: Given, name: FromPath[str]) -> Project:
    """Show what a project declares and holds."""
    with services.ledger.read() as tx:
        return projects.get_project(tx, name)


@read("/runs", tag="runs")
def list_runs(
    *,
    services: Given,
    project: FromQuery[str | None] = None,
    kind: FromQuery[str | None] = None,
    name: FromQuery[str | None] = None,
    status: FromQuery[RunStatus | None] = None,
    parent: Annotated[str | None, QueryParameter(description="Only parts of this run.")] = None,
    before: Annotated[
        str | None, QueryParameter(description="Only runs that come after this one in the list.")
    ] = None,
    limit: Limit = 200,
) -> list[RunSummary]:
    """List runs, newest first, a page at a time."""
    with services.ledger.read() as tx:
        found = tx.runs.list(
            project=project,
            kind=kind,
            name=name,
            status=status,
            parent=parent,
            before=before,
            limit=limit,
        )
        return [runs.summarize(run) for run in found]


@read("/runs/{run_id:str}", tag="runs")
def show_run(services: Given, run_id: FromPath[str]) -> RunDetail:
    """Show a run with its steps, parameters, metrics, and what it used and made."""
    with services.ledger.read() as tx:
        return runs.get_run(tx, run_id)


@read("/runs/{run_id:str}/graph", tag="runs")
def show_run_graph(services: Given, run_id: FromPath[str]) -> RunGraph:
    """Show a run's calls, those to come included, what waits for what, and how far each is."""
    with services.ledger.read() as tx:
        return run_graph(tx, services.blobs, run_id)


@read("/runs/{run_id:str}/why", tag="runs")
def show_reasons(services: Given, run_id: FromPath[str]) -> list[StepReason]:
    """Show why a run's steps were executed rather than taken from the cache."""
    with services.ledger.read() as tx:
        return reasons_of(tx, run_id)


@read("/runs/{run_id:str}/metrics", tag="runs")
def show_metric(
    services: Given,
    run_id: FromPath[str],
    key: Annotated[str, QueryParameter(name="key", description="The metric; may hold slashes.")],
) -> MetricHistory:
    """Show every point of one metric of a run."""
    with services.ledger.read() as tx:
        return runs.metric_history(tx, run_id, key)


@read("/datasets", tag="datasets")
def list_datasets(services: Given, project: FromQuery[str | None] = None) -> list[DatasetSummary]:
    """List data sets by name."""
    with services.ledger.read() as tx:
        return datasets.list_datasets(tx, project)


@read("/datasets/{name:str}", tag="datasets")
def show_dataset(services: Given, name: FromPath[str]) -> DatasetDetail:
    """Show a data set and its newest versions."""
    with services.ledger.read() as tx:
        return datasets.get_dataset(tx, name)


@read("/datasets/{name:str}/versions", tag="datasets")
def list_dataset_versions(
    services: Given, name: FromPath[str], below: Below = None, limit: Limit = 200
) -> list[DatasetVersion]:
    """List a data set's versions, newest first, a page at a time."""
    with services.ledger.read() as tx:
        return datasets.list_versions(tx, name, below=below, limit=limit)


@read("/datasets/{name:str}/versions/{number:int}", tag="datasets")
def show_dataset_version(
    services: Given, name: FromPath[str], number: FromPath[int]
) -> DatasetVersionDetail:
    """Show one version: its columns, its revisions, the runs that read it."""
    with services.ledger.read() as tx:
        ref = Ref("dataset", name, number)
        return datasets.get_dataset_version(tx, services.blobs, ref)


@read("/datasets/{name:str}/versions/{number:int}/profile", tag="datasets")
def show_profile(services: Given, name: FromPath[str], number: FromPath[int]) -> DatasetProfile:
    """Show how the values of each column are spread. Personal columns show counts only."""
    with services.ledger.read() as tx:
        return dataset_profile(tx, services.blobs, Ref("dataset", name, number))


@read("/datasets/{name:str}/diff", tag="datasets")
def show_diff(
    services: Given,
    name: FromPath[str],
    before: Annotated[str, QueryParameter(description="`NAME@7`, `NAME@tag` or `NAME~branch@2`.")],
    after: Annotated[str, QueryParameter(description="Likewise, of the same data set.")],
    rows: Annotated[bool, QueryParameter(description="Count rows too; reads what differs.")] = True,
) -> DatasetDiff:
    """Show what differs between two versions: columns, rows by key, distributions. No values."""
    if services.history is None:
        raise NotFound("this server compares no versions")
    refs = [services.history.find(text).ref for text in (before, after)]
    if any(ref.trunk != name for ref in refs):
        raise NotFound(f"{before!r} and {after!r} are not both versions of data set {name!r}")
    return diff_of(services.history.diff(refs[0], refs[1], rows=rows))


@read("/models", tag="models")
def list_models(services: Given, project: FromQuery[str | None] = None) -> list[ModelSummary]:
    """List models by name."""
    with services.ledger.read() as tx:
        return models.list_models(tx, project, services.environment)


@read("/models/{name:str}", tag="models")
def show_model(services: Given, name: FromPath[str]) -> ModelDetail:
    """Show a model and its newest versions."""
    with services.ledger.read() as tx:
        return models.get_model(tx, name, services.environment)


@read("/models/{name:str}/versions", tag="models")
def list_model_versions(
    services: Given, name: FromPath[str], below: Below = None, limit: Limit = 200
) -> list[ModelVersion]:
    """List a model's versions, newest first, a page at a time."""
    with services.ledger.read() as tx:
        return models.list_versions(tx, name, services.environment, below=below, limit=limit)


@read("/models/{name:str}/versions/{number:int}", tag="models")
def show_model_version(
    services: Given, name: FromPath[str], number: FromPath[int]
) -> ModelVersionDetail:
    """Show one version: its gates' evidence, signature, parameters and sources."""
    with services.ledger.read() as tx:
        return models.get_model_version(tx, Ref("model", name, number), services.environment)


@read("/models/{name:str}/versions/{number:int}/report", tag="models")
def show_report(services: Given, name: FromPath[str], number: FromPath[int]) -> Document:
    """Show the report that the gates wrote."""
    with services.ledger.read() as tx:
        return models.gate_report(tx, services.blobs, Ref("model", name, number))


@read("/models/{name:str}/versions/{number:int}/card", tag="models")
def show_card(services: Given, name: FromPath[str], number: FromPath[int]) -> Document:
    """Show the model card, written from what the ledger knows now."""
    with services.ledger.read() as tx:
        return models.card(tx, Ref("model", name, number))


HANDLERS = [
    list_projects,
    show_project,
    list_runs,
    show_run,
    show_run_graph,
    show_reasons,
    show_metric,
    list_datasets,
    show_dataset,
    list_dataset_versions,
    show_dataset_version,
    show_profile,
    show_diff,
    list_models,
    show_model,
    list_model_versions,
    show_model_version,
    show_report,
    show_card,
]
