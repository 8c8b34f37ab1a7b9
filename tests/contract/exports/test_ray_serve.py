"""Ray Serve hands requests to whole gateways, which answer and record as they do behind a socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from missing import missing
from routed_service import route_board

from towpath.app.home import open_home
from towpath.app.place import resolve_place
from towpath.assets.models import load_predictor
from towpath.cli.on_ray import Options, gateway
from towpath.core.errors import UsageError
from towpath.operate.exports import ray_serve_config, to_yaml

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)

DRIVE = """
import json, logging, socket, sys, httpx, ray, yaml
from ray import serve
from ray.serve.schema import ServeDeploySchema
from towpath.cli.on_ray import gateway

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
ray.init(num_cpus=2, include_dashboard=False, logging_level=logging.ERROR,
         object_store_memory=80 << 20, log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config={"log_level": "ERROR"})
serve.run(gateway({"directory": sys.argv[1], "cpus": "0.5"}), name="towpath")
url = f"http://127.0.0.1:{port}"
rows = {"inputs": [{"name": "distance", "shape": [2], "datatype": "FP64", "data": [600.0, 400.0]}],
        "parameters": {"subjects": ["N1", "N2"]}}
(one,) = ServeDeploySchema.model_validate(yaml.safe_load(open(sys.argv[2]))).applications
found = {"config": [one.import_path, one.args, one.deployments[0].num_replicas]}
with httpx.Client(base_url=url, timeout=30) as client:
    for name, method, path, body in (
        ("ready", "GET", "/v2/health/ready", None),
        ("answer", "POST", "/v2/models/board/infer", rows),
        ("explained", "POST", "/v2/models/board/explain", rows),
        ("refused", "POST", "/v2/models/board/infer", {"inputs": []}),
        ("unknown", "GET", "/v2/models/nobody?x=1", None),
    ):
        said = client.request(method, path, json=body, headers={"Content-Type": "application/json"})
        found[name] = [said.status_code, said.json()]
serve.shutdown()
ray.shutdown()
print(json.dumps(found))
"""


def test_a_replica_follows_the_route_answers_by_the_protocol_and_records(tmp_path: Path) -> None:
    if find_spec("ray") is None or find_spec("fastapi") is None:
        missing("the extra `serve` is not installed")
    folder = tmp_path / "flights"
    folder.mkdir()
    (folder / "towpath.toml").write_text("")
    config = tmp_path / "serve.yaml"
    config.write_text(to_yaml(ray_serve_config(str(folder), replicas=2, cpus=0.5, port=8000)))
    place = resolve_place(folder, flags={}, environ={})
    with open_home(place) as home:
        package = route_board(home.ledger, home.blobs, home.keyring)
        environ = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
        done = subprocess.run(
            [sys.executable, "-c", DRIVE, str(folder), str(config)],
            check=False,
            capture_output=True,
            text=True,
            env=environ,
            timeout=150,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        status, answer = found["answer"]
        expected = load_predictor(package, home.blobs).predict({"distance": [600.0, 400.0]})
        assert status == 200, answer
        assert answer["outputs"][0]["data"] == expected["late"].tolist()
        for decision_id in answer["parameters"]["decision_ids"]:
            recorded = home.decisions.find(decision_id)
            assert recorded is not None
            assert recorded.service == "board"
        assert home.decisions.count("board") == 2  # neither the explanation nor the refusal is one
    assert found["config"] == ["towpath.cli.on_ray:gateway", {"directory": str(folder)}, 2]
    assert found["ready"] == [200, {"ready": True}]
    assert found["explained"][0] == 200
    assert (found["refused"][0], set(found["refused"][1])) == (400, {"error", "code"})
    assert found["unknown"][0] == 404


def test_arguments_are_checked_before_anything_is_deployed() -> None:
    with pytest.raises(UsageError, match="replica"):
        gateway({"replica": "2"})
    with pytest.raises(UsageError, match="ongoing"):
        gateway({"ongoing": "many"})
    assert Options().replicas == 1
