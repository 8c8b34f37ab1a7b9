"""How rows hang together is found in the tables, and bounds hold although they do."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from towpath.assets.models import Arrangement
from towpath.build.gates.bounds import bound
from towpath.build.gates.metrics import find_metric
from towpath.build.gates.within import ALONE, Within, arrange
from towpath.core.errors import InvalidProject

WEEKS = Arrangement(group=("origin",), time="day", season=7)


def days(first: int, count: int) -> pl.DataFrame:
    """Two series, one four times as wild as the other, with a week's shape."""
    day = np.arange(first, first + count)
    calm = np.sin(day * 2 * np.pi / 7) + np.where(day % 2, 0.5, -0.5)
    return pl.concat(
        [
            pl.DataFrame({"origin": name, "day": day, "delay": factor * calm})
            for name, factor in (("EWR", 1.0), ("JFK", 4.0))
        ]
    )


def test_the_scale_of_each_series_is_how_far_off_last_week_was():
    within = arrange(days(70, 14), days(0, 70), WEEKS, "delay", "late")
    naive = days(0, 70).filter(pl.col("origin") == "EWR")["delay"].to_numpy()
    expected = np.abs(naive[7:] - naive[:-7]).mean()
    assert within.scale is not None
    np.testing.assert_allclose(within.scale, np.repeat([expected, 4 * expected], 14))
    assert (within.groups, within.periods) == (2, 14)


def test_a_series_that_training_did_not_hold_has_no_scale():
    test = days(70, 3).with_columns(origin=pl.lit("ORD"))
    within = arrange(test, days(0, 70), WEEKS, "delay", "late")
    assert within.scale is not None
    assert np.isnan(within.scale).all()
    assert find_metric("mase").rows(np.zeros(test.height), within) == 0


def test_a_forecast_is_judged_on_what_comes_after_its_training():
    with pytest.raises(InvalidProject, match="begin before its training rows end"):
        arrange(days(69, 14), days(0, 70), WEEKS, "delay", "late")


def test_a_column_that_says_the_order_must_be_there():
    with pytest.raises(InvalidProject, match="no column 'day'"):
        arrange(days(0, 9).drop("day"), None, WEEKS, "delay", "late")


def test_rows_without_an_arrangement_stand_alone():
    within = arrange(days(0, 9), None, Arrangement(), "delay", "late")
    assert within == ALONE
    values = np.arange(5.0)
    np.testing.assert_array_equal(within.batched(values), values)


def test_batches_keep_the_mean_and_are_of_consecutive_periods():
    within = Within(period=np.repeat(np.arange(16), 3))
    values = np.arange(48.0)
    batches = within.batched(values)
    assert batches.size == 4
    assert batches.mean() == pytest.approx(values.mean())
    np.testing.assert_allclose(batches, values.reshape(4, 12).mean(axis=1))


def test_bounds_hold_for_errors_that_last_where_single_rows_would_promise_too_much():
    random = np.random.default_rng(5)
    missed = {"alone": 0, "batched": 0}
    for _ in range(300):
        noise = random.normal(size=401)
        errors = np.empty(400)
        state = noise[0]
        for at in range(400):  # each day's error is mostly the day before's
            state = 0.8 * state + 0.6 * noise[at + 1]
            errors[at] = state
        score = np.zeros(400)
        ways = {"alone": ALONE, "batched": Within(period=np.arange(400))}
        for name, within in ways.items():
            estimate = find_metric("mse").measure(errors, score, within)
            missed[name] += bound(estimate, 0.95).upper < 1.0  # the truth is 1
    assert missed["batched"] / 300 < 0.12
    assert missed["alone"] > 1.8 * missed["batched"]
