"""Whether a model gives away that it learnt from a row: the likelihood-ratio attack, with a control.

A few *shadow* models are trained by the same recipe on random halves of the rows, so that of each row it is
known how well models fit it that learnt from it, and how well those that did not. How well a model in
question fits a row is then likelier under the one or the other: that ratio is the row's score.

The attack is tried where the answer is known, on each shadow by means of the others. That is its positive
control: an attack that can't tell there proves nothing where it finds nothing, and says so itself.

Source: N. Carlini, S. Chien, M. Nasr, S. Song, A. Terzis, F. Tramèr, "Membership Inference Attacks From First
Principles", IEEE S&P 2022 (LiRA, with one variance for all rows, as it advises for few shadows); areas by
J. A. Hanley, B. J. McNeil, Radiology 143 (1982); shares by Clopper and Pearson, Biometrika 26 (1934).
"""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from towpath.assets.models.losses import PROBABILITY_FLOOR

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.model import Model

Floats: TypeAlias = "npt.NDArray[np.float64]"

SHADOWS = 32
FEWEST_SHADOWS = 12
FALSE_POSITIVES = 0.01
_SEED = 2022
_NEAREST = 1e-9  # of the outcome's spread: what is nearer than this is met exactly
_Z = 1.959963984540054  # two-sided, 95%


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with the bounds of its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How well an attack told rows that a model learnt from, from rows that it did not.

    Attributes:
        auc: Chance that a row which was learnt from scores above one that was not; 0.5 is guessing.
        tpr: Share of rows that are recognised at a threshold which 1% of the others pass.
        rows: How many rows were looked at.
    """

    auc: Estimate
    tpr: Estimate
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """What shadows taught about some rows, ready to be turned on any model. Plain values, to be kept.

    Attributes:
        inside: How well models fit each row that learnt from it, on average, and `outside` those that did not.
        spread_inside: The standard deviation of that, over all rows; `spread_outside` likewise.
        strangers: Scores of rows that a shadow did not learn from, sorted: what a score is held against.
        control: How the attack did on the shadows.
        scale: The outcome's spread, which errors are counted in.
        shadows: How many there were.
    """

    inside: list[float]
    outside: list[float]
    spread_inside: float
    spread_outside: float
    strangers: list[float]
    control: Tried
    scale: float
    shadows: int

    def on(self, fits: Floats) -> Tried:
        """Return how far the rows are recognised by a model that fits them so well; see `fit_of`."""
        scores = _ratio(
            fits,
            np.array(self.inside),
            np.array(self.outside),
            self.spread_inside,
            self.spread_outside,
        )
        strangers = np.array(self.strangers)
        threshold = float(np.quantile(strangers, 1.0 - FALSE_POSITIVES))
        return _tried(scores, strangers, threshold)


def train_shadows(
    model: Model,
    others: pl.DataFrame,
    rows: pl.DataFrame,
    *,
    budget_s: float,
) -> Attack | str:
    """Prepare an attack on the membership of `rows`.

    Args:
        model: The model whose recipe the shadows follow: an estimator of scikit-learn, for values or two
            classes.
        others: Rows that are not in question, with the model's inputs and its outcome.
        rows: The rows in question, likewise.
        budget_s: How many seconds of wall time it may take.

    Returns:
        The attack, the same for the same rows; or in a sentence why there is none.
    """
    from sklearn.base import clone  # noqa: PLC0415 - a second to import, for those who erase

    if model.flavour != "sklearn" or model.task not in ("binary", "regression"):
        return f"a {model.flavour} model for {model.task} can't be trained again from its package"
    pool = others.vstack(rows.select(others.columns).cast(others.schema))
    truth = pool[model.outcome].to_numpy().astype(np.float64)
    taken: Any = model.inputs.matrix(pool) if model.form == "matrix" else model.inputs.frame(pool)
    if len(truth) < 4 or not np.isfinite(truth).all() or np.ptp(truth) == 0.0:
        return "its rows are too few, or have no outcomes that differ"
    rng = np.random.default_rng(_SEED)
    # Each row is learnt from by exactly half of the shadows.
    halves = rng.permuted(np.tile(np.arange(SHADOWS) % 2 == 0, (len(truth), 1)), axis=1).T
    scale = float(np.std(truth))
    fits: list[Floats] = []
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of shadows that converge slowly nobody need be told
        for half in halves:
            chosen = np.flatnonzero(half)
            try:
                shadow: Any = clone(model.estimator)
                shadow.fit(taken[chosen], _labels(model, truth[chosen]))
                fits.append(_fit(model, shadow, taken, truth, scale))
            except ValueError as error:
                return f"a shadow of it can't be trained: {type(error).__name__}"
            spent = time.monotonic() - began
            if spent / len(fits) * FEWEST_SHADOWS > budget_s:
                return f"{FEWEST_SHADOWS} shadows of it take more than the {budget_s:g} s allowed"
            if spent > budget_s:
                break
    return _attack(np.array(fits), halves[: len(fits)], len(rows), scale)


def fit_of(model: Model, rows: pl.DataFrame, scale: float) -> Floats:
    """Return how well a model fits each row, in the terms of an attack of that scale: higher is better."""
    taken: Any = model.inputs.matrix(rows) if model.form == "matrix" else model.inputs.frame(rows)
    truth = rows[model.outcome].to_numpy().astype(np.float64)
    return _fit(model, model.estimator, taken, truth, scale)


def _labels(model: Model, truth: Floats) -> Any:
    return truth.astype(np.int64) if model.task == "binary" else truth


def _fit(model: Model, estimator: Any, taken: Any, truth: Floats, scale: float) -> Floats:
    """Return log odds of what happened, or minus the log of the error: both are nearly normal."""
    if model.task == "binary":
        if len(estimator.classes_) < 2:
            raise ValueError("one class alone")
        chance = np.asarray(estimator.predict_proba(taken))[:, 1]
        chance = np.clip(
            np.where(truth > 0.5, chance, 1.0 - chance), PROBABILITY_FLOOR, 1.0 - PROBABILITY_FLOOR
        )
        return np.log(chance) - np.log1p(-chance)
    error = np.abs(np.asarray(estimator.predict(taken), dtype=np.float64).reshape(-1) - truth)
    return -np.log(error / scale + _NEAREST)


def _attack(fits: Floats, halves: npt.NDArray[np.bool_], count: int, scale: float) -> Attack | str:
    """Try the attack on each shadow by means of the others, then prepare it for the rows in question."""
    members: list[Floats] = []
    strangers: list[Floats] = []
    for at in range(len(fits)):
        rest = np.arange(len(fits)) != at
        scores = _ratio(fits[at], *_learnt(fits[rest], halves[rest]))
        members.append(scores[halves[at]])
        strangers.append(scores[~halves[at]])
    stayed_out = np.sort(np.concatenate(strangers))
    threshold = float(np.quantile(stayed_out, 1.0 - FALSE_POSITIVES))
    inside, outside, spread_inside, spread_outside = _learnt(fits, halves)
    return Attack(
        inside=inside[-count:].tolist(),
        outside=outside[-count:].tolist(),
        spread_inside=spread_inside,
        spread_outside=spread_outside,
        strangers=np.quantile(stayed_out, np.linspace(0.0, 1.0, 1_001)).tolist(),
        # The same rows are in all shadows: counted once, so that the bounds are not too narrow.
        control=_tried(np.concatenate(members), stayed_out, threshold, rows=fits.shape[1] // 2),
        scale=scale,
        shadows=len(fits),
    )


def _learnt(fits: Floats, halves: npt.NDArray[np.bool_]) -> tuple[Floats, Floats, float, float]:
    """Return by row the mean fit with and without it, and the spreads over all rows."""
    times = np.maximum(halves.sum(axis=0), 1), np.maximum((~halves).sum(axis=0), 1)
    inside = np.where(halves, fits, 0.0).sum(axis=0) / times[0]
    outside = np.where(halves, 0.0, fits).sum(axis=0) / times[1]
    floor = 1e-3
    return (
        inside,
        outside,
        float(max(np.std((fits - inside)[halves]), floor)),
        float(max(np.std((fits - outside)[~halves]), floor)),
    )


def _ratio(
    fits: Floats, inside: Floats, outside: Floats, spread_inside: float, spread_outside: float
) -> Floats:
    """Return the log of how much likelier a fit is for a model that learnt from the row."""
    with_it = -0.5 * np.square((fits - inside) / spread_inside) - np.log(spread_inside)
    without = -0.5 * np.square((fits - outside) / spread_outside) - np.log(spread_outside)
    return with_it - without


def _tried(
    scores: Floats, strangers: Floats, threshold: float, *, rows: int | None = None
) -> Tried:
    count = len(scores) if rows is None else rows
    return Tried(
        auc=_area(scores, strangers, count),
        tpr=_share(float(np.mean(scores > threshold)), count),
        rows=count,
    )


def _area(scores: Floats, strangers: Floats, rows: int) -> Estimate:
    """Return the area under the curve, ties counted half, with Hanley and McNeil's error."""
    ordered = np.sort(strangers)
    below = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    area = float(np.mean(below) / 2.0 / len(ordered))
    one, two = area / (2.0 - area), 2.0 * area**2 / (1.0 + area)
    others = min(len(ordered), 1_000)
    variance = (
        area * (1.0 - area) + (rows - 1) * (one - area**2) + (others - 1) * (two - area**2)
    ) / (rows * others)
    # Of one row, or of an area of 0 or 1, it knows no error: the smallest that such counts can show.
    error = _Z * max(math.sqrt(max(variance, 0.0)), 0.5 / (rows + 1))
    return Estimate(value=area, low=max(0.0, area - error), high=min(1.0, area + error))


def _share(share: float, rows: int) -> Estimate:
    from scipy.stats import beta  # noqa: PLC0415 - half a second to import

    hits = share * rows
    low = 0.0 if hits <= 0 else float(beta.ppf(0.025, hits, rows - hits + 1))
    high = 1.0 if hits >= rows else float(beta.ppf(0.975, hits + 1, rows - hits))
    return Estimate(value=share, low=low, high=high)


__all__ = ["Attack", "Estimate", "Tried", "fit_of", "train_shadows"]
