"""What a rollout keeps in its intent's status: sums for the next step, and words for people."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations at run time
from typing import TYPE_CHECKING, Any, Self

import msgspec

from towpath.operate.rollouts.declaration import Compare  # noqa: TC001 - likewise
from towpath.operate.rollouts.evidence import Evidence  # noqa: TC001 - likewise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.records import Json
    from towpath.operate.rollouts.declaration import Rollout
    from towpath.operate.rollouts.evidence import Look

_MAX_HISTORY = 400


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What a rollout needs back at its next step.

    Attributes:
        compare: How the models are compared, which may be less than what was declared.
        since: When the rollout began; `stage_since` the present stage, at the latest.
        answers: Event time up to which answers were taken in; `labels` likewise.
        history: Looks that saw something new, oldest first.
    """

    compare: Compare
    stage: int
    since: datetime
    stage_since: datetime
    answers: datetime
    labels: datetime
    evidence: Evidence
    history: tuple[dict[str, Any], ...] = ()

    def noting(self, look: Look, now: datetime) -> Progress:
        """Return the progress with the look in its history, if it saw or decided anything new."""
        champion, challenger = self.evidence.labelled
        harm = look.harm
        entry = {
            "at": now.isoformat(),
            "stage": self.stage,
            "n_champion": champion,
            "n_challenger": challenger,
            "estimate": None if harm is None else harm.estimate,
            "lower": None if harm is None else harm.lower,
            "upper": None if harm is None else harm.upper,
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

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> Self:
        """Read it out of an intent's status."""
        return msgspec.convert({**status["progress"], "history": status["history"]}, cls)


def status_of(plan: Rollout, progress: Progress, *, look: Look | None) -> Json:
    """Return what pages and reports read, and under `progress` what the next step reads."""
    evidence = progress.evidence
    champion, challenger = evidence.labelled
    harm = None if look is None else look.harm
    failures = evidence.failures
    return {
        "stage": progress.stage,
        "weight": evidence.stages[progress.stage].weight if evidence.stages else 1.0,
        "since": progress.since.isoformat(),
        "history": list(progress.history),
        "outcome": None,
        "reason": "" if look is None else look.reason,
        "evidence": {
            "metric": plan.metric,
            "compare": progress.compare,
            "margin": plan.margin,
            "alpha": plan.alpha,
            "n_champion": champion,
            "n_challenger": challenger,
            "pairs": evidence.pairs.rows,
            "estimate": None if harm is None else harm.estimate,
            "lower": None if harm is None else harm.lower,
            "upper": None if harm is None else harm.upper,
            "failures_champion": failures.champion_failed,
            "failures_challenger": failures.challenger_failed,
            "answers_champion": failures.champion_rows,
            "answers_challenger": failures.challenger_rows,
            "failures_e_value": failures.e_value,
            "ratio_e_value": max((stage.ratio_e_value for stage in evidence.stages), default=1.0),
        },
        "progress": msgspec.to_builtins(msgspec.structs.replace(progress, history=())),
    }
