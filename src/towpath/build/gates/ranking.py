"""Measures of ranking: how well scores put positive rows before negative ones.

Sources: E. DeLong, D. DeLong, D. Clarke-Pearson, "Comparing the areas under two or more correlated
receiver operating characteristic curves", Biometrics 44 (1988) 837-845, with the placements computed
from midranks in O(n log n) after X. Sun and W. Xu, IEEE Signal Processing Letters 21 (2014) 1389-1393.
Average precision is the step-wise sum without interpolation; its variance is the infinitesimal
jackknife (B. Efron, Biometrika 68 (1981) 589-599), here in closed form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from towpath.build.gates.bounds import Estimate

if TYPE_CHECKING:
    from towpath.build.gates.bounds import Floats


def roc_auc(outcome: Floats, score: Floats) -> Estimate:
    """Return P(score of a positive > score of a negative), ties counted half.

    The parts are DeLong's structural components: for each positive row the share of negatives that it
    beats, and for each negative row the share of positives that beat it. The area is the mean of
    either, and varies as the sum of both.
    """
    positive = outcome > 0.5
    high, low = score[positive], score[~positive]
    ranks = _midranks(score)
    beats = (ranks[positive] - _midranks(high)) / low.size
    beaten = 1 - (ranks[~positive] - _midranks(low)) / high.size
    return Estimate(value=float(beats.mean()), parts=(beats, beaten), reach=1.0)


def average_precision(outcome: Floats, score: Floats) -> Estimate:
    """Return the mean, over positive rows, of the precision at that row's score.

    Rows of equal score enter together, so the order in which they come does not matter.
    """
    order = np.argsort(-score, kind="stable")
    hit = (outcome[order] > 0.5).astype(np.float64)
    # The last position of each tie: everything scored as high or higher.
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, [True]))
    group = np.repeat(np.arange(ends.size), np.diff(ends, prepend=-1))
    found = np.cumsum(hit)[ends]
    looked = (ends + 1).astype(np.float64)
    precision = found / looked
    hits = np.diff(found, prepend=0.0)
    total = found[-1]
    value = float(hits @ precision / total)
    # d precision_g / d weight of a row scored at least as high: (hit − precision_g) / looked_g.
    # Summed over the positives of the groups at or below the row's own.
    gain = np.cumsum((hits / looked)[::-1])[::-1]
    loss = np.cumsum((hits * precision / looked)[::-1])[::-1]
    slope = hit * (precision[group] - value) + hit * gain[group] - loss[group]
    parts = np.empty_like(slope)
    parts[order] = value + slope * (slope.size / total)
    return Estimate(value=value, parts=(parts,), reach=1.0)


def _midranks(values: Floats) -> Floats:
    """Return ranks from 1, equal values sharing the mean of theirs."""
    ordered = np.sort(values)
    first = np.searchsorted(ordered, values, side="left")
    last = np.searchsorted(ordered, values, side="right")
    return (first + last + 1) / 2.0
