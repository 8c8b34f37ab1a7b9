"""What a search is made of: what it varies, what it is after, its trials, and who proposes them.

A search is a driver (`build.pipelines.authoring.driving`): the controller alone decides, and every trial is a call
of a step with a cache key. Nothing of it lives in a study's storage: what was proposed is in the runs
of the trials, what they gave is in the cache, so a search that was killed at any point is continued
by running it again.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  msgspec reads the annotations
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from towpath.build.pipelines import Artifact  # noqa: TC001  msgspec reads the annotations

if TYPE_CHECKING:
    from towpath.build.tuning.space import Dimension

Direction = Literal["maximize", "minimize"]
Sampler = Literal["tpe", "random", "cmaes", "grid"]
Pruner = Literal["median", "asha"]
TrialState = Literal["running", "done", "pruned", "failed", "stopped"]
Bounds = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A metric that trials log, and which way is better."""

    metric: str
    direction: Direction

    def better(self, one: float, other: float) -> bool:
        """Tell whether `one` is strictly better than `other`."""
        return one > other if self.direction == "maximize" else one < other


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSpec:
    """What a search is asked to do.

    What only says how far and how fast it goes (`trials`, `parallel`, `timeout_s`, `keep`) is no part
    of what it *is*: the same search asked for more trials continues, and redoes none.

    Attributes:
        space: What varies: a step's parameter to the values that it may take, in order of name.
        objectives: What is looked for; more than one makes the result a Pareto front.
        trials: How many are proposed in all, pruned and failed ones included.
        parallel: How many run at once.
        sampler: Who proposes: see `Proposer`.
        prune: When a trial is given up: `median` once it is worse at a step than half of the others
            were, `asha` once it is not among the best quarter of its rung (Li et al., A System for
            Massively Parallel Hyperparameter Tuning, MLSys 2020); None never.
        seed: Another one proposes other points.
        timeout_s: No trial starts later than this after the search began in this run; those that are
            going then end.
        first: Points that are tried before anything is proposed; parameters left out are proposed.
        within: Metric to the smallest and largest value that a result may have. What lies outside is
            never chosen, and proposals move away from it.
        warm: How many of the best points of the newest earlier search of this name are tried first.
        keep: How many results are kept in the pool from which the gates choose.
    """

    space: Mapping[str, Dimension]
    objectives: tuple[Objective, ...]
    trials: int
    parallel: int = 2
    sampler: Sampler = "tpe"
    prune: Pruner | None = None
    seed: int = 0
    timeout_s: float | None = None
    first: tuple[Mapping[str, Any], ...] = ()
    within: Mapping[str, Bounds] = field(default_factory=dict[str, Bounds])
    warm: int = 0
    keep: int = 3

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Which way is better, by objective."""
        return tuple(one.direction for one in self.objectives)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One point of the space, and what became of it.

    Attributes:
        number: From 0, in the order in which trials were proposed.
        params: The point.
        state: `done`: every objective was logged. `pruned`: given up on the way. `failed`: the step
            failed, or left an objective out. `stopped`: its search or its machine ended before it
            did; the next run of the search tries the same point.
        values: The objectives, in their order; of a pruned trial the last that it reported, if any.
        metrics: The last value of every metric that it logged.
        points: What it reported on the way: `(step, value)`, one per step, by step.
        artifacts: The results of the step, while `done`.
        run_id: Its run in the search that tells of it.
        seconds: Wall time of the execution; 0 where the result came from the cache.
        why: Why it was pruned, or what failed; quotes no data.
    """

    number: int
    params: Mapping[str, Any]
    state: TrialState
    values: tuple[float, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    points: tuple[tuple[int, float], ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    run_id: str = ""
    seconds: float = 0.0
    why: str = ""

    @property
    def over(self) -> bool:
        """Whether it has told all that it ever will: a search that goes on does not repeat it."""
        return self.state in ("done", "pruned", "failed")

    def excess(self, within: Mapping[str, Bounds]) -> dict[str, float]:
        """Return by how much each bounded metric lies outside: at most 0 where it is inside.

        A bounded metric that was not logged counts as outside.
        """
        return {name: _excess(self.metrics.get(name), *bounds) for name, bounds in within.items()}

    def allowed(self, within: Mapping[str, Bounds]) -> bool:
        """Tell whether it is done and every bounded metric lies within its bounds."""
        return self.state == "done" and all(one <= 0 for one in self.excess(within).values())


class Proposer(Protocol):
    """Proposes points and gives trials up; remembers what it is told. Not thread-safe.

    A proposal depends on the specification, the trial's number and what was told until then, on
    nothing else: no generator carries a state from one proposal to the next. A proposer to which
    earlier trials are told instead of asking it for them goes on as if it had proposed them itself.

    Cost: processor time of a proposal of `tpe` is 3 ms with 30 trials told and 5 ms with 300; under 1 ms
    for all else.
    """

    def propose(self, number: int, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the point for trial `number`, which runs from now on.

        Args:
            number: The next number; each is proposed once, ascending.
            fixed: Parameters that are settled already, such as those of a point to begin with.
        """
        ...

    def report(self, number: int, step: int, value: float) -> str:
        """Take in what a running trial says on its way.

        Returns:
            Why it is to be given up; empty to let it go on. A second value for one step is not heard,
            and NaN never gives a trial up.
        """
        ...

    def tell(self, trial: Trial) -> None:
        """Take in how a trial ended, be it one that was proposed or one of an earlier run."""
        ...


def _excess(value: float | None, lowest: float | None, highest: float | None) -> float:
    if value is None or value != value:  # noqa: PLR0124  only NaN differs from itself
        return float("inf")
    over = [] if highest is None else [value - highest]
    under = [] if lowest is None else [lowest - value]
    return max([*over, *under], default=0.0)
