"""The declaration of a rollout: how traffic moves from champion to challenger, on what evidence."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self

from towpath.assets.models.losses import find_loss
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OnTimeout = Literal["hold", "promote", "rollback"]
Compare = Literal["arms", "paired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How a challenger earns traffic: by stages, each on always-valid evidence.

    *Harm* is the challenger's mean loss minus the champion's. A confidence sequence bounds it at every
    moment at once, so looking often costs nothing. The rollout goes back as soon as the lower bound is
    above zero, or the challenger's answers fail more often. It goes on when the upper bound is below
    the stage's margin: `margin` at the last stage before all traffic, twice as wide one stage earlier,
    and so on, because an early stage only has to exclude gross harm. Otherwise it holds.

    Attributes:
        stages: The challenger's share per stage, rising; 1.0 at the end is promotion. `[1.0]` alone is
            no trial: what passed its gates takes all traffic, for services whose labels never come.
        metric: The per-row loss that is compared: `log_loss`, `brier`, `error_rate`, `mae`, `mse`.
        margin: The harm, in the metric's unit, that is worth tolerating for a fresher model.
        maturity: How long after a decision its label is waited for. Labels of good and bad outcomes
            arrive at different speeds, so younger decisions would be a biased sample.
        max_duration: Event time after which `on_timeout` decides.
        alpha: Bound on the probability of rolling back a challenger that does no harm, and on that of
            promoting one whose harm is `margin` or more, over the whole rollout.
        compare: `arms` compares what each arm answered itself, and assumes nothing beyond the random
            split. `paired` scores both models on every labelled decision, which needs far less traffic
            but is right only where the answer doesn't change the outcome: a flight lands when it
            lands, a refused loan is never repaid.
        on_timeout: `rollback` returns to the champion, `promote` goes ahead, `hold` keeps waiting.
        min_rows: Labelled decisions per arm (pairs, when paired) at a stage before it may go on.
    """

    stages: Sequence[float] = (0.1, 0.5, 1.0)
    metric: str = "log_loss"
    margin: float = 0.01
    maturity: str = "6h"
    max_duration: str = "14d"
    alpha: float = 0.05
    compare: Compare = "arms"
    on_timeout: OnTimeout = "rollback"
    min_rows: int = 200

    def __post_init__(self) -> None:
        """Refuse what can't be carried out."""
        rising = all(a < b for a, b in zip(self.stages, self.stages[1:], strict=False))
        if not self.stages or not rising or not all(0 < one <= 1 for one in self.stages):
            raise InvalidProject(
                f"rollout stages {list(self.stages)} are not shares that rise",
                remedy="Write for example [0.1, 0.5, 1.0].",
            )
        if not 0 < self.alpha < 0.5:
            raise InvalidProject(
                f"rollout alpha {self.alpha} is not a small probability", remedy="Use 0.05."
            )
        if self.margin <= 0:
            raise InvalidProject(
                f"rollout margin {self.margin} is not above zero",
                remedy="No amount of traffic proves a harm of exactly zero; tolerate a little.",
            )
        if self.compare not in ("arms", "paired") or self.on_timeout not in (
            "hold",
            "promote",
            "rollback",
        ):
            raise InvalidProject(
                f"rollout compares {self.compare!r} and on time-out does {self.on_timeout!r}",
                remedy="Compare 'arms' or 'paired'; on time-out 'hold', 'promote' or 'rollback'.",
            )
        find_loss(self.metric)
        parse_duration(self.maturity)
        parse_duration(self.max_duration)

    @property
    def has_trial(self) -> bool:
        """Whether live traffic is asked at all; if not, the gates decide alone."""
        return self.stages[0] < 1

    @property
    def trial_stages(self) -> tuple[float, ...]:
        """The shares below one, at which evidence is gathered."""
        return tuple(share for share in self.stages if share < 1)

    def margin_at(self, stage: int) -> float:
        """Return the harm that the upper bound must exclude to leave a stage."""
        return self.margin * (len(self.trial_stages) - stage)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Read the declaration out of an intent's spec; keys of others are left alone."""
        return cls(**{one.name: spec[one.name] for one in fields(cls) if one.name in spec})
