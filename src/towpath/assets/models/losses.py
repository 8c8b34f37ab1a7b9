"""Per-row losses: how wrong one answer was, once its outcome is known. Lower is better.

A mean of per-row losses can be compared row by row, bounded by a confidence sequence and merged over
windows. A ranking measure such as ROC AUC can't, so rollouts and monitors take a loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from towpath.core.errors import NotFound

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.models.contract import Task

Floats: TypeAlias = "npt.NDArray[np.float64]"
Loss: TypeAlias = Callable[[Floats, Floats], Floats]

PROBABILITY_FLOOR = 1e-6
"""Probabilities are clipped to [floor, 1 − floor], so that one certain error can't outweigh a year."""


def log_loss(outcome: Floats, score: Floats) -> Floats:
    """Return −ln of the probability given to what happened; natural logarithm, `(n,) float64`."""
    p = np.clip(score, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)
    return -np.where(outcome > 0.5, np.log(p), np.log1p(-p))


def brier(outcome: Floats, score: Floats) -> Floats:
    """Return the squared distance of the probability from 0 or 1 (Brier 1950, one class)."""
    return np.square(score - (outcome > 0.5))


def error_rate(outcome: Floats, score: Floats) -> Floats:
    """Return 1 where the likelier class (from 0.5 up: positive) was wrong, else 0."""
    return ((score >= 0.5) != (outcome > 0.5)).astype(np.float64)


def absolute_error(outcome: Floats, score: Floats) -> Floats:
    """Return |outcome − score|; its mean is the MAE."""
    return np.abs(outcome - score)


def squared_error(outcome: Floats, score: Floats) -> Floats:
    """Return (outcome − score)²; its mean is the MSE."""
    return np.square(outcome - score)


LOSSES: dict[Task, dict[str, Loss]] = {
    "binary": {"log_loss": log_loss, "brier": brier, "error_rate": error_rate},
    "regression": {"mae": absolute_error, "mse": squared_error},
    "forecast": {"mae": absolute_error, "mse": squared_error},
    "ranking": {},
    "anomaly": {},
}
"""By task. The order of a list and the strangeness of a row have no loss of their own per row."""


def find_loss(name: str) -> Loss:
    """Return the loss of that name.

    Raises:
        NotFound: There is none; ranking measures such as `roc_auc` have no value per row.
    """
    known = {key: loss for losses in LOSSES.values() for key, loss in losses.items()}
    if name not in known:
        raise NotFound.named(
            "per-row loss",
            name,
            remedy=f"Rollouts and monitors compare row by row; use one of {', '.join(known)}.",
        )
    return known[name]
