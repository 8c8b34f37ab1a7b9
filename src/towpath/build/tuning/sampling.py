"""Optuna's TPE for spaces that are known from the start. Importing this imports Optuna: half a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.samplers import TPESampler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


class KnownSpaceTPE(TPESampler):
    """Proposes all parameters together without going through every trial to learn what they are.

    A sampler finds the space out by comparing what all trials had, which costs more with each. Made
    afresh for each proposal, it would do so from the beginning every time.

    Args:
        axes: The whole space.
        seed: Of this one proposal.
    """

    def __init__(self, axes: Mapping[str, BaseDistribution], seed: int) -> None:
        super().__init__(seed=seed)
        self._axes = {name: axis for name, axis in axes.items() if not axis.single()}

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the space; nothing for several objectives, of which each parameter learns alone."""
        del trial
        return {} if len(study.directions) > 1 else dict(self._axes)
