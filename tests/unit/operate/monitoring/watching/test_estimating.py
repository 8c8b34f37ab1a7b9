"""Estimates without labels beside what came true, and beside sums over every row."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from towpath.assets.models.expectation import bins_of
from towpath.assets.models.losses import find_loss
from towpath.assets.models.reference import PREDICTION, Reference, build_reference
from towpath.build.gates import find_metric
from towpath.operate.monitoring.watching.estimating import (
    calibrated,
    estimate_by_tree,
    estimate_loss,
    estimate_roc_auc,
)


def world(rows: int, seed: int, *, shift: float = 0.0, turned: bool = False) -> pl.DataFrame:
    """Scores that say too much: the truth is half as sure as they are."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(shift, 1, rows), rng.normal(0, 1, rows)
    score = 1 / (1 + np.exp(-2 * x))
    chance = 1 / (1 + np.exp(x if turned else -x))
    outcome = (rng.random(rows) < chance).astype(float)
    return pl.DataFrame({"x": x, "z": z, "score": score, "outcome": outcome})


@pytest.fixture(scope="module")
def reference() -> Reference:
    test = world(8000, 1)
    return build_reference(
        test, columns=["x", "z"], scores=test.select("score", "outcome"), test=test
    )


def realised(metric: str, rows: pl.DataFrame) -> float:
    outcome, score = rows["outcome"].to_numpy(), rows["score"].to_numpy()
    if metric == "roc_auc":
        return find_metric("roc_auc").measure(outcome, score).value
    return float(find_loss(metric)(outcome, score).mean())


@pytest.mark.parametrize("metric", ["log_loss", "brier", "error_rate"])
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_calibration_tells_the_loss_of_other_rows_of_the_same_world(
    reference: Reference, metric: str, shift: float
):
    rows = world(6000, 2, shift=shift)
    scores = rows["score"].to_numpy()
    found = estimate_loss(metric, reference.expectation.calibration, scores, np.ones(len(rows)))
    assert abs(found.value - realised(metric, rows)) < 4 * found.error
    assert found.error < 0.02


def test_raw_probabilities_would_have_misled(reference: Reference):
    rows = world(6000, 2)
    s = rows["score"].to_numpy()
    believed = float((s * -np.log(s) + (1 - s) * -np.log1p(-s)).mean())
    true = realised("log_loss", rows)
    assert abs(believed - true) > 0.15
    chance, _ = calibrated(reference.expectation.calibration, s)
    assert np.abs(chance - 1 / (1 + np.exp(-rows["x"].to_numpy()))).mean() < 0.03


def test_the_area_is_that_of_every_pair_of_rows(reference: Reference):
    rows = world(300, 5)
    scores = np.round(rows["score"].to_numpy(), 1)  # with ties
    weights = np.linspace(1, 3, 300)
    p, _ = calibrated(reference.expectation.calibration, scores)
    beats = (scores[:, None] > scores) + 0.5 * (scores[:, None] == scores)
    high, low = weights * p, weights * (1 - p)
    exact = float(high @ beats @ low / (high.sum() * low.sum()))
    found = estimate_roc_auc(reference.expectation.calibration, scores, weights)
    assert found.value == pytest.approx(exact, abs=1e-12)


def test_the_area_comes_true(reference: Reference):
    rows = world(6000, 6, shift=0.4)
    found = estimate_roc_auc(
        reference.expectation.calibration, rows["score"].to_numpy(), np.ones(len(rows))
    )
    assert abs(found.value - realised("roc_auc", rows)) < 4 * found.error


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_a_model_of_the_loss_tells_it_as_well(reference: Reference, shift: float):
    rows = world(6000, 3, shift=shift)
    tree = reference.expectation.loss("log_loss")
    values = {"x": rows["x"], "z": rows["z"]}
    bins = bins_of(reference.columns, values, PREDICTION, rows["score"].to_numpy())
    found = estimate_by_tree(tree, bins, np.ones(len(rows)))
    leaf = tree.leaves(bins)
    means = np.array(tree.sums) / np.maximum(tree.rows, 1)
    assert found.value == pytest.approx(means[leaf].mean())
    assert abs(found.value - realised("log_loss", rows)) < 5 * found.error


def test_intervals_hold_what_comes_true(reference: Reference):
    inside = 0
    for seed in range(200):
        rows = world(500, 100 + seed)
        found = estimate_loss(
            "log_loss",
            reference.expectation.calibration,
            rows["score"].to_numpy(),
            np.ones(len(rows)),
        )
        inside += abs(found.value - realised("log_loss", rows)) < 1.96 * found.error
    assert inside >= 180  # 95 % of 200, less three standard errors


def test_where_the_world_itself_turns_the_estimate_is_wrong_and_sure_of_itself(
    reference: Reference,
):
    rows = world(6000, 7, turned=True)
    found = estimate_loss(
        "log_loss", reference.expectation.calibration, rows["score"].to_numpy(), np.ones(len(rows))
    )
    assert realised("log_loss", rows) - found.value > 20 * found.error


def test_no_leaf_stands_on_few_rows_and_the_reference_survives_storing(reference: Reference):
    again = Reference.decode(reference.encode())
    assert again.expectation == reference.expectation
    assert again.outlyingness == reference.outlyingness
    for tree in reference.expectation.losses:
        leaves = np.array(tree.column) < 0
        assert np.array(tree.rows)[leaves].min() >= 20
    assert min(reference.expectation.calibration.rows) >= 20


def test_what_is_lost_by_a_regression_is_estimated_from_its_inputs():
    rng = np.random.default_rng(8)
    x = rng.normal(0, 1, 6000)
    frame = pl.DataFrame({"x": x})
    outcome = x + rng.normal(0, 0.2 + np.abs(x), 6000)
    scores = pl.DataFrame({"score": x, "outcome": outcome})
    reference = build_reference(frame, columns=["x"], scores=scores, test=frame, task="regression")
    assert reference.expectation.calibration is None
    other = rng.normal(1.5, 0.5, 3000)
    true = np.abs(rng.normal(0, 0.2 + np.abs(other), 3000)).mean()
    bins = bins_of(reference.columns, {"x": pl.Series(other)}, PREDICTION, other)
    found = estimate_by_tree(reference.expectation.loss("mae"), bins, np.ones(3000))
    assert abs(found.value - true) < 4 * found.error + 0.05
