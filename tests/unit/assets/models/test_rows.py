"""Requests become numbers, and what is wrong with one is named."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.models.contract import TensorSpec
from towpath.assets.models.inputs import Inputs
from towpath.assets.models.rows import RowReader
from towpath.core.errors import InvalidRequest

INPUTS = Inputs(
    columns=(
        TensorSpec(name="wind", datatype="FP64", nullable=True),
        TensorSpec(name="gust", datatype="FP32"),
        TensorSpec(name="hour", datatype="INT8"),
        TensorSpec(name="night", datatype="BOOL"),
        TensorSpec(name="origin", datatype="BYTES"),
        TensorSpec(name="gate", datatype="BYTES", nullable=True),
    ),
    levels={"origin": ("EWR", "JFK"), "gate": ("A", "B")},
)
GOOD = {
    "wind": [3.5, None, 7],
    "gust": [0.1, 2.0, 3.0],
    "hour": [0, 5, 23],
    "night": [True, False, True],
    "origin": ["JFK", "EWR", "XXX"],
    "gate": ["B", None, "A"],
}
NAN = math.nan
EXPECTED = np.array(
    [
        [3.5, float(np.float32(0.1)), 0, 1, 1, 1],
        [NAN, 2.0, 5, 0, 0, NAN],
        [7.0, 3.0, 23, 1, NAN, 0],
    ]
)


@pytest.fixture(scope="module")
def reader():
    return RowReader(INPUTS)


def arrays(request):
    types = {"wind": np.float64, "gust": np.float32, "hour": np.int16, "night": np.bool_}
    return {
        name: np.array(
            [NAN if one is None and name in types else one for one in values],
            dtype=types.get(name, object),
        )
        for name, values in request.items()
    }


def row(request, at):
    return {name: values[at : at + 1] for name, values in request.items()}


def test_lists_and_arrays_read_the_same(reader):
    np.testing.assert_array_equal(reader.matrix(GOOD), EXPECTED)
    np.testing.assert_array_equal(reader.matrix(arrays(GOOD)), EXPECTED)


@pytest.mark.parametrize("at", range(3))
def test_one_row_reads_as_it_does_among_others(reader, at):
    np.testing.assert_array_equal(reader.matrix(row(GOOD, at)), EXPECTED[at : at + 1])
    np.testing.assert_array_equal(reader.matrix(row(arrays(GOOD), at)), EXPECTED[at : at + 1])


def test_text_may_be_bytes(reader):
    request = GOOD | {"origin": [b"JFK", b"EWR", b"\xc3\xa9"]}
    np.testing.assert_array_equal(reader.matrix(request), EXPECTED)


def test_a_frame_keeps_text_and_types(reader):
    frame = reader.frame(GOOD)
    assert frame.schema == {
        "wind": pl.Float64,
        "gust": pl.Float32,
        "hour": pl.Int8,
        "night": pl.Boolean,
        "origin": pl.String,
        "gate": pl.String,
    }
    assert frame["wind"].to_list() == [3.5, None, 7.0]
    assert frame["origin"].to_list() == ["JFK", "EWR", "XXX"]
    assert frame["night"].to_list() == [True, False, True]


WRONG = {
    "text for a number": ("wind", [1.0, "fast", 2.0], "'wind' takes FP64 .*str in row 1"),
    "a boolean for a number": ("wind", [1.0, True, 2.0], "'wind' takes FP64 .*bool in row 1"),
    "infinity": ("wind", [1.0, math.inf, 2.0], "'wind' .*infinite value in row 1"),
    "infinity in an array": ("wind", np.array([1.0, 2.0, -math.inf]), "'wind' .* in row 2"),
    "missing where never seen": ("gust", [1.0, 2.0, None], "'gust' .*missing .* row 2"),
    "NaN where never seen": ("gust", np.array([NAN, 1.0, 2.0]), "'gust' .*missing .* row 0"),
    "too large for the type": ("gust", [1.0, 1e300, 2.0], "'gust' .* row 1"),
    "a fraction for an integer": ("hour", [1, 2.5, 3], "'hour' takes INT8 .*float in row 1"),
    "fractions in an array": ("hour", np.array([1.0, 2.0, 3.0]), "'hour' takes INT8"),
    "an integer out of range": ("hour", np.array([1, 2, 300]), "'hour' .*range in row 2"),
    "a listed integer out of range": ("hour", [1, 2, 300], "'hour' .* INT8"),
    "an integer beyond all types": ("hour", [1, 2, 2**70], "'hour' .* INT8"),
    "a missing integer": ("hour", [1, None, 3], "'hour' .*missing .* row 1"),
    "a number for a boolean": ("night", [True, 1, False], "'night' takes BOOL .*int in row 1"),
    "a number for text": ("origin", ["JFK", 5, "EWR"], "'origin' takes BYTES .*int in row 1"),
    "numbers for text": ("origin", np.array([1, 2, 3]), "'origin' takes BYTES"),
    "missing text": ("origin", ["JFK", "EWR", None], "'origin' .*missing .* row 2"),
    "text that is not UTF-8": ("origin", ["JFK", b"\xff", "EWR"], "'origin' is not UTF-8 in row 1"),
    "another length": ("hour", [1, 2], "'hour' has 2 rows, but 'wind' has 3"),
    "another shape": ("hour", np.ones((3, 2), dtype=np.int8), r"'hour' has shape \[3, 2\]"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(reader, case):
    column, values, message = WRONG[case]
    for read in (reader.matrix, reader.frame):
        with pytest.raises(InvalidRequest, match=message) as caught:
            read(GOOD | {column: values})
        assert caught.value.fields["column"] == column


@pytest.mark.parametrize("case", [name for name, wrong in WRONG.items() if len(wrong[1]) == 3])
def test_one_wrong_row_is_refused_alone_too(reader, case):
    column, values, _ = WRONG[case]
    with pytest.raises(InvalidRequest, match=column):
        for at in range(3):
            reader.matrix(row(GOOD | {column: values}, at))


def test_an_absent_column_is_named_with_what_is_wanted(reader):
    request = {name: values for name, values in GOOD.items() if name != "hour"}
    with pytest.raises(InvalidRequest, match=r"lacks the column 'hour'.*wind, gust, hour"):
        reader.matrix(request)


def test_an_unknown_column_is_named_with_the_nearest(reader):
    with pytest.raises(InvalidRequest, match=r"no column 'winds'.*'wind'"):
        reader.matrix(GOOD | {"winds": [1.0, 2.0, 3.0]})


def test_values_are_never_repeated_in_errors(reader):
    secret = "N14228"
    for column in ("wind", "hour", "night"):
        with pytest.raises(InvalidRequest) as caught:
            reader.matrix(GOOD | {column: [secret, secret, secret]})
        assert secret not in str(caught.value) + repr(caught.value.fields)


@given(
    st.lists(
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=4)
        ),
        min_size=len(INPUTS.columns),
        max_size=len(INPUTS.columns),
    )
)
def test_any_row_is_read_or_refused(values):
    request = {column.name: [value] for column, value in zip(INPUTS.columns, values, strict=True)}
    reader = RowReader(INPUTS)
    try:
        matrix = reader.matrix(request)
    except InvalidRequest:
        with pytest.raises(
            InvalidRequest
        ):  # the quick way never takes what the general one refuses
            reader.matrix({name: value * 2 for name, value in request.items()})
        return
    twice = reader.matrix({name: value * 2 for name, value in request.items()})
    np.testing.assert_array_equal(np.vstack([matrix, matrix]), twice)
    assert not np.isinf(matrix).any()


NUMBERS = Inputs(
    columns=(
        TensorSpec(name="wind", datatype="FP64", nullable=True),
        TensorSpec(name="gust", datatype="FP32"),
        TensorSpec(name="hour", datatype="INT8"),
        TensorSpec(name="count", datatype="INT64"),
        TensorSpec(name="flights", datatype="UINT64"),
        TensorSpec(name="night", datatype="BOOL"),
    ),
    levels={},
)
ODD = st.sampled_from(
    [0.0, 1.0, 0.1, 7.0, -3.0, 128.0, NAN, math.inf, -math.inf, 3.5e38, 1e300, 2.0**63, 2.0**64]
)


@given(st.lists(st.tuples(*[ODD | st.floats(-130, 130)] * 6), min_size=1, max_size=4))
def test_a_matrix_is_judged_as_its_columns_are(rows: list[tuple[float, ...]]) -> None:
    """What both take is the same to the bit, and what one refuses the other does, of the same column."""
    reader = RowReader(NUMBERS)
    columns: dict[str, list[object]] = {}
    for at, column in enumerate(NUMBERS.columns):
        values: list[object] = [None if math.isnan(row[at]) else row[at] for row in rows]
        if column.datatype == "BOOL":
            values = [bool(value) if value in (0.0, 1.0) else value for value in values]
        elif "INT" in column.datatype:
            values = [
                int(value) if isinstance(value, float) and value.is_integer() else value
                for value in values
            ]
        columns[column.name] = values
    refusal, expected = None, None
    try:
        expected = reader.matrix(columns)
    except InvalidRequest as error:
        refusal = error
    if refusal is None:
        np.testing.assert_array_equal(reader.check(np.array(rows, dtype=np.float64)), expected)
        return
    with pytest.raises(InvalidRequest) as refused:
        reader.check(np.array(rows, dtype=np.float64))
    assert refused.value.fields.get("column") in [column.name for column in NUMBERS.columns]
    assert refused.value.code == refusal.code


def test_what_a_matrix_must_not_hold_is_named_with_its_row() -> None:
    reader = RowReader(NUMBERS)
    good = np.array([[NAN, 0.5, 7, 1, 2, 1], [1.0, 2.0, -8, 3, 4, 0]])
    np.testing.assert_array_equal(reader.check(good), good)
    for at, value, says in (
        (0, math.inf, "'wind' has a missing or infinite value in row 1"),
        (1, NAN, "'gust' has a missing or infinite value in row 1"),
        (1, 1e39, "'gust' has a missing or infinite value in row 1"),
        (2, 7.5, "'hour' takes INT8 .*not float in row 1"),
        (2, 128, "'hour' takes INT8 .*out of range in row 1"),
        (4, -1, "'flights' takes UINT64 .*out of range in row 1"),
        (5, 2, "'night' takes BOOL .*out of range in row 1"),
    ):
        bad = good.copy()
        bad[1, at] = value
        with pytest.raises(InvalidRequest, match=says):
            reader.check(bad)
    with pytest.raises(InvalidRequest, match=r"\[rows, 6\]"):
        reader.check(good[:, :5])
    with pytest.raises(InvalidRequest, match="'origin' takes text"):
        RowReader(INPUTS).check(np.zeros((1, 6)))


@pytest.mark.parametrize("rows", [1, 100])
def test_numbers_whose_sum_is_infinite_are_finite(rows: int) -> None:
    columns = tuple(TensorSpec(name=name, datatype="FP64") for name in "ab")
    huge = np.full((rows, 2), 1.7e308)
    reader = RowReader(Inputs(columns=columns, levels={}))
    np.testing.assert_array_equal(reader.check(huge), huge)
    huge[-1, 1] = math.inf
    with pytest.raises(InvalidRequest, match=f"'b' has .* row {rows - 1}"):
        reader.check(huge)
