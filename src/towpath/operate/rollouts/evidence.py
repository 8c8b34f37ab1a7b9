"""What a rollout has seen so far, and what follows from it. Pure: no clock, no log, no ledger."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, Self

import msgspec

from towpath.operate.rollouts.confidence import Interval, Moments, Pairs, difference
from towpath.operate.rollouts.failures import Failures
from towpath.operate.rollouts.ratio import sample_ratio_e_value

if TYPE_CHECKING:
    from towpath.operate.rollouts.declaration import Compare, Rollout

Decision = Literal["hold", "advance", "promote", "roll_back"]

RATIO_ALPHA = 0.001
"""Probability of stopping a rollout whose split is right, over all its stages."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen at one share of the traffic.

    Attributes:
        weight: The challenger's share.
        champion: Losses of the champion's own labelled answers.
        challenger: Losses of the challenger's own labelled answers.
        answers: Answers seen, labelled or not.
        callers: Different callers of champion and challenger when they were last counted.
        counted_at: How many answers there were when callers were last counted.
    """

    weight: float
    champion: Moments = Moments()
    challenger: Moments = Moments()
    answers: int = 0
    callers: tuple[int, int] = (0, 0)
    counted_at: int = 0

    @property
    def ratio_e_value(self) -> float:
        """Evidence against the callers having been split by the stage's share."""
        return sample_ratio_e_value(*self.callers, self.weight)

    @property
    def recount_due(self) -> bool:
        """Whether callers should be counted again: at 200 answers, then each time they grow by half.

        The check may be looked at whenever; counting anew reads the whole stage, and this keeps the
        reading in proportion to the traffic.
        """
        return self.answers >= max(200, self.counted_at * 3 // 2) and self.answers > self.counted_at


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a rollout remembers between two looks: sums, whatever the traffic."""

    stages: tuple[Stage, ...]
    failures: Failures = Failures()
    pairs: Pairs = Pairs()

    @classmethod
    def start(cls, plan: Rollout) -> Self:
        """Return the evidence before the first answer."""
        return cls(stages=tuple(Stage(weight=share) for share in plan.trial_stages))

    def at(self, number: int, stage: Stage) -> Evidence:
        """Return the evidence with one stage replaced."""
        stages = (*self.stages[:number], stage, *self.stages[number + 1 :])
        return msgspec.structs.replace(self, stages=stages)

    @property
    def labelled(self) -> tuple[int, int]:
        """Labelled answers of champion and challenger."""
        return (
            sum(stage.champion.rows for stage in self.stages),
            sum(stage.challenger.rows for stage in self.stages),
        )

    def harm(self, compare: Compare, alpha: float) -> Interval | None:
        """Bound the challenger's harm at every moment; None while there is too little to say."""
        if compare == "paired":
            return self.pairs.interval(alpha)
        champion = [stage.champion for stage in self.stages]
        return difference(champion, [stage.challenger for stage in self.stages], alpha)


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the evidence: what it says, and what to do."""

    decision: Decision
    reason: str
    harm: Interval | None


def judge(plan: Rollout, evidence: Evidence, *, stage: int, compare: Compare) -> Look:
    """Decide on the evidence alone; time-outs are the caller's.

    `plan.alpha` bounds each of the two mistakes. Of the mistake of going back for nothing, failures
    may use one half and the lower end of the (two-sided) confidence sequence the other.
    """
    harm = evidence.harm(compare, plan.alpha)
    objection = _objection(plan, evidence)
    if objection is not None:
        return Look(decision="roll_back", reason=objection, harm=harm)
    if harm is None or not _enough(plan, evidence.labelled, compare):
        return Look(decision="hold", reason="too few labelled decisions so far", harm=harm)
    if harm.lower > 0:
        why = f"{plan.metric} is worse by at least {harm.lower:.4g}"
        return Look(decision="roll_back", reason=why, harm=harm)
    here, margin = evidence.stages[stage], plan.margin_at(stage)
    if not _enough(plan, (here.champion.rows, here.challenger.rows), compare):
        return Look(decision="hold", reason="too few labelled decisions at this stage", harm=harm)
    if harm.upper >= margin:
        why = f"{plan.metric} could be worse by up to {harm.upper:.4g}, above {margin:.4g}"
        return Look(decision="hold", reason=why, harm=harm)
    last = stage + 1 == len(evidence.stages)
    why = f"{plan.metric} is worse by less than {harm.upper:.4g}, within {margin:.4g}"
    return Look(decision="promote" if last else "advance", reason=why, harm=harm)


def _objection(plan: Rollout, evidence: Evidence) -> str | None:
    """Say why the rollout must end whatever the labels say, if it must."""
    failures = evidence.failures
    if failures.log_e >= math.log(2 / plan.alpha):
        return (
            f"the challenger failed {failures.challenger_failed} of {failures.challenger_rows} "
            f"requests, the champion {failures.champion_failed} of {failures.champion_rows}"
        )
    for number, one in enumerate(evidence.stages):
        if one.ratio_e_value >= len(evidence.stages) / RATIO_ALPHA:
            return (
                f"at stage {number} {one.callers[1]} of {sum(one.callers)} callers reached the "
                f"challenger instead of {one.weight:.0%}: the arms can't be compared"
            )
    return None


def _enough(plan: Rollout, rows: tuple[int, int], compare: Compare) -> bool:
    return (sum(rows) if compare == "paired" else min(rows)) >= plan.min_rows
