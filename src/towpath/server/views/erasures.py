"""Erasures as a row of phases, from the request to the certificate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

from towpath.server.resources import erasures as shapes
from towpath.server.views.values import moment, text
from towpath.trace.erasure.contract import Phase

if TYPE_CHECKING:
    from towpath.ledger.records import Json
    from towpath.trace.erasure.contract import Erasure

PHASES = tuple(phase for phase in get_args(Phase) if phase not in ("new", "blocked"))
_WAITING = frozenset({"retraining", "rolling_out"})  # named after what is waited for


def show_erasure(erasure: Erasure) -> shapes.Erasure:
    """Return an erasure as the API writes it."""
    now = datetime.now(UTC)
    return shapes.Erasure(
        id=erasure.id,
        subject=erasure.subject,
        field=erasure.field,
        phase=erasure.phase,
        blocked=(erasure.reason or "a person must act") if erasure.phase == "blocked" else None,
        requested_at=erasure.requested_at,
        updated_at=erasure.updated_at,
        phases=_phases(erasure),
        totals=dict(erasure.totals),
        replacements=dict(erasure.replacements),
        certified=erasure.certificate is not None,
        waits_for=erasure.waits_for,
        due_by=erasure.due_by,
        expected_at=erasure.forecast(now),
        late=erasure.is_late(now),
        rides_on=erasure.rides_on,
        riders=erasure.riders,
    )


def _phases(erasure: Erasure) -> list[shapes.ErasurePhase]:
    steps: dict[str, Json] = {text(step.get("phase")): step for step in erasure.steps}
    current = _current(erasure)
    return [
        shapes.ErasurePhase(
            name=phase,
            state=_state(place, current, blocked=erasure.phase == "blocked"),
            at=moment(steps[phase].get("at")) if phase in steps else None,
            facts={
                key: value
                for key, value in steps.get(phase, {}).items()
                if key not in ("phase", "at")
            },
        )
        for place, phase in enumerate(PHASES)
    ]


def _current(erasure: Erasure) -> int:
    """Return the place of the phase that is being worked on; past the end when all are done."""
    phase = erasure.blocked_in if erasure.phase == "blocked" else erasure.phase
    if phase not in PHASES:
        return 0
    return PHASES.index(phase) + (phase not in _WAITING)


def _state(place: int, current: int, *, blocked: bool) -> str:
    if place != current:
        return "done" if place < current else "ahead"
    return "blocked" if blocked else "now"
