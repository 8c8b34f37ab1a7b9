"""Strange rows are told by all inputs together, whatever strange rows were trained on."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from towpath.assets.models.outlyingness import SHARE, Outlyingness
from towpath.assets.models.reference import build_reference


def correlated(rows: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(10, 2, rows)
    return pl.DataFrame(
        {
            "x": x,
            "y": 3 * x + rng.normal(0, 1, rows),
            "kind": rng.choice(["a", "b", "rare"], rows, p=[0.6, 0.37, 0.03]),
        }
    )


def learned(frame: pl.DataFrame) -> tuple[Outlyingness, dict]:
    reference = build_reference(frame, columns=frame.columns)
    assert reference.outlyingness is not None
    return reference.outlyingness, {one.name: one for one in reference.columns}


def test_the_distance_is_mahalanobis_where_nothing_is_strange():
    frame = correlated(6000, 0).drop("kind")
    found, columns = learned(frame)
    scores = found.scores(columns, frame)
    table = frame.to_numpy()
    away = table - table.mean(axis=0)
    exact = np.einsum("ij,jk,ik->i", away, np.linalg.inv(np.cov(table.T)), away)
    assert stats.spearmanr(scores, exact).statistic > 0.99
    assert (scores > found.threshold).mean() == pytest.approx(SHARE, abs=0.001)


def test_rows_are_strange_by_what_goes_together_and_not_by_any_input_alone():
    found, columns = learned(correlated(3000, 1))
    rows = pl.DataFrame({"x": [12.0, 12.0], "y": [36.0, 24.0], "kind": ["a", "a"]})
    usual, odd = found.scores(columns, rows)
    assert usual < found.threshold < odd


def test_strange_training_rows_do_not_hide_the_next_ones():
    frame = correlated(3000, 2)
    spoilt = frame.with_columns(y=pl.when(pl.int_range(3000) % 50 == 0).then(500.0).otherwise("y"))
    found, columns = learned(spoilt)
    odd = pl.DataFrame({"x": [10.0], "y": [500.0], "kind": ["a"]})
    usual = found.scores(columns, frame)
    assert found.scores(columns, odd)[0] > 50 * np.quantile(usual, 0.99)


def test_missing_values_stand_in_the_middle_and_new_levels_with_the_rarest():
    found, columns = learned(correlated(3000, 3))
    rows = pl.DataFrame(
        {"x": [None, 10.0, 10.0], "y": [30.0] * 3, "kind": ["a", "never seen", None]},
        schema={"x": pl.Float64, "y": pl.Float64, "kind": pl.String},
    )
    scores = found.scores(columns, rows)
    assert np.isfinite(scores).all()
    assert scores[1] > scores[0]


@pytest.mark.parametrize(
    "frame",
    [
        correlated(50, 4),
        correlated(500, 4).select("x"),
        correlated(500, 4).with_columns(x=pl.lit(1.0), y=pl.lit(2.0)).drop("kind"),
    ],
)
def test_too_little_to_go_by_is_nothing(frame: pl.DataFrame):
    assert build_reference(frame, columns=frame.columns).outlyingness is None
