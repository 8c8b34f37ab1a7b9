"""A reference counts on fixed bins, keeps the days apart, and holds nobody's value."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from towpath.assets.models.reference import PREDICTION, Reference, build_reference
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


def test_counts_every_row_once_and_keeps_blocks_apart():
    reference = build_reference(frame(), columns=["speed", "origin"], time="at")
    assert reference.days
    assert reference.rows == 1000
    for column in reference.columns:
        assert column.calendar.days == 10
        assert set(column.calendar.hours) == {6}
        assert column.blocks.sum(axis=1).tolist() == [25] * 40
        assert column.profile.rows == 1000


def test_blocks_add_up_to_the_whole_column():
    rows = frame()
    reference = build_reference(rows, columns=["speed", "origin"], time="at")
    for column in reference.columns:
        assert column.blocks.sum(axis=0).tolist() == column.fold(column.profile).tolist()
        groups = column.group_of(rows.get_column(column.name))
        assert np.bincount(groups, minlength=column.blocks.shape[1]).tolist() == (
            column.blocks.sum(axis=0).tolist()
        )


def test_days_before_the_newest_sixty_are_whole():
    rows = frame(days=70, rows_per_day=24)
    calendar = build_reference(rows, columns=["speed"], time="at").columns[0].calendar
    assert calendar.days == 70
    assert calendar.hours == (24,) * 10 + (6,) * 240
    assert calendar.starts[9] + 24 == calendar.starts[10]


def test_what_is_older_than_a_year_and_a_month_is_left_out():
    reference = build_reference(frame(days=420, rows_per_day=4), columns=["speed"], time="at")
    assert reference.columns[0].calendar.days == 400
    assert reference.rows == 1600


def test_missing_and_unseen_values_have_groups_of_their_own():
    rows = frame().with_columns(
        speed=pl.when(pl.col("speed") > 14).then(None).otherwise(pl.col("speed"))
    )
    reference = build_reference(rows, columns=["speed", "origin"], time="at")
    speed, origin = reference.columns
    missing = len(speed.profile.groups)
    assert speed.group_of(pl.Series([None, float("nan")])).tolist() == [missing] * 2
    assert speed.group_of(pl.Series([-1e9, 1e9])).tolist() == [0, missing - 1]
    assert speed.blocks[:, -1].sum() == rows["speed"].null_count()
    assert origin.group_of(pl.Series(["EWR", "JFK", "LAX", None])).tolist() == [0, 1, 3, 4]


def test_no_edge_is_an_extreme_and_no_bin_is_small():
    rows = frame()
    profile = build_reference(rows, columns=["speed"], time="at").columns[0].profile
    assert profile.edges.max() < rows["speed"].max()
    assert profile.counts[:-1].min() >= 15
    assert len(profile.edges) <= len(rows) / 20


def test_rare_levels_are_not_named():
    rows = pl.DataFrame({"name": ["common"] * 100 + [f"person-{i}" for i in range(100)]})
    reference = build_reference(rows, columns=["name"])
    assert reference.columns[0].profile.items == ("common",)
    assert b"person" not in zlib.decompress(reference.encode())


def test_a_day_that_was_cut_off_is_left_out():
    rows = frame(days=5).filter(pl.col("at") < START + timedelta(days=4, hours=6))
    reference = build_reference(rows, columns=["speed"], time="at")
    assert reference.columns[0].calendar.days == 4


def test_without_time_blocks_are_slices():
    reference = build_reference(frame(), columns=["speed"])
    assert not reference.days
    assert len(reference.columns[0].blocks) == 30
    assert reference.columns[0].blocks.sum() == 1000


def test_how_columns_go_together_is_kept_apart_from_how_each_is_spread():
    rng = np.random.default_rng(2)
    one = rng.normal(size=4000)
    rows = pl.DataFrame({"a": one, "b": np.exp(one + rng.normal(0, 0.5, 4000)), "c": one * 0})
    dependence = build_reference(rows, columns=["a", "b", "c"]).dependence
    assert dependence is not None
    assert dependence.names == ("a", "b")  # c never varies
    whole = dependence.blocks[0]
    for block in dependence.blocks[1:]:
        whole = whole.merge(block)
    expected = stats.spearmanr(rows["a"], rows["b"]).statistic
    assert whole.rows == 4000
    assert whole.correlations()[0, 1] == pytest.approx(expected, abs=0.03)


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
    assert reference.columns[0].blocks.sum() == len(values)
    assert len(reference.columns[0].group_of(values)) == len(values)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=200))
def test_counting_never_loses_a_value(values: list[float]):
    column = build_reference(pl.DataFrame({"x": values}), columns=["x"]).columns[0]
    assert column.profile.rows == len(values)
    assert column.blocks.sum() == len(values)
    assert column.fold(column.profile).tolist() == column.blocks.sum(axis=0).tolist()


def test_encoding_comes_back_equal_and_stays_small():
    rows = frame(days=56, rows_per_day=400)
    scores = pl.DataFrame({"score": [0.2] * 100, "outcome": [0, 1] * 50})
    wide = rows.with_columns(pl.col("speed").alias(f"speed{i}") for i in range(8))
    reference = build_reference(wide, columns=wide.columns[1:], time="at", scores=scores)
    data = reference.encode()
    again = Reference.decode(data)
    assert again.encode() == data
    assert [one.name for one in again.columns] == [one.name for one in reference.columns]
    assert all(
        np.array_equal(one.blocks, two.blocks) and one.calendar == two.calendar
        for one, two in zip(again.columns, reference.columns, strict=True)
    )
    assert len(data) < 20_000 * len(reference.columns)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"format": 1}', b"\xff\xfe", zlib.compress(b"[]")])
def test_bytes_that_are_no_reference_are_refused(data: bytes):
    with pytest.raises(IntegrityError):
        Reference.decode(data)


def test_a_newer_format_is_refused():
    data = Reference(columns=(), rows=0, days=False).encode()
    data = zlib.compress(zlib.decompress(data).replace(b'"format":2', b'"format":99'))
    with pytest.raises(IntegrityError, match="format 99"):
        Reference.decode(data)
