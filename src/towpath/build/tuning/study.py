"""Proposals and pruning by Optuna, which is asked and told from one thread and stores nothing.

Akiba et al., Optuna: A Next-generation Hyperparameter Optimization Framework, KDD 2019. The study lives
in memory. A sampler is made afresh for each proposal, from the seed and the trial's number, so that a
search which is continued proposes what it would have proposed. Importing this takes half a second.
"""

from __future__ import annotations

import importlib
import math
from typing import TYPE_CHECKING, Any

import optuna

from towpath.build.tuning.sampling import KnownSpaceTPE
from towpath.build.tuning.space import Interval, grid_of
from towpath.core.digests import digest_json
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.distributions import BaseDistribution

    from towpath.build.tuning.contract import SearchSpec, Trial
    from towpath.build.tuning.space import Dimension

_WORSE = "worse at step {step} than half of the trials before it"
_RUNG = "not among the best quarter at step {step}"


class OptunaProposer:
    """A `Proposer` on a study in memory.

    Args:
        spec: What is searched, and how.

    Raises:
        InvalidProject: `cmaes` is asked for and not installed.
    """

    def __init__(self, spec: SearchSpec) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._spec = spec
        self._axes = {name: _distribution(one) for name, one in spec.space.items()}
        self._study = optuna.create_study(
            directions=list(spec.directions),
            sampler=optuna.samplers.RandomSampler(seed=spec.seed),
            pruner=_pruner(spec),
        )
        self._grid = list(grid_of(spec.space)) if spec.sampler == "grid" else []
        self._running: dict[int, optuna.Trial] = {}
        self._heard: dict[int, set[int]] = {}
        if spec.sampler == "cmaes":
            _require_cmaes()

    def propose(self, number: int, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the next point; see `Proposer.propose`."""
        settled = dict(fixed or {})
        if self._grid:
            settled = self._grid[number % len(self._grid)] | settled
        trial = self._ask(number, settled, self._sampler(number, settled))
        self._running[number] = trial
        return {name: self._outward(name, trial.params[name]) for name in self._spec.space}

    def report(self, number: int, step: int, value: float) -> str:
        """Take in a value on the way; see `Proposer.report`."""
        heard = self._heard.setdefault(number, set())
        if self._spec.prune is None or math.isnan(value) or step < 0 or step in heard:
            return ""
        heard.add(step)
        trial = self._running[number]
        trial.report(value, step)
        words = _RUNG if self._spec.prune == "asha" else _WORSE
        return words.format(step=step) if trial.should_prune() else ""

    def tell(self, trial: Trial) -> None:
        """Take in how a trial ended; see `Proposer.tell`."""
        asked = self._running.pop(trial.number, None)
        self._heard.pop(trial.number, None)
        if asked is None:
            asked = self._relive(trial)
        states = optuna.trial.TrialState
        if trial.state == "done":
            for name, excess in trial.excess(self._spec.within).items():
                asked.set_constraint(name, excess)
            self._study.tell(asked, list(trial.values))
        elif trial.state == "pruned":
            self._study.tell(asked, state=states.PRUNED)
        else:
            self._study.tell(asked, state=states.FAIL)

    def _relive(self, trial: Trial) -> optuna.Trial:
        """Take a trial of an earlier run through what it went through, without proposing anything."""
        asked = self._ask(trial.number, trial.params, self._sampler(trial.number, trial.params))
        if self._spec.prune is not None:
            for step, value in trial.points:
                if step >= 0 and not math.isnan(value):
                    asked.report(value, step)
                    asked.should_prune()  # this is how a rung learns who has reached it
        return asked

    def _ask(
        self, number: int, settled: Mapping[str, Any], sampler: optuna.samplers.BaseSampler
    ) -> optuna.Trial:
        self._study.sampler = sampler
        if settled:
            self._study.enqueue_trial(
                {name: self._inward(name, value) for name, value in settled.items()}
            )
        trial = self._study.ask(self._axes)
        if self._spec.sampler == "cmaes":
            _ = trial.relative_params  # worked out when asked for, and it counts generations then
        assert trial.number == number, f"trial {number} was told of out of turn"
        return trial

    def _sampler(self, number: int, settled: Mapping[str, Any]) -> optuna.samplers.BaseSampler:
        samplers = optuna.samplers
        seed = int(digest_json([self._spec.seed, number])[:8], 16)
        if (
            self._spec.sampler == "cmaes"
        ):  # even where all is settled: a generation is so many trials
            return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
        if self._spec.sampler == "tpe" and not settled.keys() >= self._spec.space.keys():
            return KnownSpaceTPE(self._axes, seed)
        return samplers.RandomSampler(seed=seed)

    def _inward(self, name: str, value: Any) -> Any:
        """Return a value as the study knows it: choices by their place, so that 1 and True differ."""
        axis = self._spec.space[name]
        return value if isinstance(axis, Interval) else axis.index(value)

    def _outward(self, name: str, value: Any) -> Any:
        axis = self._spec.space[name]
        return value if isinstance(axis, Interval) else axis.values[value]


def _distribution(axis: Dimension) -> BaseDistribution:
    kinds = optuna.distributions
    if not isinstance(axis, Interval):
        return kinds.CategoricalDistribution(tuple(range(len(axis.values))))
    if axis.whole:
        step = 1 if axis.step is None else int(axis.step)
        high = int(axis.low) + (int(axis.high) - int(axis.low)) // step * step
        return kinds.IntDistribution(int(axis.low), high, log=axis.log, step=step)
    if axis.step is None:
        return kinds.FloatDistribution(float(axis.low), float(axis.high), log=axis.log)
    return kinds.FloatDistribution(float(axis.low), float(axis.grid()[-1]), step=float(axis.step))


def _pruner(spec: SearchSpec) -> optuna.pruners.BasePruner:
    pruners = optuna.pruners
    if spec.prune == "median":
        return pruners.MedianPruner(n_startup_trials=5)
    if spec.prune == "asha":
        return pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=4)
    return pruners.NopPruner()


def _require_cmaes() -> None:
    try:
        importlib.import_module("cmaes")
    except ImportError as error:
        raise InvalidProject(
            "search(…, sampler='cmaes') needs a package that is not installed",
            remedy="pip install 'towpath[cmaes]', or leave the sampler out.",
        ) from error
