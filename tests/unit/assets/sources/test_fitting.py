"""Rows of a source in declared types: nothing lost, nothing guessed, what is wrong named by row."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from towpath.assets.datasets import Column
from towpath.assets.sources import Batch, Fitting
from towpath.core.errors import SchemaViolation


def fit(values: Any, kind: Any, *, nullable: bool = True, **batch: Any) -> list[Any]:
    column = Column(name="x", type=kind, nullable=nullable)
    rows = (
        pl.DataFrame({"x": values}, strict=False) if not isinstance(values, pl.Series) else values
    )
    frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame({"x": rows})
    fitted = Fitting(columns=(column,)).fit(Batch(rows=frame, **batch))
    assert fitted.schema == {"x": column.polars_type}
    return fitted["x"].to_list()


MOMENT = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "kind", "expected"),
    [
        ([" 7", "-1", None], "int64", [7, -1, None]),
        (["1e3", "2.5", "inf"], "float64", [1000.0, 2.5, float("inf")]),
        (["true", "F", "1", "0", "False"], "bool", [True, False, True, False, False]),
        (["2024-05-01", None], "date", [date(2024, 5, 1), None]),
        (["/wA=", ""], "binary", [b"\xff\x00", b""]),
        ([1.0, 2.0, float("nan")], "int64", [1, 2, None]),
        ([Decimal("1.5"), Decimal("2.0")], "float64", [1.5, 2.0]),
        ([Decimal(7), None], "int64", [7, None]),
        ([0, 1, None], "bool", [False, True, None]),
        (pl.Series([1, 2], dtype=pl.Int8), "int64", [1, 2]),
        (pl.Series([1, 2], dtype=pl.UInt64), "float64", [1.0, 2.0]),
        (pl.Series(["a"], dtype=pl.Categorical), "string", ["a"]),
        (pl.Series([None], dtype=pl.Null), "string", [None]),
        (pl.Series([date(2024, 5, 1)]), "timestamp", [datetime(2024, 5, 1, tzinfo=UTC)]),
        (pl.Series([datetime(2024, 5, 1, 12)], dtype=pl.Datetime("ns")), "timestamp", [MOMENT]),
        (
            pl.Series([MOMENT])
            .dt.convert_time_zone("Europe/Berlin")
            .cast(pl.Datetime("ms", "Europe/Berlin")),
            "timestamp",
            [MOMENT],
        ),
    ],
)
def test_what_says_the_same_is_the_same(given: Any, kind: str, expected: list[Any]):
    assert fit(given, kind) == expected


def test_a_column_may_mix_the_forms_of_a_time():
    texts = ["2024-05-01T12:00:00Z", "2024-05-01 12:00:00.5", None, "2024-05-01T14:00:00+02:00"]
    half = MOMENT.replace(microsecond=500_000)
    assert fit([*texts, "2024-05-01"], "timestamp") == [
        MOMENT,
        half,
        None,
        MOMENT,
        MOMENT.replace(hour=0),
    ]


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        (["1", "secret"], "int64", "not a whole number"),
        (["1", "3.5"], "int64", "not a whole number"),
        (["1", "99999999999999999999"], "int64", "not a whole number"),
        ([1.0, 1.5], "int64", "not a whole number"),
        ([1.0, 1e300], "int64", "not a whole number"),
        ([Decimal(1), Decimal("1.5")], "int64", "not a whole number"),
        (["1", "secret"], "float64", "not a number"),
        (["true", "secret"], "bool", "not true or false"),
        ([1, 2], "bool", "not true or false"),
        (["2024-05-01", "secret"], "timestamp", "not a time"),
        (["2024-05-01", "secret"], "date", "not a date"),
        (["/wA=", "x?"], "binary", "not bytes in base64"),
        (pl.Series([1, 2**63], dtype=pl.UInt64), "int64", "not a whole number"),
    ],
)
def test_what_does_not_is_named_by_row_and_not_quoted(given: Any, kind: str, said: str):
    with pytest.raises(SchemaViolation) as caught:
        fit(given, kind, origin="orders.csv", first_row=100, first_line=102)
    told = str(caught.value)
    assert "column 'x' of orders.csv is" in told
    assert said in told
    assert "in 1 of 2 rows, first in row 101 (line 103)" in told
    assert "secret" not in told
    assert caught.value.fields["rows"] == [101]


def test_a_type_that_has_nothing_to_do_with_it_is_left_to_the_data_set():
    column = Column(name="x", type="string")
    fitted = Fitting(columns=(column,)).fit(Batch(rows=pl.DataFrame({"x": [1, 2]})))
    assert fitted.schema == {"x": pl.Int64}


COLUMNS = (Column(name="a", type="int64"), Column(name="b", type="string", nullable=True))


def test_columns_come_in_declared_order_and_others_are_left_out():
    rows = pl.DataFrame({"z": [0], "b": ["x"], "a": [1]})
    assert Fitting(columns=COLUMNS).fit(Batch(rows=rows)).rows() == [(1, "x")]
    assert Fitting(columns=COLUMNS).fit(Batch(rows=rows)).columns == ["a", "b"]


def test_what_may_be_missing_is_filled_and_what_may_not_is_named():
    fitting = Fitting(columns=COLUMNS)
    assert fitting.fit(Batch(rows=pl.DataFrame({"a": [1]}))).rows() == [(1, None)]
    with pytest.raises(SchemaViolation, match=r"f\.csv has no column 'a'. Did you mean 'aa'"):
        fitting.fit(Batch(rows=pl.DataFrame({"aa": [1]}), origin="f.csv"))


def test_exactly_as_it_is_for_the_data_set_to_refuse():
    exact = Fitting(columns=COLUMNS, exact=True)
    fitted = exact.fit(Batch(rows=pl.DataFrame({"z": [0], "a": ["7"]})))
    assert fitted.to_dicts() == [{"a": 7, "z": 0}]


def test_names_differ_and_records_nest():
    fitting = Fitting(columns=COLUMNS, names={"a": "order.id", "b": "dotted.name"})
    assert [one.name for one in fitting.asked()] == ["order.id", "dotted.name"]
    rows = pl.DataFrame({"order": [{"id": 7}], "dotted.name": ["literal"]})
    assert fitting.fit(Batch(rows=rows)).rows() == [(7, "literal")]
    with pytest.raises(SchemaViolation, match=r"no column 'order\.id'"):
        fitting.fit(Batch(rows=pl.DataFrame({"order": [{"other": 7}]})))
