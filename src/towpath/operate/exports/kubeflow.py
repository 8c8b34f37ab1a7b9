"""A pipeline as a compiled pipeline of Kubeflow Pipelines 2.

https://www.kubeflow.org/docs/components/pipelines/reference/component-spec/ and the messages of `PipelineSpec`
in kubeflow/pipelines, `api/v2alpha1/pipeline_spec.proto`. Written directly, so that exporting needs no SDK.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from towpath.operate.exports.parameters import PipelineExport

_TYPES = {
    "integer": "NUMBER_INTEGER",
    "number": "NUMBER_DOUBLE",
    "boolean": "BOOLEAN",
    "string": "STRING",
}
_SCHEMA = "2.1.0"
_SDK = "kfp-2.7.0"


def kubeflow_pipeline(export: PipelineExport, image: str) -> dict[str, Any]:
    """Return the pipeline's document.

    One container follows the whole run; Towpath's own cache decides what is computed again, so Kubeflow's
    is switched off.

    Args:
        export: The pipeline.
        image: Has Towpath and the project, in the export's folder, and reaches the home.
    """
    command = ["towpath", "run", export.pipeline, "--json", "--directory", export.folder]
    values = dict(export.values)
    declared: dict[str, Any] = {}
    asked: dict[str, Any] = {}
    passed: dict[str, Any] = {}
    args: list[str] = []
    for one in export.parameters:
        kind: dict[str, Any] = {"parameterType": _TYPES[one.kind]}
        asked[one.name] = kind
        default = values.get(one.name, one.default)
        declared[one.name] = (
            kind if default is None else {**kind, "defaultValue": default, "isOptional": True}
        )
        passed[one.name] = {"componentInputParameter": one.name}
        args += ["--param", f"{one.name}={{{{$.inputs.parameters['{one.name}']}}}}"]
    component: dict[str, Any] = {"executorLabel": "exec-run"}
    task: dict[str, Any] = {
        "cachingOptions": {},
        "componentRef": {"name": "comp-run"},
        "taskInfo": {"name": "run"},
    }
    root: dict[str, Any] = {"dag": {"tasks": {"run": task}}}
    if asked:
        component["inputDefinitions"] = {"parameters": asked}
        task["inputs"] = {"parameters": passed}
        root["inputDefinitions"] = {"parameters": declared}
    container = {"image": image, "command": command, "args": args}
    return {
        "components": {"comp-run": component},
        "deploymentSpec": {"executors": {"exec-run": {"container": container}}},
        "pipelineInfo": {"name": _dns(f"{export.project}-{export.pipeline}")},
        "root": root,
        "schemaVersion": _SCHEMA,
        "sdkVersion": _SDK,
    }


def _dns(name: str) -> str:
    """Return a name that Kubernetes takes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63]
