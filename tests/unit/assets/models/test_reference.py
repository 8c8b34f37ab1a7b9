"""A reference counts on fixed bins, keeps the days apart, and holds nobody's value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.models.reference import PREDICTION, ColumnReference, Reference, build_reference
from towpath.core.errors import IntegrityError

START = datetime(2013, 1, 1, tzinfo=UTC)


def frame(days: int = 10, rows_per_day: int = 100, seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    rows = days * rows_per_day
    times = [START + timedelta(days=i / rows_per_day) for i in range(rows)]
    return pl.DataFrame(
        {
            "at": pl.Series(times, dtype=pl.Datetime("us", "UTC")),
            "speed": rng.normal(10, 3, rows),
            "origin": rng.choice(["EWR", "JFK", "LGA"], rows, p=[0.5, 0.3, 0.2]),
        }
    )


def test_counts_every_row_once_and_keeps_days_apart():
    reference = build_reference(frame(), columns=["speed", "origin"], time="at")
    assert reference.days
    assert reference.rows == 1000
    for column in reference.columns:
        assert column.matrix().shape == (10, column.bins)
        assert column.matrix().sum(axis=1).tolist() == [100] * 10


def test_live_rows_equal_to_the_training_rows_give_the_same_counts():
    rows = frame()
    reference = build_reference(rows, columns=["speed", "origin"], time="at")
    for column in reference.columns:
        live = column.count(rows.get_column(column.name))
        assert live.tolist() == column.matrix().sum(axis=0).tolist()


def test_missing_and_unseen_values_have_bins_of_their_own():
    rows = frame().with_columns(
        speed=pl.when(pl.col("speed") > 14).then(None).otherwise(pl.col("speed"))
    )
    reference = build_reference(rows, columns=["speed", "origin"], time="at")
    speed, origin = reference.columns
    assert speed.count(pl.Series([None, float("nan"), -1e9, 1e9])).tolist()[-1] == 2
    assert speed.matrix()[:, -1].sum() == rows["speed"].null_count()
    assert origin.count(pl.Series(["JFK", "LAX", "SFO", None])).tolist() == [0, 1, 0, 2, 1]


def test_a_value_on_an_edge_belongs_to_the_bin_below():
    column = ColumnReference(name="x", kind="number", edges=(1.0, 2.0), blocks=())
    assert column.bin(pl.Series([0.5, 1.0, 1.5, 2.0, 2.5])).tolist() == [0, 0, 1, 1, 2]


def test_rare_levels_are_not_named():
    rows = pl.DataFrame({"name": ["common"] * 100 + [f"person-{i}" for i in range(100)]})
    reference = build_reference(rows, columns=["name"])
    assert reference.columns[0].levels == ("common",)
    assert b"person" not in reference.encode()


def test_a_day_that_was_cut_off_is_left_out():
    rows = frame(days=5).filter(pl.col("at") < START + timedelta(days=4, hours=6))
    reference = build_reference(rows, columns=["speed"], time="at")
    assert len(reference.columns[0].blocks) == 4


def test_without_time_blocks_are_slices():
    reference = build_reference(frame(), columns=["speed"])
    assert not reference.days
    assert len(reference.columns[0].blocks) == 30
    assert reference.columns[0].matrix().sum() == 1000


def test_scores_give_the_prediction_and_the_losses_of_each_test_day():
    test = pl.DataFrame(
        {
            "score": [0.9] * 40 + [0.1] * 40,
            "outcome": [1] * 30 + [0] * 10 + [0] * 40,
            "time": [START] * 40 + [START + timedelta(days=1)] * 40,
        },
        schema_overrides={"time": pl.Datetime("us", "UTC")},
    )
    reference = build_reference(frame(), columns=["speed"], time="at", scores=test)
    assert reference.columns[-1].name == PREDICTION
    errors = reference.loss("error_rate")
    assert errors is not None
    assert errors.rows == (40, 40)
    assert errors.means == pytest.approx((0.25, 0.0))
    assert errors.variances == pytest.approx((0.25 * 0.75, 0.0))
    assert errors.mean == pytest.approx(0.125)
    assert reference.loss("mae") is None


def test_regression_keeps_its_own_losses():
    test = pl.DataFrame({"score": [1.0, 2.0] * 30, "outcome": [2.0, 2.0] * 30})
    reference = build_reference(frame(), columns=[], scores=test, task="regression")
    absolute = reference.loss("mae")
    assert absolute is not None
    assert absolute.mean == pytest.approx(0.5)


@pytest.mark.parametrize(
    "values",
    [
        pl.Series("x", [], dtype=pl.Float64),
        pl.Series("x", [None] * 50, dtype=pl.Float64),
        pl.Series("x", [None] * 50),
        pl.Series("x", [1] * 50),
        pl.Series("x", [True, False] * 25),
        pl.Series("x", [START] * 50, dtype=pl.Datetime("us", "UTC")),
    ],
    ids=["empty", "all-missing", "untyped", "constant", "flags", "times"],
)
def test_odd_columns_are_counted_too(values: pl.Series):
    reference = build_reference(pl.DataFrame([values]), columns=["x"])
    assert reference.columns[0].matrix().sum() == len(values)
    assert reference.columns[0].count(values).sum() == len(values)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=200))
def test_counting_never_loses_a_value(values: list[float]):
    reference = build_reference(pl.DataFrame({"x": values}), columns=["x"])
    assert reference.columns[0].count(pl.Series(values)).sum() == len(values)


def test_encoding_comes_back_equal_and_stays_small():
    rows = frame(days=56, rows_per_day=400)
    scores = pl.DataFrame({"score": [0.2] * 100, "outcome": [0, 1] * 50})
    wide = rows.with_columns(pl.col("speed").alias(f"speed{i}") for i in range(30))
    reference = build_reference(wide, columns=wide.columns[1:], time="at", scores=scores)
    data = reference.encode()
    assert Reference.decode(data) == reference
    assert len(data) < 300_000


@pytest.mark.parametrize("data", [b"", b"[]", b'{"format": 1}', b"\xff\xfe"])
def test_bytes_that_are_no_reference_are_refused(data: bytes):
    with pytest.raises(IntegrityError):
        Reference.decode(data)


def test_a_newer_format_is_refused():
    data = Reference(format=99, columns=(), rows=0, days=False).encode()
    with pytest.raises(IntegrityError, match="format 99"):
        Reference.decode(data)
