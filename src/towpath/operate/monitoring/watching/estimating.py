"""Quality without labels: what a binary model's calibration, or a model of the loss, leads to expect.

Both are valid under covariate shift only: while rows like these turn out as they did in the test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.optimize import isotonic_regression

from towpath.assets.models.losses import find_loss

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from towpath.assets.models.expectation import Calibration, LossTree

Floats: TypeAlias = "npt.NDArray[np.float64]"
Ints: TypeAlias = "npt.NDArray[np.int64]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """An estimate and its standard error.

    Attributes:
        value: The metric, as it should come out.
        error: One standard error: that of drawing these rows' outcomes, and that of having learned
            what to expect from so many test rows.
    """

    value: float
    error: float


def calibrated(calibration: Calibration, scores: Floats) -> tuple[Floats, Floats]:
    """Return the chance that each row is positive, and the variance of its estimate, by bin of scores.

    Bins' shares are made to rise with the score, by isotonic regression weighted by rows (Zadrozny and
    Elkan, KDD 2002); Laplace's rule keeps them from 0 and 1.
    """
    rows = np.array(calibration.rows, dtype=np.float64)
    shares = (np.array(calibration.positives) + 1) / (rows + 2)
    rising = isotonic_regression(shares, weights=rows).x
    place = calibration.bin(scores)
    # Rows of one calibrated level were pooled, and their estimate is as good as all of them make it.
    _, level = np.unique(rising, return_inverse=True)
    pooled = np.bincount(level, rows)[level]
    variance = rising * (1 - rising) / pooled
    return rising[place], variance[place]


def estimate_loss(
    metric: str, calibration: Calibration, scores: Floats, weights: Floats
) -> Estimated:
    """Return the mean of a per-row loss of a binary model, by its calibration (CBPE).

    E[ℓ] is p·ℓ(1, s) + (1 − p)·ℓ(0, s), row by row, where p is the calibrated chance.
    """
    loss = find_loss(metric)
    chance, variance = calibrated(calibration, scores)
    if_positive = loss(np.ones_like(scores), scores)
    if_negative = loss(np.zeros_like(scores), scores)
    gap = if_positive - if_negative
    share = weights / weights.sum()
    value = float((share * (chance * gap + if_negative)).sum())
    drawn = float((np.square(share * gap) * chance * (1 - chance)).sum())
    # Rows of one bin share their chance's error, so its effect is summed within bins before squaring.
    place = calibration.bin(scores)
    pull = np.bincount(place, share * gap, minlength=len(calibration.rows))
    spread = np.zeros(len(calibration.rows))
    spread[place] = variance
    return Estimated(value=value, error=float(np.sqrt(drawn + (np.square(pull) * spread).sum())))


def estimate_roc_auc(calibration: Calibration, scores: Floats, weights: Floats) -> Estimated | None:
    """Return the ROC AUC of a binary model, by its calibration; None where a class is not expected.

    Each row counts as a positive with its chance and as a negative with the rest. The standard error
    is DeLong's, with those shares for rows (DeLong et al., Biometrics 44 (1988) 837-845).
    """
    chance, _ = calibrated(calibration, scores)
    positive, negative = weights * chance, weights * (1 - chance)
    total_p, total_n = float(positive.sum()), float(negative.sum())
    if min(total_p, total_n) <= 0:
        return None
    _, rank = np.unique(scores, return_inverse=True)
    at_p, at_n = np.bincount(rank, positive), np.bincount(rank, negative)
    below_n = (np.cumsum(at_n) - at_n / 2)[rank] / total_n  # of each positive: negatives it beats
    above_p = (total_p - np.cumsum(at_p) + at_p / 2)[rank] / total_p  # of each negative: beaten by
    value = float((positive * below_n).sum() / total_p)
    of_p = float((positive * np.square(below_n - value)).sum() / total_p**2)
    of_n = float((negative * np.square(above_p - value)).sum() / total_n**2)
    return Estimated(value=value, error=float(np.sqrt(of_p + of_n)))


def estimate_by_tree(tree: LossTree, bins: Mapping[str, Ints], weights: Floats) -> Estimated:
    """Return the mean loss of rows, by a model of the loss (DLE)."""
    leaf = tree.leaves(bins)
    share = np.bincount(leaf, weights / weights.sum(), minlength=len(tree.rows))
    here = share > 0
    share, rows = share[here], np.array(tree.rows, dtype=np.float64)[here]
    means, variances = tree.means()[here], tree.variances()[here]
    learned = float((np.square(share) * variances / rows).sum())
    size = float(weights.sum()) ** 2 / float(np.square(weights).sum())
    drawn = float((share * variances).sum()) / size
    return Estimated(value=float((share * means).sum()), error=float(np.sqrt(learned + drawn)))


__all__ = ["Estimated", "calibrated", "estimate_by_tree", "estimate_loss", "estimate_roc_auc"]
