"""Measures of rankings list by list: how good the first k rows of each list are.

A list without anything relevant says nothing about an order and is left out, in both measures. Sources:
K. Järvelin, J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20 (2002)
422-446, with the gain 2^relevance − 1 of C. Burges et al., "Learning to rank using gradient descent",
ICML 2005.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from towpath.build.gates.bounds import Estimate
from towpath.build.gates.within import ALONE

if TYPE_CHECKING:
    from towpath.build.gates.bounds import Floats
    from towpath.build.gates.within import Ints, Within


def ndcg(k: int, outcome: Floats, score: Floats, within: Within = ALONE, /) -> Estimate:
    """Return the mean, over lists, of the discounted gain of the first k rows over the best possible.

    Rows of equal score share the mean of the places that they take together, so that the order in
    which they come does not matter.
    """
    group = _groups(within, outcome)
    gain = np.exp2(np.maximum(outcome, 0.0)) - 1
    discounts = np.zeros(outcome.size + 1)
    places = np.arange(1, min(k, outcome.size) + 1)
    discounts[places] = 1 / np.log2(places + 1)
    got = _sums(group, gain * _shared(group, score, discounts))
    best = _sums(group, gain * _shared(group, gain, discounts))
    values = got[best > 0] / best[best > 0]
    return _mean(values)


def recall(k: int, outcome: Floats, score: Floats, within: Within = ALONE, /) -> Estimate:
    """Return the mean, over lists, of the share of relevant rows that are among the first k.

    A row is relevant when its outcome is above 0. Rows of equal score share their places.
    """
    group = _groups(within, outcome)
    relevant = (outcome > 0).astype(np.float64)
    first = np.zeros(outcome.size + 1)
    first[1 : k + 1] = 1.0
    found = _sums(group, relevant * _shared(group, score, first))
    there = _sums(group, relevant)
    return _mean(found[there > 0] / there[there > 0])


def relevant_lists(outcome: Floats, within: Within) -> int:
    """Return how many lists have anything relevant."""
    return int(np.count_nonzero(_sums(_groups(within, outcome), (outcome > 0).astype(np.float64))))


def _groups(within: Within, outcome: Floats) -> Ints:
    return np.zeros(outcome.size, dtype=np.int64) if within.group is None else within.group


def _sums(group: Ints, values: Floats) -> Floats:
    return np.bincount(group, values).astype(np.float64, copy=False)


def _mean(values: Floats) -> Estimate:
    return Estimate(value=float(values.mean()), parts=(values,), reach=1.0)


def _shared(group: Ints, score: Floats, weights: Floats) -> Floats:
    """Return each row's share of the weights of its places in its list, best score first.

    Args:
        group: The rows' lists.
        score: What puts them in order, higher first.
        weights: The weight of place 1 at index 1, and so on; index 0 is no place.
    """
    order = np.lexsort((-score, group))
    listed, scored = group[order], score[order]
    start = np.append(True, np.diff(listed) != 0)
    tie = np.append(True, (np.diff(scored) != 0)) | start
    ties = np.cumsum(tie) - 1
    begin = np.flatnonzero(start)[np.cumsum(start) - 1]
    place = np.arange(order.size) - begin + 1
    share = np.bincount(ties, weights[place]) / np.bincount(ties)
    found = np.empty(order.size)
    found[order] = share[ties]
    return found
