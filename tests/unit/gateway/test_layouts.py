"""The short way into a matrix takes nothing that the long one refuses, and nothing in another way."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.models import Inputs, TensorSpec
from towpath.assets.models.rows import RowReader
from towpath.core.errors import InvalidRequest
from towpath.gateway.answers.layouts import MatrixLayout
from towpath.gateway.answers.tensors import columns_of
from towpath.gateway.protocol import NumberTensor, Tensor, decode_infer

INPUTS = [
    TensorSpec(name="wind", datatype="FP64", nullable=True),
    TensorSpec(name="gust", datatype="FP32"),
    TensorSpec(name="hour", datatype="INT64"),
]
WITH_TRUTH = [*INPUTS, TensorSpec(name="rain", datatype="BOOL")]
LAYOUT = MatrixLayout(INPUTS)
VALUES = st.sampled_from(
    [0, 1, 7, -3, 0.5, 7.0, 1e39, 2**53, 2**53 + 1, 2**64, 10**400, None, True, False]
)
DATATYPES = st.sampled_from(["FP64", "FP64", "FP32", "INT64", "FP16", "BOOL", "FP8"])


def message(tensors: list[dict[str, Any]], *, truths: bool = False) -> Any:
    body = msgspec.json.encode({"inputs": tensors})
    return decode_infer(body, numbers=True, truths=truths).inputs


def judged(tensors: Any, inputs: list[TensorSpec] = INPUTS) -> bool:
    """Hold the short way to the long one: what it takes, that takes as well, and reads as the same."""
    reader = RowReader(Inputs(columns=tuple(inputs), levels={}))
    matrix = MatrixLayout(inputs).matrix(tensors)
    try:
        short = None if matrix is None else reader.check(matrix)
    except InvalidRequest:
        short = None
    if short is not None:
        _, columns = columns_of(tensors, inputs)
        np.testing.assert_array_equal(short, reader.matrix(columns))
    return short is not None


@given(
    rows=st.integers(-1, 3),
    width=st.sampled_from([3, 3, 3, 2]),
    datatype=DATATYPES,
    values=st.lists(VALUES, max_size=9),
    nested=st.booleans(),
)
def test_one_tensor_for_all_columns(
    rows: int, width: int, datatype: str, values: list[Any], nested: bool
) -> None:
    data = [values[at : at + 3] for at in range(0, len(values), 3)] if nested else values
    tensor = {"name": "x", "shape": [rows, width], "datatype": datatype, "data": data}
    judged(message([tensor]))
    judged(message([tensor], truths=True))


COLUMN = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["wind", "gust", "hour", "rain"]),
        "shape": st.sampled_from([[1], [2], [2, 1], [1, 1], []]),
        "datatype": DATATYPES,
        "data": st.lists(VALUES, max_size=2),
    }
)


def usual(inputs: list[TensorSpec], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw a tensor for each column, in any order."""
    columns = [
        st.fixed_dictionaries(
            {
                "name": st.just(one.name),
                "shape": st.just([2]),
                "datatype": st.just(one.datatype),
                "data": st.lists(values, min_size=2, max_size=2),
            }
        )
        for one in inputs
    ]
    return st.tuples(*columns).map(list).flatmap(st.permutations)


@given(tensors=st.lists(COLUMN, max_size=4) | usual(INPUTS, VALUES))
def test_one_tensor_per_column(tensors: list[dict[str, Any]]) -> None:
    judged(message(tensors))


@given(tensors=usual(WITH_TRUTH, VALUES) | usual(WITH_TRUTH, st.sampled_from([0, 1, True, False])))
def test_truth_values_among_numbers(tensors: list[dict[str, Any]]) -> None:
    judged(message(tensors, truths=True), WITH_TRUTH)


def test_truth_values_take_the_short_way_where_they_belong() -> None:
    tensors = [
        {"name": one.name, "shape": [2], "datatype": one.datatype, "data": [1, 0]}
        for one in WITH_TRUTH
    ]
    tensors[-1]["data"] = [True, False]
    assert judged(message(tensors, truths=True), WITH_TRUTH)
    tensors[-1]["data"] = [1, 7]
    assert not judged(message(tensors, truths=True), WITH_TRUTH)
    tensors[0]["data"], tensors[-1]["data"] = [1.5, True], [1, 0]
    assert not judged(message(tensors, truths=True), WITH_TRUTH)
    raw = Tensor(name="rain", shape=[2], datatype="BOOL", data=np.array([True, False]))
    numbers = [
        Tensor(name=one.name, shape=[2], datatype=one.datatype, data=np.array([1.0, 2.0]))
        for one in INPUTS
    ]
    assert MatrixLayout(WITH_TRUTH).matrix([*numbers, raw]) is not None


def test_what_is_usual_takes_the_short_way() -> None:
    whole = {"name": "x", "shape": [2, 3], "datatype": "FP64", "data": [1, 2, 3, 4.5, 5, None]}
    expected = [[1, 2, 3], [4.5, 5, np.nan]]
    np.testing.assert_array_equal(LAYOUT.matrix(message([whole])), expected)
    nested = whole | {"data": [[1, 2, 3], [4.5, 5, None]]}
    np.testing.assert_array_equal(LAYOUT.matrix(message([nested])), expected)
    columns = [
        {"name": one.name, "shape": [2], "datatype": one.datatype, "data": list(data)}
        for one, data in zip(INPUTS, zip(*nested["data"], strict=True), strict=True)
    ]
    np.testing.assert_array_equal(LAYOUT.matrix(message(columns)), expected)
    np.testing.assert_array_equal(LAYOUT.matrix(message(columns[::-1])), expected)


@pytest.mark.parametrize("start", range(8))
def test_bytes_are_read_wherever_they_lie(start: int) -> None:
    given = np.array([[1.0, 2.0, 3.0]])
    body = b"x" * start + given.tobytes()
    data = np.frombuffer(memoryview(body)[start:], "<f8")
    found = LAYOUT.matrix([Tensor(name="x", shape=[1, 3], datatype="FP64", data=data)])
    assert found is not None
    np.testing.assert_array_equal(found, given)
    assert found.flags.aligned


def test_lists_that_may_hold_anything_take_the_long_way() -> None:
    fields = {"name": "x", "shape": [1, 3], "datatype": "FP64"}
    assert LAYOUT.matrix([Tensor(**fields, data=[1.0, 2.0, True])]) is None
    assert LAYOUT.matrix([NumberTensor(**fields, data=[1.0, 2.0, 3])]) is not None
    with pytest.raises(InvalidRequest):
        columns_of([Tensor(**fields, data=[1.0, 2.0, True])], INPUTS)


def test_models_of_text_have_no_layout() -> None:
    assert MatrixLayout.of([*INPUTS, TensorSpec(name="x", datatype="BYTES")]) is None
    assert MatrixLayout.of(WITH_TRUTH) is not None
