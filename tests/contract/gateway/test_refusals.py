"""Every kind of bad request gets the protocol's error, records nothing, and leaves the next one alone."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

INFER = "/v2/models/board/infer"


class Good:
    """A request that is right, to be spoiled in one place."""

    def __init__(self, rows: dict[str, list[Any]]) -> None:
        self.inputs = {
            name: {"name": name, "shape": [2], "datatype": name, "data": list(values)}
            for name, values in rows.items()
        }

    def body(self, **rest: Any) -> dict[str, Any]:
        return {"inputs": list(self.inputs.values()), **rest}

    def but(self, column: str, **changes: Any) -> dict[str, Any]:
        self.inputs[column] = {**self.inputs[column], **changes}
        return self.body()

    def without(self, column: str, field: str | None = None) -> dict[str, Any]:
        if field is None:
            del self.inputs[column]
        else:
            del self.inputs[column][field]
        return self.body()


# What is wrong → the body that says it.
BODIES = {
    "not JSON": lambda _: b"{",
    "nothing": lambda _: b"",
    "no UTF-8": lambda _: b'{"inputs": "\xff"}',
    "a list": lambda _: [],
    "a number": lambda _: 7,
    "null": lambda _: None,
    "text after the end": lambda good: json.dumps(good.body()).encode() + b"}",
    "nested beyond reason": lambda _: b'{"inputs":' + b"[" * 100_000,
    "no inputs": lambda _: {},
    "inputs null": lambda _: {"inputs": None},
    "inputs empty": lambda _: {"inputs": []},
    "inputs a mapping": lambda good: {"inputs": good.inputs},
    "an input that is a number": lambda _: {"inputs": [7]},
    "an input without a name": lambda good: good.without("FP64", "name"),
    "an input without a shape": lambda good: good.without("FP64", "shape"),
    "an input without a datatype": lambda good: good.without("FP64", "datatype"),
    "an input without data": lambda good: good.without("FP64", "data"),
    "a name that is a number": lambda good: good.but("FP64", name=7),
    "an unknown name": lambda good: good.but("FP64", name="nobody"),
    "an empty name": lambda good: good.but("FP64", name=""),
    "a column twice": lambda good: {"inputs": [*good.inputs.values(), good.inputs["FP64"]]},
    "a column missing": lambda good: good.without("INT8"),
    "an unknown datatype": lambda good: good.but("FP64", datatype="FP65"),
    "a datatype in small letters": lambda good: good.but("FP64", datatype="fp64"),
    "a datatype that is null": lambda good: good.but("FP64", datatype=None),
    "text where numbers are expected": lambda good: good.but("FP64", datatype="BYTES", data=["1", "2"]),
    "numbers where text is expected": lambda good: good.but("BYTES", datatype="INT64", data=[1, 2]),
    "floats where whole numbers are expected": lambda good: good.but("INT8", datatype="FP64", data=[1.5, 2.5]),
    "text in a tensor of numbers": lambda good: good.but("FP64", data=["a", "b"]),
    "numbers as text": lambda good: good.but("FP64", data=["1", "2"]),
    "truth in a tensor of numbers": lambda good: good.but("INT64", data=[True, False]),
    "numbers in a tensor of truth": lambda good: good.but("BOOL", data=[2, 3]),
    "a mapping as data": lambda good: good.but("FP64", data={"a": 1}),
    "a value that is a mapping": lambda good: good.but("FP64", data=[1.0, {"a": 1}]),
    "a missing value": lambda good: good.but("FP64", data=[1.0, None]),
    "beyond the datatype": lambda good: good.but("UINT8", data=[1, 256]),
    "below the datatype": lambda good: good.but("UINT8", data=[1, -1]),
    "a fraction in whole numbers": lambda good: good.but("INT64", data=[1, 1.5]),
    "beyond every datatype": lambda good: good.but("INT64", data=[1, 2**70]),
    "infinity": lambda good: json.dumps(good.but("FP64", data=[1.0, float("inf")])).encode(),
    "a number that overflows": lambda good: json.dumps(good.body()).replace('"FP64", "data": [', '"FP64", "data": [1e999, ').encode(),
    "too few values": lambda good: good.but("FP64", data=[1.0]),
    "too many values": lambda good: good.but("FP64", data=[1.0, 2.0, 3.0]),
    "ragged rows": lambda good: good.but("FP64", shape=[2, 2], data=[[1.0, 2.0], [3.0]]),
    "more rows than the others": lambda good: good.but("FP64", shape=[3], data=[1.0, 2.0, 3.0]),
    "a shape of no rows": lambda good: {"inputs": [{**one, "shape": [0], "data": []} for one in good.inputs.values()]},
    "a negative shape": lambda good: good.but("FP64", shape=[-1]),
    "a shape that is a number": lambda good: good.but("FP64", shape=2),
    "a shape of fractions": lambda good: good.but("FP64", shape=[2.5]),
    "an empty shape": lambda good: good.but("FP64", shape=[]),
    "a shape whose product overflows": lambda good: good.but("FP64", shape=[2**62, 2**62]),
    "a shape of text": lambda good: good.but("FP64", shape=["2"]),
    "outputs a mapping": lambda good: good.body(outputs={"name": "y"}),
    "an output without a name": lambda good: good.body(outputs=[{}]),
    "an unknown output": lambda good: good.body(outputs=[{"name": "nobody"}]),
    "parameters a list": lambda good: good.body(parameters=[]),
    "an id that is a number": lambda good: good.body(id=7),
    "a key that is a number": lambda good: good.body(parameters={"key": 7}),
    "keys for other rows": lambda good: good.body(parameters={"keys": ["a"]}),
    "one key for several rows": lambda good: good.body(parameters={"key": "a"}),
    "a subject where nobody is one": lambda good: good.body(parameters={"subjects": ["a", "b"]}),
    "a time that is none": lambda good: good.body(parameters={"times": ["soon", "later"]}),
    "bytes that were not sent": lambda good: good.but("FP64", data=[], parameters={"binary_data_size": 16}),
}  # fmt: skip


def binary(good: Good, raw: bytes, *, size: Any, says: Any = None, shape: int = 2) -> Any:
    """Return a request whose column FP64 comes as bytes, and its headers."""
    del good.inputs["FP64"]["data"]
    body = good.but("FP64", shape=[shape], parameters={"binary_data_size": size})
    head = json.dumps(body).encode()
    length = str(len(head)) if says is None else says
    return head + raw, {"Inference-Header-Content-Length": length}


TWO = struct.pack("<2d", 1.0, 2.0)
# What is wrong with tensors as bytes → the body and the headers.
BINARIES = {
    "bytes that are too few": lambda good: binary(good, TWO[:15], size=16),
    "bytes that are too many": lambda good: binary(good, TWO + b"\0", size=16),
    "a size that is not the shape's": lambda good: binary(good, TWO[:8], size=8),
    "a size that is negative": lambda good: binary(good, TWO, size=-16),
    "a size that is text": lambda good: binary(good, TWO, size="16"),
    "a size beyond everything": lambda good: binary(good, TWO, size=2**62),
    "a header that is no number": lambda good: binary(good, TWO, size=16, says="many"),
    "a header that is negative": lambda good: binary(good, TWO, size=16, says="-1"),
    "a header beyond the body": lambda good: binary(good, TWO, size=16, says="99999999"),
    "a header that cuts the JSON": lambda good: binary(good, TWO, size=16, says="10"),
    "infinity as bytes": lambda good: binary(good, struct.pack("<2d", 1, float("inf")), size=16),
    "both data and bytes": lambda good: (
        json.dumps(good.but("FP64", parameters={"binary_data_size": 16})).encode() + TWO,
        {"Inference-Header-Content-Length": str(len(json.dumps(good.body())))},
    ),
}

ROUTES = {
    "an unknown model": ("POST", "/v2/models/nobody/infer", 404),
    "an unknown version": ("POST", "/v2/models/board/versions/99/infer", 404),
    "a version that is no number": ("POST", "/v2/models/board/versions/new/infer", 404),
    "an unknown model's metadata": ("GET", "/v2/models/nobody", 404),
    "an unknown model's readiness": ("GET", "/v2/models/nobody/ready", 404),
    "an unknown version's metadata": ("GET", "/v2/models/board/versions/99", 404),
    "an unknown version's readiness": ("GET", "/v2/models/board/versions/99/ready", 404),
    "an unknown model's explanation": ("POST", "/v2/models/nobody/explain", 404),
    "no such path": ("GET", "/v2/nothing", 404),
    "no such path at the root": ("POST", "/", 404),
    "a path that climbs": ("GET", "/v2/models/../../etc/passwd", 404),
    "a path of another encoding": ("GET", "/v2/models/%00", 404),
    "getting an inference": ("GET", INFER, 405),
    "putting an inference": ("PUT", INFER, 405),
    "deleting a model": ("DELETE", "/v2/models/board", 405),
    "posting to health": ("POST", "/v2/health/live", 405),
    "unloading what a release serves": ("POST", "/v2/repository/models/board/unload", 400),
    "loading an unknown model": ("POST", "/v2/repository/models/nobody/load", 404),
}


@pytest.fixture(scope="module")
def client(gateway: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, timeout=30) as client:
        yield client


@pytest.fixture
def held(gateway: Any, client: httpx.Client) -> Iterator[Good]:
    """A good request; nothing may be recorded, and it must be answered, after it was spoiled."""
    before = gateway.log.count()
    yield Good(gateway.rows)
    answered = client.post(INFER, json=Good(gateway.rows).body())
    assert answered.json()["outputs"][0]["data"] == gateway.answer
    assert gateway.log.count() == before + 2


def assert_refused(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in (statuses or range(400, 500)), answer.text
    assert answer.headers["content-type"].startswith("application/json")
    said = answer.json()
    assert set(said) <= {"error", "code"}  # the code is an addition of ours, for programs
    assert isinstance(said["error"], str)
    assert said["error"].strip()
    assert "Traceback" not in said["error"]


@pytest.mark.parametrize("wrong", BODIES)
def test_a_body_that_is_wrong(client: httpx.Client, held: Good, wrong: str) -> None:
    body = BODIES[wrong](held)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert_refused(client.post(INFER, content=content), 400)


@pytest.mark.parametrize("wrong", BINARIES)
def test_tensors_as_bytes_that_are_wrong(client: httpx.Client, held: Good, wrong: str) -> None:
    content, headers = BINARIES[wrong](held)
    assert_refused(client.post(INFER, content=content, headers=headers), 400)


@pytest.mark.parametrize("wrong", ROUTES)
def test_a_request_for_what_is_not_there(client: httpx.Client, held: Good, wrong: str) -> None:
    method, path, status = ROUTES[wrong]
    body = held.body() if method == "POST" else None
    assert_refused(client.request(method, path, json=body), status)
