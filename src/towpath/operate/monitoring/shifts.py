"""Whether a column keeps lying on one side of where it was: the evidence that many days share.

A distance has no sign. A column that is a little higher each day is no farther away on any of them than
quiet days are, and twenty such days say no more than one. So beside the distance, the mean normal score
of a window is followed, up and down, in units of how much quiet windows' means differ.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.models.columns import ColumnReference
    from towpath.operate.monitoring.seasons import Comparable

    Floats: TypeAlias = "npt.NDArray[np.float64]"
    Ints: TypeAlias = "npt.NDArray[np.int64]"

UP, DOWN = " up", " down"
"""What the streams of a column are called, after its name."""

_MOST_MOVED = (
    3.0  # spreads: one odd window is for the distance to notice, this is for many in a row
)
_BET = 1.0  # the shift that is bet on, in units of the quiet windows' spread
_LEAST_INDEPENDENT = 5
_MOST_CORRELATED = 0.9
_LEAST_ROWS = 20
_LEAST_SPREAD = 0.03  # of a standard deviation: a column that never moved may, by that much


def shift_evidence(
    column: ColumnReference, current: Ints, past: Comparable, *, rows: float
) -> dict[str, float]:
    """Return e-values for "higher than before" and "lower than before"; none where it can't be told.

    Each is a ratio of likelihoods: the predictive distribution of a window's mean score moved by one
    of its own spreads, over itself; a Student's t, cut off so that no single window says much. Its mean is one
    while nothing has changed, and windows in a row multiply. Where quiet windows are not distributed so
    (it rarely rains, and then it pours), the bet's stake is cut to what it would have won on them, so
    that it wins nothing on average. Shifts below half a spread are harmless by this measure: they lose
    the bet.

    The spread is that of the reference's windows around the others of their phase. Where neighbouring
    windows go together (weather lasts for days) it is the long-run one, σ √((1+ρ)/(1−ρ)) for a lag-one
    correlation of ρ, because such days repeat each other.

    Args:
        column: A column of numbers.
        current: The window's counts, folded.
        past: What it is compared with.
        rows: Rows of the window, or what its weighted rows amount to.
    """
    scores = _scores(column)
    windows, rests = past.windows @ column.blocks, past.rests @ column.blocks
    sizes = windows[:, :-1].sum(axis=1)
    usable = (sizes >= _LEAST_ROWS) & (rests[:, :-1].sum(axis=1) > 0)
    reference = past.live @ column.blocks
    independent = past.independent * usable.sum() / max(1, len(usable))
    if independent < _LEAST_INDEPENDENT or not reference[:-1].any() or not current[:-1].any():
        return {}
    away = _mean(windows[usable], scores) - _mean(rests[usable], scores)
    within = float(np.square(scores) @ reference[:-1] / reference[:-1].sum())
    within -= float(_mean(reference, scores)) ** 2
    usual = float(sizes[usable].mean())
    spread = max(float(np.sqrt(np.mean(np.square(away)))) * _lasting(away), _LEAST_SPREAD)
    noise = max(0.0, within / max(rows, 1.0) - within / usual)  # smaller windows are noisier
    scale = math.sqrt(spread**2 * (1 + 1 / independent) + noise)
    moved = float(_mean(current, scores) - _mean(reference, scores)) / scale
    return {
        column.name + UP: _won(moved, away / scale, independent),
        column.name + DOWN: _won(-moved, -away / scale, independent),
    }


def column_of_stream(stream: str) -> str:
    """Return the column that a stream of evidence is about."""
    return stream.removesuffix(UP).removesuffix(DOWN)


def _won(moved: float, quiet: Floats, independent: float) -> float:
    """Return what the bet wins on a window, where it wins nothing on quiet ones on average."""
    usual = float(np.mean(_ratios(quiet, independent)))
    return float(_ratios(np.array(moved), independent)) / max(1.0, usual)


def _ratios(moved: Floats, independent: float) -> Floats:
    """Return the density of Student's t at `moved` less the bet, over that at `moved`."""
    degrees = independent - 1
    moved = np.clip(moved, -_MOST_MOVED, _MOST_MOVED)
    grown = np.log1p(moved**2 / degrees) - np.log1p((moved - _BET) ** 2 / degrees)
    return np.exp((degrees + 1) / 2 * grown)


def _lasting(away: Floats) -> float:
    """Return how much larger the long-run spread is than that of single windows.

    A few dozen windows show less correlation than there is: Kendall's correction for that (1954), and
    a standard error on top where they do go together.
    """
    energy, count = float(np.square(away).sum()), len(away)
    if energy == 0:
        return 1.0
    shown = float((away[1:] * away[:-1]).sum()) / energy
    correlated = shown + (1 + 3 * shown) / count
    if shown > 2 / math.sqrt(count):
        correlated += math.sqrt(max(0.0, 1 - shown**2) / count)
    correlated = min(max(correlated, 0.0), _MOST_CORRELATED)
    return math.sqrt((1 + correlated) / (1 - correlated))


def _scores(column: ColumnReference) -> Floats:
    """Return each group's normal score by its rank in the reference."""
    counts = column.blocks.sum(axis=0)[:-1]
    ranks = (np.cumsum(counts) - counts / 2) / max(1, counts.sum())
    return ndtri(np.clip(ranks, 1e-4, 1 - 1e-4))


def _mean(counts: Floats | Ints, scores: Floats) -> Floats:
    """Return the mean score of values that are there; `(n,)` for `(n, groups + 1)`."""
    known = counts[..., :-1]
    return known @ scores / np.maximum(known.sum(axis=-1), 1)
