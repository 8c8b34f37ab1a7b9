"""What is exported is taken by the packages of those that it is for."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from peer_environments import ask_peer

from towpath.core.errors import UsageError
from towpath.operate.exports import (
    KServeOptions,
    Parameter,
    PipelineExport,
    airflow_dag,
    kserve_documents,
    kubeflow_pipeline,
    to_yaml,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)

PARAMETERS = (
    Parameter(name="weeks", kind="integer", default=8),
    Parameter(name="rate", kind="number", default=0.1),
    Parameter(name="fast", kind="boolean", default=True),
    Parameter(name="only", kind="string", default='it\'s "odd"; rm -rf $HOME'),
    Parameter(name="year", kind="integer", default=None),
)


def exported(**more: Any) -> PipelineExport:
    named = {"project": "flights", "pipeline": "train", "folder": "/srv/flights"}
    return PipelineExport(**{**named, "parameters": PARAMETERS, **more})


KSERVE = """
import json, re, sys, yaml
import kserve.models, kubernetes.client.models as kinds
from kserve import ApiClient

def read(kind, value):
    # KServe's generated client can't read Kubernetes' own kinds; theirs can't read KServe's. This goes by the
    # types that both declare, and refuses what neither knows. Constructors refuse what they need and lack.
    if several := re.fullmatch(r"[lL]ist\\[(.*)\\]", kind):
        return [read(several[1], one) for one in value]
    if by_key := re.fullmatch(r"[dD]ict[\\[(]str, (.*)[\\])]", kind):
        return {key: read(by_key[1], one) for key, one in value.items()}
    model = getattr(kserve.models, kind, None) or (kinds.__dict__.get(kind) or (
        getattr(kinds, kind) if kind.startswith("V") else None))
    if model is None:
        return value
    names = {there: here for here, there in model.attribute_map.items()}
    unknown = set(value) - set(names)
    if unknown:
        sys.exit(f"{kind} has no {unknown}")
    return model(**{names[key]: read(model.openapi_types[names[key]], one)
                    for key, one in value.items()})

def told(value):
    # Required texts that nobody gave come back empty.
    if isinstance(value, dict):
        return {key: told(one) for key, one in value.items() if one != ""}
    return [told(one) for one in value] if isinstance(value, list) else value

runtime, served = yaml.safe_load_all(open(sys.argv[1]))
found = []
for document, kind in ((runtime, "V1alpha1ServingRuntime"), (served, "V1beta1InferenceService")):
    again = ApiClient().sanitize_for_serialization(read(kind, document))
    found.append({"document": told(again)})
print(json.dumps(found))
"""


def test_kserves_client_reads_the_runtime_and_the_service_whole(tmp_path: Path) -> None:
    options = KServeOptions(
        image="registry.example/towpath:1",
        uri="s3://models/board",
        namespace="rides",
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "ODD": "yes: 'no' #1"},
    )
    written = tmp_path / "kserve.yaml"
    written.write_text(to_yaml(*kserve_documents("board", options)))
    runtime, served = ask_peer(KSERVE, ["kserve"], str(written))
    assert runtime["document"] == kserve_documents("board", options)[0]  # nothing was dropped
    assert served["document"] == kserve_documents("board", options)[1]
    container = runtime["document"]["spec"]["containers"][0]
    env = {one["name"]: one["value"] for one in container["env"]}
    assert env["ODD"] == "yes: 'no' #1"
    model = served["document"]["spec"]["predictor"]["model"]
    assert (model["storageUri"], model["runtime"]) == ("s3://models/board", "towpath")


KFP = """
import json, sys
from google.protobuf.json_format import MessageToDict
from kfp import components, compiler, dsl

inner = components.load_component_from_file(sys.argv[1])

@dsl.pipeline(name="outer")
def outer(year: int = 2013):
    inner(year=year)

compiler.Compiler().compile(outer, sys.argv[2])
spec = inner.pipeline_spec
inputs = {
    name: [one.type, one.default, one.optional]
    for name, one in inner.component_spec.inputs.items()
}
print(json.dumps({"name": spec.pipeline_info.name, "inputs": inputs,
                  "container": dict(MessageToDict(spec)["deploymentSpec"]["executors"]["exec-run"]["container"])}))
"""


def test_kubeflows_compiler_loads_the_pipeline_and_uses_it_in_another(tmp_path: Path) -> None:
    written, outer = tmp_path / "train.yaml", tmp_path / "outer.yaml"
    written.write_text(to_yaml(kubeflow_pipeline(exported(), "registry.example/flights:3")))
    found = ask_peer(KFP, ["kfp"], str(written), str(outer))
    assert found["name"] == "flights-train"
    assert found["inputs"]["weeks"] == ["Integer", 8, True]
    assert found["inputs"]["fast"] == ["Boolean", True, True]
    assert found["inputs"]["only"][1] == PARAMETERS[3].default
    assert found["inputs"]["year"] == ["Integer", None, False]
    container = found["container"]
    assert container["image"] == "registry.example/flights:3"
    assert container["command"][:3] == ["towpath", "run", "train"]
    assert "weeks={{$.inputs.parameters['weeks']}}" in container["args"]
    assert outer.stat().st_size > 0


AIRFLOW = """
import json, os, sys, tempfile
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp()
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[1])
if not bag.dags:
    sys.exit(str(bag.import_errors or bag.dag_folder))
(dag,) = bag.dags.values()
(task,) = dag.tasks
print(json.dumps({
    "errors": {str(key): str(value) for key, value in bag.import_errors.items()},
    "dag": dag.dag_id, "schedule": str(dag.schedule), "runs": dag.max_active_runs,
    "params": {name: dag.params.get_param(name).dump() for name in dag.params},
    "task": task.task_id, "command": task.bash_command, "env": task.env,
}, default=str))
"""


def test_airflows_dag_bag_loads_the_dag_and_the_shell_reads_no_parameter_as_program(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "dags"
    folder.mkdir()
    export = exported(
        cron="0 3 * * 1", tz="Europe/Amsterdam", values=(("weeks", 12), ("year", 2013))
    )
    (folder / "train.py").write_text(airflow_dag(export))
    found = ask_peer(AIRFLOW, ["apache-airflow"], str(folder))
    assert found["errors"] == {}
    assert (found["dag"], found["runs"], found["task"]) == ("flights.train", 1, "run")
    assert "0 3 * * 1" in found["schedule"]
    assert found["params"]["weeks"]["value"] == 12
    assert found["params"]["only"]["schema"] == {"type": "string"}
    with pytest.raises(UsageError, match="'year'"):  # Airflow takes no schedule that lacks a value
        airflow_dag(exported(cron="@daily"))
    # Run what Airflow would, with the parameters as its templates would render them.
    said = tmp_path / "said"
    program = tmp_path / "towpath"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {said}\nexit $(cat {tmp_path}/code)\n')
    program.chmod(0o755)
    env = {**found["env"], "PATH": f"{tmp_path}:/usr/bin:/bin", "PARAM_ONLY": PARAMETERS[3].default}
    exits = {}
    for code in (0, 1, 3, 4, 5):
        (tmp_path / "code").write_text(str(code))
        shell = ["bash", "-c", found["command"]]
        exits[code] = subprocess.run(shell, env=env, check=False).returncode
    assert exits == {0: 0, 1: 1, 3: 99, 4: 99, 5: 5}
    assert f"only={PARAMETERS[3].default}" in said.read_text().splitlines()
