"""Slices from counts, beside filters of every pair of inputs."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from towpath.assets.models.reference import Reference, build_reference
from towpath.operate.monitoring.watching.slices import simes
from towpath.operate.monitoring.watching.slicing import cut, slices


def rows_of(count: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    kind = rng.choice(["a", "b", "c", None], count, p=[0.5, 0.3, 0.15, 0.05])
    return pl.DataFrame({"x": rng.normal(0, 1, count), "kind": pl.Series(kind, dtype=pl.String)})


@pytest.fixture
def reference() -> Reference:
    return build_reference(rows_of(4000, 0), columns=["x", "kind"])


def test_every_slice_is_what_a_filter_gives(reference: Reference):
    rows = rows_of(1200, 1)
    losses = np.random.default_rng(2).exponential(1, 1200)
    cuts = [cut(one, rows[one.name]) for one in reference.columns]
    found = list(slices(cuts, losses, np.ones(1200), depth=2, min_rows=30))
    groups = {one.column: one.group for one in cuts}
    seen = set()
    for one in found:
        mine = np.ones(1200, dtype=bool)
        for column, group in one.parts:
            mine &= groups[column] == group
        inside, outside = losses[mine], losses[~mine]
        assert one.rows == pytest.approx(mine.sum())
        assert one.mean == pytest.approx(inside.mean())
        assert one.elsewhere == pytest.approx(outside.mean())
        exact = stats.ttest_ind(inside, outside, equal_var=False, alternative="greater").pvalue
        assert one.p == pytest.approx(exact, rel=1e-6)
        seen.add(frozenset(one.parts))
    pairs = {
        frozenset((("x", int(a)), ("kind", int(b))))
        for a in np.unique(groups["x"])
        for b in np.unique(groups["kind"])
        if ((groups["x"] == a) & (groups["kind"] == b)).sum() >= 30
    }
    assert pairs <= seen
    assert {one.words for one in found} >= {"kind is 'a'", "kind is missing"}


def test_words_are_true_of_the_rows(reference: Reference):
    rows = rows_of(500, 3)
    (column,) = (one for one in reference.columns if one.name == "x")
    made = cut(column, rows["x"])
    low, high = made.names[0], made.names[-2]
    top = float(low.rpartition("≤")[2])
    assert (rows["x"].to_numpy()[made.group == 0] <= top + 1e-3).all()
    bottom = float(high.rpartition(">")[2])
    assert (rows["x"].to_numpy()[made.group == len(made.names) - 2] > bottom - 1e-3).all()
    sizes = np.bincount(made.group)
    assert sizes.min() > 40  # six groups of about as many rows


def test_weights_count_as_so_many_rows(reference: Reference):
    rows = rows_of(600, 4)
    losses = np.random.default_rng(5).exponential(1, 600)
    weights = np.random.default_rng(6).integers(1, 4, 600).astype(float)
    cuts = [cut(one, rows[one.name]) for one in reference.columns]
    for one in slices(cuts, losses, weights, depth=1, min_rows=30):
        ((column, group),) = one.parts
        mine = next(c.group for c in cuts if c.column == column) == group
        assert one.mean == pytest.approx(np.average(losses[mine], weights=weights[mine]))
        assert one.rows <= mine.sum()


def test_simes_is_valid_where_nothing_is_wrong():
    rng = np.random.default_rng(7)
    found = [simes(rng.random(50).tolist()) for _ in range(2000)]
    assert np.mean(np.array(found) <= 0.05) <= 0.065
    assert simes([0.2]) == 0.2
