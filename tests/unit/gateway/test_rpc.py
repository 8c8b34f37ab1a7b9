"""The protocol over gRPC, spoken with messages and with the clients that people have."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton

from towpath.assets.models import load_predictor
from towpath.gateway.limits import Limits
from towpath.gateway.rpc.messages import SERVICE, message


class Caller:
    """Calls methods of the service by name."""

    def __init__(self, bench: Any) -> None:
        def address() -> str | None:
            with bench.ledger.read() as tx:
                return next((one.spec["rpc_address"] for one in tx.intents.list("gateway")), None)

        self.address: str = bench.eventually(address, "a gateway that tells where it is")
        self.bench = bench
        self.channel = grpc.insecure_channel(self.address)

    def __call__(self, method: str, metadata: Any = None, /, **fields: Any) -> Any:
        call = self.channel.unary_unary(
            f"/{SERVICE}/{method}",
            request_serializer=message(f"{method}Request").SerializeToString,
            response_deserializer=message(f"{method}Response").FromString,
        )
        return call(message(f"{method}Request")(**fields), timeout=20, metadata=metadata)

    def refused(self, method: str, metadata: Any = None, /, **fields: Any) -> tuple[str, str]:
        with pytest.raises(grpc.RpcError) as caught:
            self(method, metadata, **fields)
        return caught.value.code().name, caught.value.details()


@pytest.fixture
def open_caller(bench: Any) -> Iterator[Any]:
    with ExitStack() as held:

        def opened(**options: Any) -> Caller:
            bench.route(board=bench.service())
            bench.start(rpc_address="127.0.0.1:0", **options)
            caller = Caller(bench)
            held.callback(caller.channel.close)
            return caller

        yield opened


@pytest.fixture
def call(open_caller: Any) -> Caller:
    return open_caller()


def column(name: str, datatype: str, contents: str, values: list[Any]) -> dict[str, Any]:
    return {
        "name": name,
        "datatype": datatype,
        "shape": [len(values)],
        "contents": {contents: values},
    }


DISTANCE = column("distance", "FP64", "fp64_contents", [600.0, 400.0])
HOUR = column("hour", "INT64", "int64_contents", [7, 7])
RAW = {
    "inputs": [
        {"name": "distance", "datatype": "FP64", "shape": [2]},
        {"name": "hour", "datatype": "INT64", "shape": [2]},
    ],
    "raw_input_contents": [
        np.array([600.0, 400.0], "<f8").tobytes(),
        np.array([7, 7], "<i8").tobytes(),
    ],
}


def parameter(key: str, text: str) -> dict[str, Any]:
    return {"key": key, "value": {"string_param": text}}


def test_typed_contents_are_answered_typed_and_recorded(call: Caller) -> None:
    keys = parameter("keys", '["a", "b"]')
    said = call(
        "ModelInfer", model_name="board", id="7", inputs=[DISTANCE, HOUR], parameters=[keys]
    )

    assert (said.model_name, said.model_version, said.id) == ("board", "1", "7")
    (output,) = said.outputs
    expected = call.bench.infer(600.0, 400.0).json()["outputs"][0]
    assert (output.name, output.datatype) == (expected["name"], "FP64")
    assert list(output.contents.fp64_contents) == expected["data"]
    told = {one.key: one.value.string_param for one in said.parameters}
    assert told["model"] == "model:late@1"
    first = told["decision_ids"].strip('[]"').split('","')[0]
    decision = call.bench.log.find(first)
    assert (decision.key, decision.inputs) == ("a", {"distance": 600.0, "hour": 7})


def test_raw_contents_are_answered_raw(call: Caller) -> None:
    said = call("ModelInfer", model_name="board", model_version="1", **RAW)
    expected = call.bench.infer(600.0, 400.0).json()["outputs"][0]["data"]
    assert np.frombuffer(said.raw_output_contents[0], "<f8").tolist() == expected
    assert list(said.outputs[0].shape) == [2]


def test_server_and_model_tell_of_themselves(call: Caller) -> None:
    assert call("ServerLive").live
    assert call("ServerReady").ready
    assert call("ModelReady", name="board", version="1").ready
    assert call("ServerMetadata").name == "towpath"
    said = call("ModelMetadata", name="board")
    assert list(said.versions) == ["1"]
    assert [one.name for one in said.inputs] == ["distance", "hour"]
    assert said.outputs[0].datatype == "FP64"


def test_the_repository_lists_and_refuses_like_over_http(call: Caller) -> None:
    (model,) = call("RepositoryIndex").models
    assert (model.name, model.version, model.state) == ("board", "1", "READY")
    assert call("RepositoryModelLoad", model_name="board").is_loaded
    # KServe's clients write the name into the first field.
    assert call("RepositoryModelLoad", repository_or_model_name="board").model_name == "board"
    code, says = call.refused("RepositoryModelUnload", model_name="board")
    assert (code, "released" in says) == ("INVALID_ARGUMENT", True)


BAD = {
    "unknown model": ("NOT_FOUND", "Did you mean 'board'", {"model_name": "bord"}),
    "unknown version": ("NOT_FOUND", "version '9'", {"model_version": "9"}),
    "no inputs": ("INVALID_ARGUMENT", "no inputs", {"inputs": []}),
    "wrong field": (
        "INVALID_ARGUMENT",
        "Send them as fp64_contents",
        {"inputs": [column("distance", "FP64", "fp32_contents", [1.0]), HOUR]},
    ),
    "half floats are raw": (
        "INVALID_ARGUMENT",
        "raw_input_contents",
        {"inputs": [column("distance", "FP16", "fp32_contents", [1.0]), HOUR]},
    ),
    "raw for one": (
        "INVALID_ARGUMENT",
        "raw contents for 1",
        {**RAW, "raw_input_contents": RAW["raw_input_contents"][:1]},
    ),
    "typed beside raw": ("INVALID_ARGUMENT", "beside raw", {**RAW, "inputs": [DISTANCE, HOUR]}),
    "raw of no whole values": (
        "INVALID_ARGUMENT",
        "no whole FP64",
        {**RAW, "raw_input_contents": [b"\0" * 15, b"\0" * 16]},
    ),
    "no text": (
        "INVALID_ARGUMENT",
        "not UTF-8",
        {"inputs": [column("distance", "BYTES", "bytes_contents", [b"\xff"]), HOUR]},
    ),
    "unknown datatype": (
        "INVALID_ARGUMENT",
        "FP8",
        {"inputs": [column("distance", "FP8", "fp32_contents", [1.0]), HOUR]},
    ),
    "parameter is no JSON": (
        "INVALID_ARGUMENT",
        "'keys' is not JSON",
        {"parameters": [parameter("keys", "[")]},
    ),
    "parameter of another type": (
        "INVALID_ARGUMENT",
        "$.key",
        {"parameters": [{"key": "key", "value": {"int64_param": 7}}]},
    ),
}


def test_requests_that_are_none_are_told_so(call: Caller, subtests: Any) -> None:
    fine = {"model_name": "board", "inputs": [DISTANCE, HOUR]}
    for name, (code, says, fields) in BAD.items():
        with subtests.test(name):
            told = call.refused("ModelInfer", **{**fine, **fields})
            assert told[0] == code
            assert says in told[1]
    assert call.bench.log.count() == 0


def test_token_is_asked_for_everywhere_but_at_health(open_caller: Any) -> None:
    call = open_caller(token="s3cret")
    assert call("ServerLive").live
    assert call.refused("ServerMetadata")[0] == "UNAUTHENTICATED"
    assert call("ServerMetadata", [("authorization", "Bearer s3cret")]).name == "towpath"


def test_triton_client_works_unmodified(call: Caller) -> None:
    client = triton.InferenceServerClient(call.address)
    try:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("board", "1")
        assert client.get_server_metadata().name == "towpath"
        assert list(client.get_model_metadata("board").versions) == ["1"]
        assert client.get_model_repository_index().models[0].name == "board"
        client.load_model("board")
        with pytest.raises(triton.InferenceServerException, match="released"):
            client.unload_model("board")
        inputs = [
            triton.InferInput("distance", [2], "FP64").set_data_from_numpy(
                np.array([600.0, 400.0])
            ),
            triton.InferInput("hour", [2], "INT64").set_data_from_numpy(np.array([7, 8])),
        ]
        found = client.infer("board", inputs, request_id="7")
        name = found.get_response().outputs[0].name
        assert found.as_numpy(name).shape == (2,)
        with pytest.raises(triton.InferenceServerException, match="2 rows and one 'key'"):
            client.infer("board", inputs, parameters={"key": "UA-1"})
    finally:
        client.close()


def test_a_call_to_a_gateway_that_starts_waits_for_the_first_route(bench: Any) -> None:
    bench.route(board=bench.service())
    may_open = threading.Event()

    def load(package: str) -> Any:
        assert may_open.wait(60)
        return load_predictor(package, bench.blobs)

    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = {"rpc_address": address, "limits": Limits(start_s=60), "load": load}
    starting = threading.Thread(target=bench.start, kwargs=options)
    starting.start()
    try:
        with grpc.insecure_channel(address) as channel:
            infer = channel.unary_unary(
                f"/{SERVICE}/ModelInfer",
                request_serializer=message("ModelInferRequest").SerializeToString,
                response_deserializer=message("ModelInferResponse").FromString,
            )
            bench.eventually(lambda: is_bound(address), "a port")
            asked = message("ModelInferRequest")(model_name="board", inputs=[DISTANCE, HOUR])
            answer = infer.future(asked, timeout=20, wait_for_ready=True)
            may_open.set()
            assert answer.result().model_name == "board"
    finally:
        may_open.set()
        starting.join()


def is_bound(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with suppress(OSError), socket.create_connection((host, int(port)), 20):
        return True
    return False
