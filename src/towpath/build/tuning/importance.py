"""Which parameters decided whether a trial was good.

PED-ANOVA (Watanabe, Bansal, Hutter: Efficiently Quantifying Hyperparameter Importance in Arbitrary
Subspaces, IJCAI 2023): a parameter is important as far as its values among the best trials are spread
otherwise than among all. It needs no model of the objective, holds for several objectives as well, and
takes milliseconds, so pages compute it as they are looked at.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from towpath.build.tuning.ranking import rank
from towpath.build.tuning.space import Choice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from towpath.build.tuning.contract import Bounds, Objective, Trial
    from towpath.build.tuning.space import Dimension

_FEWEST = 8
_BEST_SHARE = 0.2
_FEWEST_BEST = 4
_GRID = 50
_PRIOR = 1.0


def importances(
    trials: Sequence[Trial],
    space: Mapping[str, Dimension],
    objectives: Sequence[Objective],
    within: Mapping[str, Bounds],
) -> dict[str, float]:
    """Return each parameter's share, all of them together 1, the most important first.

    Empty below eight trials that are done and within bounds: nothing could be said. A share speaks of
    what was tried: what a sampler hardly varied can't have mattered.
    """
    ranked = rank(trials, objectives, within)
    if len(ranked) < _FEWEST:
        return {}
    best = ranked[: max(_FEWEST_BEST, math.ceil(_BEST_SHARE * len(ranked)))]
    divergences: dict[str, float] = {}
    for name, axis in space.items():
        top = _density(axis, [trial.params[name] for trial in best])
        whole = _density(axis, [trial.params[name] for trial in ranked])
        divergences[name] = float(whole @ np.square(top / whole - 1))
    total = sum(divergences.values())
    if total <= 0:
        return dict.fromkeys(space, 1 / len(space))
    ordered = sorted(divergences.items(), key=lambda item: -item[1])
    return {name: value / total for name, value in ordered}


def _density(axis: Dimension, values: Sequence[object]) -> npt.NDArray[np.float64]:
    """Return how values are spread over an axis: probabilities of cells, `(cells,) float64`.

    Every cell has a share of one value that was not seen, so that none is impossible.
    """
    if isinstance(axis, Choice):
        cells = len(axis.values)
        mass = np.bincount([axis.index(one) for one in values], minlength=cells).astype(np.float64)
    else:
        cells = _GRID
        places = np.array([axis.place(one) for one in values])
        grid = (np.arange(cells) + 0.5) / cells
        # Scott's rule; never narrower than a cell.
        width = max(1 / cells, 1.059 * float(np.std(places)) * places.size**-0.2)
        bumps = np.exp(-0.5 * np.square((grid[None, :] - places[:, None]) / width))
        mass = (bumps / bumps.sum(axis=1, keepdims=True)).sum(axis=0)
    return (mass + _PRIOR / cells) / (mass.sum() + _PRIOR)
