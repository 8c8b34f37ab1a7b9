"""Rows in the forms of MLflow's and SageMaker's clients, through a real socket."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.models import Signature, TensorSpec
from towpath.core.errors import InvalidRequest
from towpath.gateway.invocations import request_of
from towpath.gateway.protocol import NumberTensor

RECORDS = [{"distance": 600.0, "hour": 7}, {"distance": 400.0, "hour": 7}]
FORMS = {
    "split": {"dataframe_split": {"columns": ["distance", "hour"], "data": [[600, 7], [400, 7]]}},
    "records": {"dataframe_records": RECORDS},
    "instances": {"instances": RECORDS},
    "inputs": {"inputs": {"distance": [600.0, 400.0], "hour": [7, 7]}},
    "inputs as records": {"inputs": RECORDS},
}


def test_every_form_is_answered_as_the_protocol_answers(served: Any, subtests: Any) -> None:
    expected = served.infer(600.0, 400.0).json()["outputs"][0]["data"]
    for name, document in FORMS.items():
        with subtests.test(name):
            answer = served.post("/invocations", document)
            assert answer.status_code == 200, answer.text
            said = answer.json()
            assert said["predictions"] == expected
            decision = served.log.find(said["decision_ids"][1])
            assert decision.inputs == {"distance": 400.0, "hour": 7}


VALUES = st.sampled_from([0, 7, 0.5, -1e300, 2**60, 10**400, None, True, "7", [1]])
ROWS = st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES}), max_size=3)
SIGNATURE = Signature(
    inputs=(TensorSpec(name="a", datatype="FP64"), TensorSpec(name="b", datatype="INT64")),
    outputs=(TensorSpec(name="y", datatype="FP64"),),
)


def read(body: bytes, *, numbers: bool) -> Any:
    try:
        found = request_of(body, "application/json", SIGNATURE, numbers=numbers)
    except InvalidRequest as error:
        return str(error)
    return [(one.name, one.shape, one.datatype, one.data) for one in found.inputs]


@given(form=st.sampled_from(["dataframe_records", "instances", "inputs"]), rows=ROWS)
def test_rows_of_numbers_are_read_as_any_others(form: str, rows: list[dict[str, Any]]) -> None:
    split = {"columns": ["a", "b"], "data": [[row["a"], row["b"]] for row in rows]}
    for document in ({form: rows}, {"dataframe_split": split}):
        body = msgspec.json.encode(document)
        assert read(body, numbers=True) == read(body, numbers=False)


def test_rows_of_numbers_are_known_as_such() -> None:
    for document in FORMS.values():
        body = msgspec.json.encode(document)
        found = request_of(body, "", SIGNATURE, numbers=True).inputs
        assert [type(one) for one in found] == [NumberTensor, NumberTensor]


def test_csv_is_taken_and_given(served: Any) -> None:
    expected = served.infer(600.0, 400.0).json()["outputs"][0]["data"]
    answer = served.client.post(
        served.url + "/invocations",
        content="distance,hour\r\n600,7\r\n400,7\r\n",
        headers={"Content-Type": "text/csv; charset=utf-8", "Accept": "text/csv"},
    )
    assert answer.headers["content-type"] == "text/csv"
    assert [float(line) for line in answer.text.splitlines()] == expected


def test_rows_may_say_whom_they_are_about(served: Any) -> None:
    document = {"instances": RECORDS[:1], "params": {"key": "UA-1"}}
    said = served.post("/invocations", document).json()
    assert served.log.find(said["decision_id"]).key == "UA-1"


BAD = {
    "no form": ("application/json", "{}", "0 of the forms"),
    "two forms": ("application/json", '{"instances": [], "inputs": []}', "2 of the forms"),
    "not JSON": ("application/json", "{", "not what is expected"),
    "uneven": (
        "application/json",
        '{"dataframe_split": {"columns": ["distance"], "data": [[1, 2]]}}',
        "row 0 has 2 values for 1 columns",
    ),
    "column twice": (
        "application/json",
        '{"dataframe_split": {"columns": ["hour", "hour"], "data": [[1, 2]]}}',
        "twice",
    ),
    "unknown column": ("application/json", '{"instances": [{"wind": 1}]}', "'wind'"),
    "no rows": ("text/csv", "distance,hour", "no rows"),
    "empty": ("text/csv", "", "empty"),
    "no number": ("text/csv", "distance,hour\n600,x", "row 0 that is not INT64"),
    "no text": ("text/csv", b"\xff", "not CSV in UTF-8"),
    "unknown type": ("application/xml", "<a/>", "application/xml"),
}


@pytest.mark.parametrize(("kind", "content", "says"), BAD.values(), ids=BAD)
def test_rows_that_are_none(served: Any, kind: str, content: str | bytes, says: str) -> None:
    answer = served.client.post(
        served.url + "/invocations", content=content, headers={"Content-Type": kind}
    )
    assert answer.status_code == 400, answer.text
    assert says in answer.json()["error"]
    assert served.log.count() == 0


def test_an_absent_value_is_a_missing_one(served: Any) -> None:
    answer = served.client.post(
        served.url + "/invocations",
        content="distance,hour\n,7",
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status_code == 400
    assert "'distance'" in answer.json()["error"]


def test_one_of_several_services_is_named(bench: Any) -> None:
    bench.route(board=bench.service(), gate=bench.service())
    bench.start()
    document = {"instances": RECORDS}
    refused = bench.post("/invocations", document)
    assert refused.status_code == 400
    assert "X-Amzn-SageMaker-Target-Model" in refused.json()["error"]
    named = {"X-Amzn-SageMaker-Target-Model": "gate"}
    assert bench.post("/invocations", document, headers=named).status_code == 200
    assert bench.log.count("gate") == 2


def test_ping_tells_whether_requests_are_answered(served: Any) -> None:
    assert served.get("/ping").status_code == 200
