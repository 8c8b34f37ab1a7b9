"""The columns a model takes are read off its training features."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from towpath.assets.models import Inputs
from towpath.core.errors import UsageError

FRAME = pl.DataFrame(
    {
        "wind": [1.5, None, 3.0],
        "origin": ["JFK", "EWR", None],
        "size": pl.Series(["S", "L", "S"], dtype=pl.Enum(["S", "M", "L"])),
        "stops": pl.Series([1, None, 3], dtype=pl.Int16),
        "hour": pl.Series([1, 2, 3], dtype=pl.UInt8),
    }
)


def test_types_levels_and_gaps_are_taken_from_the_rows():
    inputs = Inputs.of(FRAME)
    assert [(one.name, one.datatype, one.nullable) for one in inputs.columns] == [
        ("wind", "FP64", True),
        ("origin", "BYTES", True),
        ("size", "BYTES", False),
        ("stops", "FP64", True),
        ("hour", "UINT8", False),
    ]
    assert inputs.levels == {"origin": ("EWR", "JFK"), "size": ("S", "M", "L")}
    assert inputs.categorical == [1, 2]


def test_the_matrix_has_codes_and_nan():
    unseen = FRAME.with_columns(origin=pl.Series(["JFK", "LGA", None]))
    nan = np.nan
    expected = [[1.5, 1, 0, 1, 1], [nan, nan, 2, nan, 2], [3.0, nan, 0, 3, 3]]
    np.testing.assert_array_equal(Inputs.of(FRAME).matrix(unseen), expected)


def test_the_matrix_ignores_order_and_other_columns():
    shuffled = FRAME.select("hour", "stops", pl.lit(1).alias("more"), "size", "origin", "wind")
    inputs = Inputs.of(FRAME)
    np.testing.assert_array_equal(inputs.matrix(shuffled), inputs.matrix(FRAME))


def test_nan_counts_as_missing():
    frame = pl.DataFrame({"wind": [1.0, float("nan")], "gust": [1.0, 2.0]})
    assert [one.nullable for one in Inputs.of(frame).columns] == [True, False]


def test_columns_can_be_declared_nullable():
    inputs = Inputs.of(FRAME.select("hour"), nullable=["hour"])
    assert (inputs.columns[0].datatype, inputs.columns[0].nullable) == ("FP64", True)
    with pytest.raises(UsageError, match="minute"):
        Inputs.of(FRAME, nullable=["minute"])


def test_json_gives_the_same_inputs_back():
    inputs = Inputs.of(FRAME)
    assert Inputs.from_json(inputs.to_json()) == inputs


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({"at": [datetime(2013, 1, 1, tzinfo=UTC)]}), "'at' is Datetime"),
        (pl.DataFrame({"tags": [["a"]]}), "'tags' is List"),
        (pl.DataFrame({"id": [str(one) for one in range(10_001)]}), "'id' has 10,001 levels"),
        (pl.DataFrame({"a": []}), "0 rows"),
        (pl.DataFrame(), "0 columns"),
    ],
)
def test_what_no_model_takes_is_refused(frame, message):
    with pytest.raises(UsageError, match=message):
        Inputs.of(frame)


def test_rows_without_a_column_are_refused():
    with pytest.raises(UsageError, match="hour"):
        Inputs.of(FRAME).matrix(FRAME.drop("hour"))
