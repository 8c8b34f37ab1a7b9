"""What the end of an attempt means: for its call, for the run, and for the person who started it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from towpath.build.pipelines.authoring.driving import Ended
from towpath.build.pipelines.running.stages import points_of
from towpath.core.errors import InfrastructureError, StepFailed, TowpathError, UsageError

if TYPE_CHECKING:
    from towpath.build.compute import Outcome
    from towpath.build.pipelines.authoring.driving import CallStatus
    from towpath.build.pipelines.planning.calls import Call, Made

_TROUBLE = {one.code: one for one in InfrastructureError.__subclasses__()}
_REMEDIES = {
    "timeout": "Give the step a longer timeout, or less to do.",
    "memory": "Give the step more memory, or read lazily.",
    "killed": "Run again: finished steps are kept. If the machine ran out of memory, declare it.",
}


def _mistakes(kind: type[TowpathError]) -> set[str]:
    return {kind.code}.union(*(_mistakes(one) for one in kind.__subclasses__()))


_MISTAKES = frozenset(_mistakes(UsageError))


def is_worth_another_try(call: Call, outcome: Outcome) -> bool:
    """Tell whether a failed call has tries left, and another could end differently.

    What says that it was used wrongly (`UsageError`) would say so again.
    """
    return call.attempts_left > 0 and outcome.error_code not in _MISTAKES


def error_of(call: Call, outcome: Outcome) -> TowpathError:
    """Return what a failed step means for whoever started the run.

    The message quotes no data, since it may be stored; the user's own words and the traceback are
    notes of the exception, for people.
    """
    kind = _TROUBLE.get(outcome.error_code, StepFailed)
    tries = f" ({call.failures} times)" if call.failures > 1 else ""
    error = kind(
        f"step {call.name!r} failed{tries}: {outcome.error}",
        remedy=_REMEDIES.get(outcome.status, ""),
        step=call.name,
        run=call.run_id,
        status=outcome.status,
    )
    for note in (outcome.message, outcome.traceback):
        if note:
            error.add_note(note)
    return error


def ended_of(
    call: Call,
    status: CallStatus,
    *,
    made: Made | None = None,
    executed_by: str = "",
    error: TowpathError | None = None,
) -> Ended:
    """Return what a driver is told of a call's end."""
    return Ended(
        call=call.name,
        status=status,
        artifacts=() if made is None else made.artifacts,
        points=tuple(points_of(call.metrics if made is None else made.metrics)),
        params=dict(call.params if made is None else made.params),
        run_id=call.run_id,
        executed_by=executed_by or call.run_id,
        key=call.known_key.digest if call.key is not None else "",
        attempts=call.attempt,
        seconds=time.monotonic() - call.began if call.attempt else 0.0,
        error=error,
    )
