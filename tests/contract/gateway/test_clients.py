"""The protocol's clients, unmodified, on every route and with every datatype."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from missing import missing

CLIENTS = Path(__file__).parent / "clients"
OPEN_INFERENCE = ("open-inference-openapi", "open-inference-grpc", "grpcio", "protobuf")
ENVIRONMENT_S = 240


def spoken(script: str, packages: tuple[str, ...], gateway: Any) -> Any:
    """Run a client's script in an environment of its own; the package registry must be there."""
    if shutil.which("uv") is None:
        missing("uv, which makes environments for clients, is not installed")
    command = ["uv", "run", "--isolated", "--no-project", "--quiet", "--python", sys.executable]
    for package in packages:
        command += ["--with", package]
    ours = ("VIRTUAL_ENV", "PYTHONPATH")
    environ = {key: value for key, value in os.environ.items() if key not in ours}
    done = subprocess.run(
        [*command, "python", str(CLIENTS / script), gateway.url, gateway.grpc],
        check=False,
        input=json.dumps(gateway.rows),
        capture_output=True,
        text=True,
        timeout=ENVIRONMENT_S,
        env=environ,
    )
    if done.returncode and "Failed to fetch" in done.stderr:
        missing(f"{', '.join(packages)} can't be installed: the registry does not answer")
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def kserve(gateway: Any) -> Any:
    return spoken("kserve_client.py", ("kserve",), gateway)


@pytest.fixture(scope="module")
def open_inference(gateway: Any) -> Any:
    return spoken("open_inference_client.py", OPEN_INFERENCE, gateway)


@pytest.mark.parametrize(("transport", "kinds"), [("rest", ("json", "bytes")), ("grpc", ("typed", "raw"))])  # fmt: skip
def test_kserve_understands_us(
    kserve: Any, gateway: Any, transport: str, kinds: tuple[str, ...]
) -> None:
    told = kserve[transport]
    assert [told[one] for one in ("live", "ready", "model ready")] == [True] * 3
    for kind in kinds:
        expected = {"id": kind, "name": "y", "values": gateway.answer}
        assert told[kind] == expected
    assert "board" in told["refusal"] or "BOOL" in told["refusal"]


def test_the_protocols_rest_client_understands_us(open_inference: Any, gateway: Any) -> None:
    told = open_inference["rest"]
    expected = {"id": "7", "version": "1", "name": "y", "values": gateway.answer}
    assert told["json"] == told["versioned"] == expected
    assert told["server"] == "towpath"
    assert told["versions"] == ["1"]
    assert told["inputs"] == told["versioned inputs"] == list(gateway.rows)
    assert "UINT8" in told["refusal"]
    assert told["unknown"].startswith("404")
    assert "nobody" in told["unknown"]


def test_the_protocols_grpc_client_understands_us(open_inference: Any, gateway: Any) -> None:
    told = open_inference["grpc"]
    assert [told[one] for one in ("live", "ready", "model ready")] == [True] * 3
    assert told["typed"] == {"id": "7", "version": "1", "name": "y", "values": gateway.answer}
    assert told["server"] == "towpath"
    assert (told["versions"], told["inputs"]) == (["1"], list(gateway.rows))
    assert "BOOL" in told["refusal"]
    assert "nobody" in told["unknown"]


@cache
def triton(transport: str) -> Any:
    return {"http": tritonclient.http, "grpc": tritonclient.grpc}[transport]


@pytest.fixture(params=["http", "grpc"])
def transport(request: Any) -> str:
    return request.param


@pytest.fixture
def client(gateway: Any, transport: str) -> Any:
    address = gateway.url.removeprefix("http://") if transport == "http" else gateway.grpc
    client = triton(transport).InferenceServerClient(address)
    yield client
    client.close()


def tensors(gateway: Any, transport: str, **binary: bool) -> list[Any]:
    """Return the rows as the client's inputs, each in the type that is its name."""
    made = []
    for name, values in gateway.rows.items():
        kind = {"BOOL": "bool", "FP32": "float32", "FP64": "float64", "BYTES": "object"}
        array = np.array(values, dtype=kind.get(name, name.lower()))
        tensor = triton(transport).InferInput(name, [len(values)], name)
        tensor.set_data_from_numpy(array, **binary)
        made.append(tensor)
    return made


def test_triton_asks_about_server_and_models(client: Any, transport: str) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("board")
    assert client.is_model_ready("board", "1")
    if transport == "http":
        assert not client.is_model_ready("board", "2")
    about = {} if transport == "http" else {"as_json": True}
    assert client.get_server_metadata(**about)["name"] == "towpath"
    metadata = client.get_model_metadata("board", **about)
    assert metadata["versions"] == ["1"]
    assert [one["datatype"] for one in metadata["inputs"]] == [
        one["name"] for one in metadata["inputs"]
    ]
    listed = client.get_model_repository_index(**about)
    models = listed if transport == "http" else listed["models"]
    assert [(one["name"], one["state"]) for one in models] == [("board", "READY")]


def test_triton_sends_and_takes_every_datatype(gateway: Any, client: Any, transport: str) -> None:
    binary = {"binary_data": True} if transport == "http" else {}
    asked = triton(transport).InferRequestedOutput("y", **binary)
    found = client.infer(
        "board", tensors(gateway, transport, **binary), request_id="7", outputs=[asked]
    )
    assert found.as_numpy("y").tolist() == gateway.answer
    response = found.get_response()
    assert (response if transport == "grpc" else response["id"]) in ("7", response)


def test_triton_sends_every_datatype_as_json(gateway: Any) -> None:
    with tritonclient.http.InferenceServerClient(gateway.url.removeprefix("http://")) as client:
        asked = tritonclient.http.InferRequestedOutput("y", binary_data=False)
        found = client.infer("board", tensors(gateway, "http", binary_data=False), outputs=[asked])
    assert found.as_numpy("y").tolist() == gateway.answer


def test_triton_is_told_what_is_wrong(gateway: Any, client: Any, transport: str) -> None:
    with pytest.raises(Exception, match="nobody"):
        client.infer("nobody", tensors(gateway, transport))
    with pytest.raises(Exception, match="version"):
        client.infer("board", tensors(gateway, transport), model_version="9")
    with pytest.raises(Exception, match="BOOL"):
        client.infer("board", tensors(gateway, transport)[1:])
    with pytest.raises(Exception, match="release"):
        client.unload_model("board")
    client.load_model("board")
