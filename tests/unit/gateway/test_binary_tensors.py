"""Tensors as bytes: every datatype in and out, and what is wrong with bytes that are none."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest

from towpath.core.errors import InvalidRequest
from towpath.gateway.answers.binary import attach, json_bytes
from towpath.gateway.answers.tensors import values_of
from towpath.gateway.protocol import InferRequest, Tensor

HOUR = {"name": "hour", "datatype": "INT64"}
DISTANCE = {"name": "distance", "datatype": "FP64"}
NUMBERS = {
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
}


def tensor(datatype: str, raw: bytes, **fields: Any) -> InferRequest:
    told = {"shape": [2], "parameters": {"binary_data_size": len(raw)}} | fields
    return InferRequest(inputs=[Tensor(name="x", datatype=datatype, **told)])


def taken(datatype: str, raw: bytes, **fields: Any) -> Any:
    request = tensor(datatype, raw, **fields)
    attach(request, memoryview(raw))
    return values_of(request.inputs[0])


@pytest.mark.parametrize(("datatype", "dtype"), NUMBERS.items())
def test_numbers_come_as_little_endian_bytes(datatype: str, dtype: Any) -> None:
    most = np.finfo(dtype).max if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    values = np.array([3, most], dtype=np.dtype(dtype).newbyteorder("<"))
    assert taken(datatype, values.tobytes()) == values.tolist()


def test_brain_floats_are_the_upper_half_of_single_ones() -> None:
    halves = np.array([1.5, -2.0], dtype="<f4").view("<u2")[1::2]
    assert taken("BF16", halves.tobytes()) == [1.5, -2.0]


def test_truth_values_are_one_byte() -> None:
    assert taken("BOOL", b"\x01\x00") == [True, False]


def test_texts_carry_their_length() -> None:
    texts = ["Zürich", ""]
    raw = b"".join(struct.pack("<I", len(one.encode())) + one.encode() for one in texts)
    assert taken("BYTES", raw) == texts


def test_a_nan_is_a_missing_value() -> None:
    assert taken("FP32", np.array([np.nan, 2], dtype="<f4").tobytes()) == [None, 2.0]


BAD = {
    "unknown datatype": ("FP8", b"\0\0", {}, "unknown datatype 'FP8'"),
    "no whole values": ("INT64", b"\0" * 15, {}, "no whole INT64"),
    "neither true nor false": ("BOOL", b"\x02\x00", {}, "neither 0 nor 1"),
    "text cut off": ("BYTES", struct.pack("<I", 9) + b"a", {}, "9 bytes where 1 are left"),
    "length cut off": ("BYTES", b"\x01\x00", {}, "middle of a text's length"),
    "no text": ("BYTES", struct.pack("<I", 1) + b"\xff", {}, "row 0 that is not UTF-8"),
    "data twice": ("BOOL", b"\x01\x00", {"data": [True, False]}, "both data and"),
    "size is no number": ("BOOL", b"\x01\x00", {"parameters": {"binary_data_size": "2"}}, "'2'"),
    "size below zero": ("BOOL", b"\x01\x00", {"parameters": {"binary_data_size": -1}}, "-1"),
    "too few": ("BOOL", b"\x01\x00", {"parameters": {"binary_data_size": 3}}, "where 2 are left"),
    "too many": ("BOOL", b"\x01\x00", {"parameters": {"binary_data_size": 1}}, "1 bytes behind"),
}


@pytest.mark.parametrize(("datatype", "raw", "fields", "says"), BAD.values(), ids=BAD)
def test_bytes_that_are_no_tensor(
    datatype: str, raw: bytes, fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        taken(datatype, raw, **fields)


@pytest.mark.parametrize("header", [b"-1", b"x", b"4", b"1.0"])
def test_a_header_that_is_no_length_of_the_json(header: bytes) -> None:
    with pytest.raises(InvalidRequest, match="not the length of the JSON"):
        json_bytes(header, b"{} ")


def request(*distances: float, **parameters: Any) -> tuple[bytes, dict[str, str]]:
    rows = len(distances)
    raw = [np.array(distances, "<f8").tobytes(), np.full(rows, 7, "<i8").tobytes()]
    inputs = [
        {**column, "shape": [rows], "parameters": {"binary_data_size": len(one)}}
        for column, one in zip((DISTANCE, HOUR), raw, strict=True)
    ]
    head = json.dumps({"inputs": inputs, "parameters": parameters}).encode()
    return head + b"".join(raw), {"Inference-Header-Content-Length": str(len(head))}


def test_bytes_are_answered_like_json_and_recorded_alike(served: Any) -> None:
    url = served.url + "/v2/models/board/infer"
    body, headers = request(600.0, 400.0)

    answer = served.client.post(url, content=body, headers=headers)

    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["outputs"] == served.infer(600.0, 400.0).json()["outputs"]
    decision = served.log.find(said["parameters"]["decision_ids"][0])
    assert decision.inputs == {"distance": 600.0, "hour": 7}


def test_outputs_come_as_bytes_where_asked_for(served: Any) -> None:
    url = served.url + "/v2/models/board/infer"
    body, headers = request(600.0, 400.0, binary_data_output=True)

    answer = served.client.post(url, content=body, headers=headers)

    assert answer.headers["content-type"] == "application/octet-stream"
    head = int(answer.headers["inference-header-content-length"])
    (output,) = json.loads(answer.content[:head])["outputs"]
    assert "data" not in output
    assert output["parameters"] == {"binary_data_size": 16}
    plain = served.infer(600.0, 400.0).json()["outputs"][0]
    assert np.frombuffer(answer.content[head:], "<f8").tolist() == plain["data"]

    one = [{"name": output["name"], "parameters": {"binary_data": False}}]
    document = served.body(600.0) | {"outputs": one, "parameters": {"binary_data_output": True}}
    assert len(served.post("/v2/models/board/infer", document).json()["outputs"][0]["data"]) == 1


def test_bytes_that_are_missing_are_a_refusal(served: Any) -> None:
    url = served.url + "/v2/models/board/infer"
    body, headers = request(600.0)
    for content, sent in ((body[:-1], headers), (body, {}), (body + b"x", headers)):
        answer = served.client.post(url, content=content, headers=sent)
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]
    assert served.log.count() == 0
