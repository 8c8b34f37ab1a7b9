"""What a rollout keeps in its intent's status: sums for the next step, and words for people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import msgspec

from towpath.operate.rollouts.declaration import Compare  # noqa: TC001 - msgspec reads it
from towpath.operate.rollouts.evidence import Evidence  # noqa: TC001 - likewise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.records import Json
    from towpath.operate.rollouts.confidence import Interval
    from towpath.operate.rollouts.declaration import Rollout
    from towpath.operate.rollouts.evidence import Reading
    from towpath.operate.rollouts.judging import Look

_MAX_HISTORY = 400


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What a rollout needs back at its next step.

    Attributes:
        compare: How the models are compared, which may be less than what was declared.
        since: When the rollout began; `stage_since` the present stage, at the latest.
        answers: Event time up to which answers were taken in; `labels` likewise.
        paused_since: When the pause under way began.
        paused_s: Event time that pauses have taken so far, in seconds; `max_duration` leaves it out.
        history: Looks that saw something new, oldest first.
    """

    compare: Compare
    stage: int
    since: datetime
    stage_since: datetime
    answers: datetime
    labels: datetime
    evidence: Evidence
    paused_since: datetime | None = None
    paused_s: float = 0.0
    history: tuple[dict[str, Any], ...] = ()

    def noting(self, look: Look, now: datetime) -> Progress:
        """Return the progress with the look in its history, if it saw or decided anything new."""
        champion, challenger = self.evidence.labelled
        entry = {
            "at": now.isoformat(),
            "stage": self.stage,
            "n_champion": champion,
            "n_challenger": challenger,
            **_ends(look.harm),
            "readings": {one.name: list(_ends(one.harm).values()) for one in look.readings},
            "answers": sum(self.evidence.answered),
            "paused": self.paused_since is not None,
            "decision": look.decision,
        }
        last = self.history[-1] if self.history else {}
        if all(last.get(key) == value for key, value in entry.items() if key != "at"):
            return self
        history = (*self.history, entry)
        if len(history) > _MAX_HISTORY:  # thin the older half: the chart keeps its shape
            half = _MAX_HISTORY // 2
            history = (*history[:half:2], *history[half:])
        return msgspec.structs.replace(self, history=history)

    def ticking(self, now: datetime, *, is_paused: bool) -> Progress:
        """Return the progress with its clock stopped, or going again."""
        if is_paused:
            return msgspec.structs.replace(self, paused_since=self.paused_since or now)
        if self.paused_since is None:
            return self
        lost = max((now - self.paused_since).total_seconds(), 0.0)
        return msgspec.structs.replace(self, paused_since=None, paused_s=self.paused_s + lost)

    def lasted(self, now: datetime) -> timedelta:
        """Return how long the rollout has been going, pauses left out."""
        until = self.paused_since or now
        return until - self.since - timedelta(seconds=self.paused_s)

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> Self:
        """Read it out of an intent's status."""
        return msgspec.convert({**status["progress"], "history": status["history"]}, cls)


def status_of(
    plan: Rollout, progress: Progress, *, look: Look | None, paused: Json | None = None
) -> Json:
    """Return what pages and reports read, and under `progress` what the next step reads."""
    evidence = progress.evidence
    champion, challenger = evidence.labelled
    answers = evidence.answered
    readings = () if look is None else look.readings
    here = evidence.stages[progress.stage] if evidence.stages else None
    return {
        "stage": progress.stage,
        "weight": 1.0 if here is None else here.weight,
        "since": progress.since.isoformat(),
        "history": list(progress.history),
        "outcome": None,
        "reason": "" if look is None else look.reason,
        "paused": paused,
        "evidence": {
            "metric": plan.metric,
            "compare": progress.compare,
            "margin": plan.margin,
            "alpha": plan.alpha,
            "n_champion": champion,
            "n_challenger": challenger,
            "pairs": evidence.pairs.rows,
            **_ends(None if look is None else look.harm),
            "readings": [_told(one) for one in readings],
            "answers_champion": answers[0],
            "answers_challenger": answers[1],
            "failures_e_value": evidence.failures.e_value,
            "callers": [] if here is None else list(here.callers),
            "ratio_e_value": max((stage.ratio_e_value for stage in evidence.stages), default=1.0),
        },
        "progress": msgspec.to_builtins(msgspec.structs.replace(progress, history=())),
    }


def _told(one: Reading) -> Json:
    return {
        "name": one.name,
        "role": one.role,
        "unit": one.unit,
        "margin": one.margin,
        **_ends(one.harm),
        "n_champion": one.rows[0],
        "n_challenger": one.rows[1],
        "facts": one.facts,
    }


def _ends(harm: Interval | None) -> dict[str, float | None]:
    """Return an interval's numbers as people read them: to nine places."""
    if harm is None:
        return {"estimate": None, "lower": None, "upper": None}
    return {
        "estimate": round(harm.estimate, 9),
        "lower": None if harm.lower is None else round(harm.lower, 9),
        "upper": None if harm.upper is None else round(harm.upper, 9),
    }
