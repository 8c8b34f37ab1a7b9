"""Which trials are best: in order for one objective, front by front for several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from towpath.build.tuning.contract import Bounds, Objective, Trial


def rank(
    trials: Sequence[Trial], objectives: Sequence[Objective], within: Mapping[str, Bounds]
) -> list[Trial]:
    """Return the trials that may be chosen, best first.

    With one objective that is its order; of equal ones the earlier trial goes first. With several, the
    Pareto front goes first, then the front of what is left, and so on (non-dominated sorting; Deb et
    al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, IEEE TEC 2002). Within a front,
    the nearer to the front's best values the better, each objective scaled to the front's range
    (compromise programming; Zeleny 1973).

    Cost: `O(n log n)` for one objective, `O(n²)` comparisons by numpy for several.
    """
    allowed = [trial for trial in trials if trial.allowed(within)]
    if not allowed:
        return []
    losses = _losses(allowed, objectives)
    if len(objectives) == 1:
        return [allowed[place] for place in np.argsort(losses[:, 0], kind="stable")]
    ordered: list[int] = []
    left = np.arange(len(allowed))
    while left.size:
        on_front = _undominated(losses[left])
        ordered += list(left[on_front][_nearest_first(losses[left[on_front]])])
        left = left[~on_front]
    return [allowed[place] for place in ordered]


def pareto_front(
    trials: Sequence[Trial], objectives: Sequence[Objective], within: Mapping[str, Bounds]
) -> list[Trial]:
    """Return the trials that no allowed one beats, by number; for one objective the best of all."""
    allowed = [trial for trial in trials if trial.allowed(within)]
    if not allowed:
        return []
    on_front = _undominated(_losses(allowed, objectives))
    return [trial for trial, best in zip(allowed, on_front, strict=True) if best]


def _losses(trials: Sequence[Trial], objectives: Sequence[Objective]) -> npt.NDArray[np.float64]:
    """Return `(n, objectives) float64`, smaller being better."""
    signs = np.array([-1.0 if one.direction == "maximize" else 1.0 for one in objectives])
    return np.array([trial.values for trial in trials], dtype=np.float64) * signs


def _undominated(losses: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    no_worse = np.all(losses[:, None, :] <= losses[None, :, :], axis=2)
    better = np.any(losses[:, None, :] < losses[None, :, :], axis=2)
    return np.logical_not(np.any(no_worse & better, axis=0))


def _nearest_first(losses: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    low = losses.min(axis=0)
    span = losses.max(axis=0) - low
    scaled = (losses - low) / np.where(span > 0, span, 1.0)
    return np.argsort(np.square(scaled).sum(axis=1), kind="stable")
