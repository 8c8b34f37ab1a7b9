"""Small shifts in one direction add up over days; wobble in both, and rare bad days, do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from towpath.assets.models.blocks import Blocks
from towpath.assets.models.columns import count_column
from towpath.operate.monitoring.detector import accumulate, level_of
from towpath.operate.monitoring.findings import Window
from towpath.operate.monitoring.seasons import comparable
from towpath.operate.monitoring.shifts import column_of_stream, shift_evidence

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.assets.models.columns import ColumnReference

START = datetime(2024, 1, 1, tzinfo=UTC)
ROWS = 400


def days(rng: np.random.Generator, means: np.ndarray) -> list[np.ndarray]:
    return [rng.normal(mean, 1, ROWS) for mean in means]


def trained(known: list[np.ndarray]) -> ColumnReference:
    times = np.repeat(np.arange(len(known)), ROWS)
    at = pl.Series([START + timedelta(days=int(day)) for day in times]).dt.cast_time_unit("us")
    return count_column(pl.Series("x", np.concatenate(known)), Blocks.of(len(at), at))


def levels(reference: ColumnReference, later: list[np.ndarray], *, first: int) -> list[float]:
    found: list[float] = []
    state: dict[str, float] = {}
    for day, values in enumerate(later, start=first):
        since = START + timedelta(days=day)
        window = Window(since=since, until=since + timedelta(days=1))
        past = comparable(reference.calendar, len(reference.blocks), window, "auto")
        groups = reference.group_of(pl.Series(values))
        counts = np.bincount(groups, minlength=reference.blocks.shape[1])
        state = accumulate(state, shift_evidence(reference, counts, past, rows=len(values)))
        found.append(level_of(state))
    return found


def wobble(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.normal(0, 0.05, count)


def lasting(rng: np.random.Generator, count: int) -> np.ndarray:
    """Spells of weather: each day is mostly like the one before."""
    found = [0.0]
    for _ in range(count):
        found.append(0.7 * found[-1] + rng.normal(0, 0.05))
    return np.array(found[1:])


def rare(rng: np.random.Generator, count: int) -> np.ndarray:
    """One day in twelve is far off, always to the same side."""
    return np.where(rng.random(count) < 1 / 12, 0.5, 0.0)


@pytest.mark.parametrize("harmless", [wobble, lasting, rare])
def test_harmless_days_raise_levels_no_faster_than_one_a_day(
    harmless: Callable[[np.random.Generator, int], np.ndarray],
):
    ends: list[float] = []
    for seed in range(8):
        rng = np.random.default_rng(50 + seed)
        means = harmless(rng, 56 + 40)
        reference = trained(days(rng, means[:56]))
        ends.append(max(levels(reference, days(rng, means[56:]), first=56)))
    assert np.mean(np.array(ends) >= 365) <= 0.13


def test_a_shift_below_twice_the_wobble_is_found_within_days():
    found: list[int] = []
    for seed in range(5):
        rng = np.random.default_rng(100 + seed)
        reference = trained(days(rng, wobble(rng, 56)))
        reached = levels(reference, days(rng, 0.12 + wobble(rng, 20)), first=56)
        found.append(next((day for day, level in enumerate(reached, 1) if level >= 365), 99))
    assert np.median(found) <= 10


def test_the_stream_says_which_way():
    rng = np.random.default_rng(7)
    reference = trained(days(rng, wobble(rng, 56)))
    window = Window(since=START, until=START + timedelta(days=1))
    past = comparable(reference.calendar, len(reference.blocks), window, "auto")
    low = np.bincount(
        reference.group_of(pl.Series(rng.normal(-0.3, 1, ROWS))),
        minlength=reference.blocks.shape[1],
    )
    evidence = shift_evidence(reference, low, past, rows=ROWS)
    assert evidence["x down"] > 1 > evidence["x up"]
    assert {column_of_stream(stream) for stream in evidence} == {"x"}


def test_a_short_history_says_nothing():
    rng = np.random.default_rng(8)
    reference = trained(days(rng, wobble(rng, 4)))
    window = Window(since=START, until=START + timedelta(days=1))
    past = comparable(reference.calendar, len(reference.blocks), window, "auto")
    assert shift_evidence(reference, reference.blocks[0], past, rows=ROWS) == {}
