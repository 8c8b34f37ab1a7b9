"""What follows from the evidence: go back, go on, or hold. Pure: no clock, no log, no ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from towpath.operate.rollouts.confidence import Interval  # noqa: TC001 - msgspec reads it
from towpath.operate.rollouts.evidence import Reading  # noqa: TC001 - likewise

if TYPE_CHECKING:
    from towpath.operate.rollouts.declaration import Compare, Rollout
    from towpath.operate.rollouts.evidence import Evidence

Decision = Literal["hold", "advance", "promote", "roll_back"]

RATIO_ALPHA = 0.001
"""Probability of stopping a rollout whose split is right, over all its stages."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the evidence: what it says of each harm, and what to do."""

    decision: Decision
    reason: str
    readings: tuple[Reading, ...] = ()

    @property
    def harm(self) -> Interval | None:
        """The bounds of the first required harm, the metric's where there is one."""
        return self.readings[0].harm if self.readings else None


def judge(plan: Rollout, evidence: Evidence, *, stage: int, compare: Compare) -> Look:
    """Decide on the evidence alone; time-outs, pauses and baking are the caller's."""
    readings = tuple(evidence.readings(plan, stage=stage, compare=compare))
    objection = _unfair_split(evidence) or _harm(readings)
    if objection is not None:
        return Look(decision="roll_back", reason=objection, readings=readings)
    widened = plan.widened(stage)
    for one in readings:
        doubt = _doubt(one, widened) if one.role == "required" else None
        if doubt is not None:
            return Look(decision="hold", reason=doubt, readings=readings)
    last = stage + 1 == len(evidence.stages)
    why = "; ".join(
        f"{one.name} is worse by less than {_tell(one, one.harm.upper)}, "
        f"within {_tell(one, one.margin * widened)}"
        for one in readings
        if one.role == "required" and one.harm is not None
    )
    return Look(decision="promote" if last else "advance", reason=why, readings=readings)


def _harm(readings: tuple[Reading, ...]) -> str | None:
    """Say which harm is proved, if one is: above zero, or above a guard rail's margin."""
    for one in readings:
        if one.harm is None or one.harm.lower is None or min(one.rows) < one.least:
            continue
        if one.harm.lower > one.limit:
            beyond = f", beyond the {_tell(one, one.limit)} put up with" if one.limit else ""
            facts = f": {one.facts}" if one.facts else ""
            return f"{one.name} is worse by at least {_tell(one, one.harm.lower)}{beyond}{facts}"
    return None


def _doubt(one: Reading, widened: int) -> str | None:
    """Say what a required harm still lacks to leave this stage, if it does."""
    if one.harm is None or min(one.rows) < one.least:
        return f"too few {_rows_of(one)} so far"
    if min(one.here) < one.least:
        return f"too few {_rows_of(one)} at this stage"
    margin = one.margin * widened
    if one.harm.upper is None or one.harm.upper >= margin:
        most = "" if one.harm.upper is None else f" by up to {_tell(one, one.harm.upper)}"
        return f"{one.name} could be worse{most}, above {_tell(one, margin)}"
    return None


def _unfair_split(evidence: Evidence) -> str | None:
    """Say which stage's callers were not split by its share, if any were not."""
    for number, one in enumerate(evidence.stages):
        if one.ratio_e_value >= len(evidence.stages) / RATIO_ALPHA:
            return (
                f"at stage {number} {one.callers[1]} of {sum(one.callers)} callers reached the "
                f"challenger instead of {one.weight:.0%}: the arms can't be compared"
            )
    return None


def _rows_of(one: Reading) -> str:
    return "answers" if one.name == "errors" or one.unit else "labelled decisions"


def _tell(one: Reading, value: float | None) -> str:
    """Write a harm with its unit."""
    if value is None:
        return "an unknown amount"
    return f"{value:.3g} {one.unit}" if one.unit else f"{value if abs(value) > 1e-12 else 0:.4g}"
