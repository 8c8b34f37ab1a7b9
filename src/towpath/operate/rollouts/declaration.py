"""The declaration of a rollout: how traffic moves from champion to challenger, on what evidence."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from towpath.assets.models.losses import find_loss
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.operate.rollouts.measures import (
    Agreement,
    Errors,
    Measure,
    Signal,
    margin_of,
    measure_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Strategy = Literal["canary", "champion_challenger", "shadow", "blue_green"]
OnTimeout = Literal["hold", "promote", "rollback"]
Compare = Literal["arms", "paired"]

_BY_STRATEGY = "by strategy"

_DEFAULTS: dict[Strategy, dict[str, Any]] = {
    "canary": {"stages": (0.1, 0.5, 1.0), "metric": "log_loss", "max_duration": "14d"},
    "champion_challenger": {"stages": (0.1, 1.0), "metric": "log_loss", "max_duration": "28d"},
    "shadow": {"stages": (0.0, 1.0), "metric": "log_loss", "max_duration": "14d"},
    "blue_green": {"stages": (1.0,), "metric": None, "max_duration": "1d"},
}
_BAKE: dict[Strategy, str | None] = {"blue_green": "1h"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How a challenger earns traffic: by a strategy, on always-valid evidence.

    *Harm* is how much worse the challenger is than the champion: in mean loss (`metric`), and in each
    further measure. A confidence sequence bounds it at every moment at once, so looking often costs
    nothing. The rollout goes back as soon as the lower bound of a harm is above zero, or that of a
    guard rail above its margin. It goes on when the upper bound of *every* required harm is below its
    margin: once at the last stage before all traffic, twice as wide one stage earlier, and so on,
    because an early stage only has to exclude gross harm. Otherwise it holds.

    Attributes:
        strategy: `canary` raises the challenger's share by stages. `champion_challenger` keeps one
            split until the outcome decides. `shadow` gives the challenger a copy of the traffic and
            returns none of its answers. `blue_green` gives it all traffic at once and keeps the
            champion loaded for the way back.
        stages: The challenger's share per stage, rising; 1.0 at the end is promotion. `[1.0]` alone is
            no trial of a canary: what passed its gates takes all traffic. Left out: 10% and 50% for a
            canary, 10% for champion and challenger; the other two have none.
        metric: The per-row loss that is compared: `log_loss`, `brier`, `error_rate`, `mae`, `mse`;
            None where outcomes never come back. Left out: `log_loss`, or None for `blue_green`.
        margin: The harm, in the metric's unit, that is worth tolerating for a fresher model. Zero, or
            less, asks a challenger of one stage to be better, by so much.
        require: What else has to be proved harmless before the challenger is promoted.
        guards: Guard rails: they can stop a rollout and never promote. Errors are one, with a margin
            of zero, where neither list has them.
        maturity: How long after a decision its label and signals are waited for. Those of good and bad
            outcomes arrive at different speeds, so younger decisions would be a biased sample.
        bake: Event time that passes before promotion however good the evidence is; one hour for
            `blue_green`. Its champion is measured over as long before the switch.
        max_duration: Event time after which `on_timeout` decides; pauses don't count.
        alpha: Bound on the probability of rolling back a challenger that does no harm, and on that of
            promoting one whose harm is at its margin or above, over the whole rollout.
        compare: `arms` compares what each arm answered itself, and assumes nothing beyond the random
            split. `paired` scores both models on every labelled decision, which needs far less traffic
            but is right only where the answer doesn't change the outcome: a flight lands when it
            lands, a refused loan is never repaid. A shadow is always compared in pairs.
        on_timeout: `rollback` returns to the champion, `promote` goes ahead, `hold` keeps waiting.
        min_rows: Labelled decisions per arm (pairs, when paired) at a stage before it may go on.
    """

    strategy: Strategy = "canary"
    stages: Sequence[float] = ()
    metric: str | None = _BY_STRATEGY
    margin: float = 0.01
    require: Sequence[Measure] = ()
    guards: Sequence[Measure] = ()
    maturity: str = "6h"
    bake: str | None = _BY_STRATEGY
    max_duration: str = _BY_STRATEGY
    alpha: float = 0.05
    compare: Compare = "arms"
    on_timeout: OnTimeout = "rollback"
    min_rows: int = 200

    def __post_init__(self) -> None:
        """Fill in what the strategy says, and refuse what can't be carried out."""
        for name, known in (
            ("strategy", Strategy),
            ("compare", Compare),
            ("on_timeout", OnTimeout),
        ):
            if getattr(self, name) not in get_args(known):
                raise InvalidProject(
                    f"rollout has {name}={getattr(self, name)!r}",
                    remedy=f"It is one of {', '.join(get_args(known))}.",
                )
        usual = _DEFAULTS[self.strategy]
        self._fill("stages", tuple(self.stages) or usual["stages"])
        self._fill("require", tuple(measure_of(one) for one in self.require))
        self._fill("guards", tuple(measure_of(one) for one in self.guards))
        for name in ("metric", "max_duration"):
            if getattr(self, name) == _BY_STRATEGY:
                self._fill(name, usual[name])
        if self.bake == _BY_STRATEGY:
            self._fill("bake", _BAKE.get(self.strategy))
        self._check_numbers()
        self._check_stages()
        self._check_measures()
        if self.metric is not None:
            find_loss(self.metric)
        for span in (self.maturity, self.max_duration, self.bake):
            if span is not None:
                parse_duration(span)

    def _fill(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check_numbers(self) -> None:
        if not 0 < self.alpha < 0.5:
            raise InvalidProject(
                f"rollout alpha {self.alpha} is not a small probability", remedy="Use 0.05."
            )
        if self.margin <= 0 and len(self.trial_stages) != 1:
            raise InvalidProject(
                f"rollout margin {self.margin} is not above zero",
                remedy="No amount of traffic proves a harm of exactly zero; tolerate a little. "
                "Only a rollout of one stage may ask for a challenger that is better.",
            )

    def _check_stages(self) -> None:
        stages, usual = tuple(self.stages), tuple(_DEFAULTS[self.strategy]["stages"])
        if self.strategy in ("shadow", "blue_green"):
            if stages != usual:
                raise InvalidProject(
                    f"a {self.strategy} rollout has no stages to choose: {list(stages)}",
                    remedy="Leave `stages` out, or choose strategy='canary'.",
                )
            return
        rising = all(a < b for a, b in itertools.pairwise(stages))
        if not rising or not all(0 < one <= 1 for one in stages):
            raise InvalidProject(
                f"rollout stages {list(stages)} are not shares that rise",
                remedy="Write for example [0.1, 0.5, 1.0].",
            )
        if self.strategy == "champion_challenger" and len(self.trial_stages) != 1:
            raise InvalidProject(
                f"champion and challenger share traffic in one split, not in {list(stages)}",
                remedy="Write one share, stages=[0.1], or choose strategy='canary'.",
            )

    def _check_measures(self) -> None:
        names = [one.name for one in (*self.require, *self.guards)]
        if len(set(names)) != len(names):
            raise InvalidProject(
                f"rollout measures something twice: {', '.join(sorted(names))}",
                remedy="Name each measure once, as required or as a guard rail.",
            )
        if self.has_trial and self.metric is None and not self.required:
            raise InvalidProject(
                "rollout has nothing that could promote: no metric, and nothing required",
                remedy="Require something: require=[tp.rollouts.Errors(margin=0.005)].",
            )
        for one in self.require:
            if margin_of(one) <= 0:
                raise InvalidProject(
                    f"rollout requires {one.name} with a margin of zero",
                    remedy="No amount of traffic proves a harm of exactly zero; tolerate a little.",
                )
        split = self.strategy in ("canary", "champion_challenger")
        for one in (*self.require, *self.guards):
            if isinstance(one, Signal) and not split:
                raise InvalidProject(
                    f"a {self.strategy} rollout can't compare the {one.name}",
                    remedy="What customers do answers one model at a time; split the traffic.",
                )
            if isinstance(one, Agreement) and self.strategy != "shadow":
                raise InvalidProject(
                    f"a {self.strategy} rollout has no two answers to one request",
                    remedy="Agreement is for strategy='shadow'.",
                )
        if self.strategy == "blue_green" and self.bake is None:
            raise InvalidProject(
                "a blue_green rollout does not bake, so there is nothing to compare it with",
                remedy="Say how long: bake='1h'. The champion is measured over as long before.",
            )
        if self.strategy == "blue_green" and self.metric is not None and self.compare == "arms":
            raise InvalidProject(
                f"a blue_green rollout has no arm to compare {self.metric} with",
                remedy="Leave `metric` out, or score both models on each row: compare='paired'.",
            )

    @property
    def has_trial(self) -> bool:
        """Whether live traffic is asked at all; if not, the gates decide alone."""
        return self.strategy != "canary" or self.stages[0] < 1

    @property
    def trial_stages(self) -> tuple[float, ...]:
        """The shares at which evidence is gathered: those below one, or all traffic at once."""
        if self.strategy == "blue_green":
            return (1.0,)
        return tuple(share for share in self.stages if share < 1)

    @property
    def required(self) -> tuple[Measure, ...]:
        """What has to be proved harmless beside `metric`; a switch at once requires errors."""
        if self.strategy == "blue_green" and not self.require and self.metric is None:
            return (Errors(margin=0.01),)
        return tuple(self.require)

    @property
    def guarding(self) -> tuple[Measure, ...]:
        """The guard rails, errors among them."""
        if any(isinstance(one, Errors) for one in (*self.required, *self.guards)):
            return tuple(self.guards)
        return (*self.guards, Errors())

    def widened(self, stage: int) -> int:
        """Return how many margins the upper bound must clear to leave a stage."""
        return len(self.trial_stages) - stage

    def margin_at(self, stage: int) -> float:
        """Return the harm in `metric` that the upper bound must exclude to leave a stage."""
        return self.margin * self.widened(stage)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Read the declaration out of an intent's spec; keys of others are left alone."""
        return cls(**{one.name: spec[one.name] for one in fields(cls) if one.name in spec})
