"""`towpath export …`: what other platforms need to run a service, or a pipeline."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from towpath.assets.models import load_package
from towpath.cli.options import Common, Repeated
from towpath.cli.pairs import pairs_of
from towpath.cli.printing import out, print_json
from towpath.core.errors import UsageError
from towpath.operate.exports import (
    KServeOptions,
    PipelineExport,
    airflow_dag,
    kserve_documents,
    kubeflow_pipeline,
    parameters_of,
    ray_serve_config,
    to_yaml,
    write_bundle,
    write_context,
    write_model_archive,
)

if TYPE_CHECKING:
    from towpath.app.home import Home
    from towpath.build.pipelines import Pipeline
    from towpath.operate.projects import Project

app = App(name="export", help="For other platforms: kserve, sagemaker, ray-serve, airflow, kfp.")
_To = Annotated[Path, Parameter(name=["--to", "-t"])]
_EXTRAS = {"catboost", "keras", "onnx", "statsmodels", "torch", "xgboost"}


@app.command
def kserve(
    service: str,
    /,
    *,
    to: _To,
    image: str,
    uri: str,
    namespace: str | None = None,
    cpu: str = "1",
    memory: str = "1Gi",
    env: Repeated = (),
    common: Common = Common(),
) -> int:
    """Write a bundle of a service, a container context, and the YAML that makes KServe serve them.

    Args:
        service: The service's name.
        to: Folder for `bundle/`, `container/` and `kserve.yaml`.
        image: Where you push the image that you build from `container/`.
        uri: Where you put the content of `bundle/`: what KServe fetches.
        namespace: Kubernetes namespace.
        cpu: Cores of a pod.
        memory: Memory of a pod.
        env: A further environment variable of the pods, as NAME=VALUE. May be repeated.
    """
    options = KServeOptions(
        image=image,
        uri=uri,
        namespace=namespace,
        cpu=cpu,
        memory=memory,
        env=pairs_of(env, "variable"),
    )
    with common.open() as home:
        _write_service(home, service, to)
    (to / "kserve.yaml").write_text(to_yaml(*kserve_documents(service, options)))
    return _said(common, [to / "bundle", to / "container", to / "kserve.yaml"])


@app.command
def sagemaker(service: str, /, *, to: _To, common: Common = Common()) -> int:
    """Write what SageMaker needs to serve a service: a container context and a model archive.

    Args:
        service: The service's name.
        to: Folder for `bundle/`, `container/` and `model.tar.gz`.
    """
    with common.open() as home:
        _write_service(home, service, to)
    write_model_archive(to / "bundle", to / "model.tar.gz")
    return _said(common, [to / "container", to / "model.tar.gz"])


@app.command
def airflow(
    pipeline: str | None = None,
    /,
    *,
    to: _To,
    folder: str | None = None,
    schedule: str | None = None,
    common: Common = Common(),
) -> int:
    """Write a DAG for Apache Airflow 3 that runs a pipeline, on its schedule.

    Args:
        pipeline: Which one; the project's only one when left out.
        to: The file, in Airflow's folder of DAGs.
        folder: Where the project is on Airflow's workers; this folder if left out.
        schedule: The project's schedule to follow, by name; the pipeline's only one when left out.
    """
    export = _pipeline(common, pipeline, folder, schedule)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(airflow_dag(export))
    return _said(common, [to])


@app.command
def kfp(
    pipeline: str | None = None,
    /,
    *,
    to: _To,
    image: str,
    folder: str = "/project",
    common: Common = Common(),
) -> int:
    """Write a compiled pipeline for Kubeflow Pipelines 2 that runs a pipeline.

    Args:
        pipeline: Which one; the project's only one when left out.
        to: The file.
        image: An image with Towpath and the project.
        folder: Where the project is in the image.
    """
    export = _pipeline(common, pipeline, folder, None)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(to_yaml(kubeflow_pipeline(export, image)))
    return _said(common, [to])


@app.command
def ray_serve(
    *,
    to: _To,
    directory: str | None = None,
    replicas: int = 1,
    cpus: float = 1.0,
    port: int = 8000,
    common: Common = Common(),
) -> int:
    """Write the configuration by which `serve deploy` runs gateways as replicas of Ray Serve.

    Args:
        to: The file.
        directory: Where the project is on Ray's nodes; this folder if left out.
        replicas: How many gateways.
        cpus: Cores that Ray sets aside for each.
        port: Where Ray's proxies answer.
    """
    folder = directory or str(common.place().root)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(to_yaml(ray_serve_config(folder, replicas=replicas, cpus=cpus, port=port)))
    return _said(common, [to])


def _write_service(home: Home, service: str, to: Path) -> None:
    bundle = write_bundle(
        home.ledger,
        home.blobs,
        home.keyring,
        environment=home.settings.environment,
        service=service,
        folder=to / "bundle",
    )
    package = load_package(bundle.package, home.blobs)
    flavour = "onnx" if package.execution.kind == "onnx" else package.flavour
    write_context(
        to / "container",
        version=version("towpath"),
        extras=sorted({flavour} & _EXTRAS),
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
    )


def _pipeline(
    common: Common, named: str | None, folder: str | None, schedule: str | None
) -> PipelineExport:
    """Return a pipeline with its parameters and its schedule."""
    project = common.project()
    pipeline = project.pipeline(named)
    export = PipelineExport(
        project=project.name,
        pipeline=pipeline.name,
        parameters=parameters_of(pipeline),
        folder=folder or str(common.place().root),
    )
    return _scheduled(export, project, pipeline, schedule)


def _scheduled(
    export: PipelineExport, project: Project, pipeline: Pipeline, named: str | None
) -> PipelineExport:
    mine = [
        one
        for one in project.schedules
        if pipeline.name == (one.pipeline if isinstance(one.pipeline, str) else one.pipeline.name)
    ]
    chosen = [one for one in mine if one.name == named] if named is not None else mine
    if named is not None and not chosen:
        raise UsageError(
            f"the pipeline {pipeline.name!r} has no schedule {named!r}",
            remedy=f"It has: {', '.join(one.name for one in mine) or 'none'}.",
        )
    if len(chosen) > 1:
        raise UsageError(
            f"the pipeline {pipeline.name!r} has {len(chosen)} schedules",
            remedy=f"Name one: --schedule {chosen[0].name}.",
        )
    if not chosen:
        return export
    (one,) = chosen
    values = tuple(
        (name, value)
        for name, value in one.params.items()
        if isinstance(value, int | float | bool | str)
    )
    return replace(export, cron=one.cron, tz=one.tz, values=values)


def _said(common: Common, paths: list[Path]) -> int:
    if common.json:
        print_json({"written": [str(path) for path in paths]})
    else:
        for path in paths:
            out.print(str(path), highlight=False)
    return 0
