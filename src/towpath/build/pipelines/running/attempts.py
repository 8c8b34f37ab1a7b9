"""Attempts at calls: begun, heard, ended, and what each end means for its call and for the run."""

from __future__ import annotations

import heapq
import itertools
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from towpath.build.pipelines.contract import Artifact
from towpath.build.pipelines.keys import ASKED_ANEW, explain_miss
from towpath.build.pipelines.planning.calls import Made
from towpath.build.pipelines.running.executing import Executions
from towpath.build.pipelines.running.inlining import InlineRoom
from towpath.build.pipelines.running.settling import ended_of, error_of, is_worth_another_try
from towpath.build.pipelines.running.turns import Done, Lost, Turn
from towpath.core.errors import TowpathError
from towpath.core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.build.compute import Outcome
    from towpath.build.pipelines.planning.calls import Call
    from towpath.build.pipelines.planning.planning import Keys, Plan
    from towpath.build.pipelines.running.admission import Admission
    from towpath.build.pipelines.running.lookups import Lookups
    from towpath.build.pipelines.running.narrating import Narrator
    from towpath.build.pipelines.running.nodes import NodeWork
    from towpath.build.pipelines.running.recording import Recorder
    from towpath.build.pipelines.running.surroundings import Surroundings


@dataclass(slots=True)
class RunState:
    """Where a run stands.

    Attributes:
        turn: What is to be recorded next.
        error: Why the run failed.
        cancelled: Why it was stopped from elsewhere.
    """

    turn: Turn = field(default_factory=Turn)
    error: TowpathError | None = None
    cancelled: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether anything new may begin."""
        return self.error is None and not self.cancelled


class Attempts:
    """Everything that is executed in one run. Not thread-safe.

    Args:
        plan: What the run does.
        state: Where it stands.
        nodes: Takes in the results.
        admission: Gave the attempts their place.
        lookups: Knows what earlier runs did, to say why a call is executed.
        narrator: Tells people.
        recorder: Knows a step's newest execution.
        keys: Knows the project's libraries.
        around: What runs of a runner share.
    """

    def __init__(
        self,
        plan: Plan,
        state: RunState,
        *,
        nodes: NodeWork,
        admission: Admission,
        lookups: Lookups,
        narrator: Narrator,
        recorder: Recorder,
        keys: Keys,
        around: Surroundings,
    ) -> None:
        self._state = state
        self._anew = plan.anew
        self._nodes = nodes
        self._admission = admission
        self._lookups = lookups
        self._narrator = narrator
        self._recorder = recorder
        self._around = around
        self.executions = Executions(
            around.executor,
            around.scratch,
            source=plan.source,
            blobs_url=around.blobs_url,
            cache_dir=around.cache_dir,
            libraries=keys.libraries,
            points=around.points,
        )
        self.room = InlineRoom(plan.source, around.blobs, run=around.scratch.run_id)
        self._resting: list[tuple[float, int, Call]] = []
        self._count = itertools.count()

    def arrive(self, call: Call, made: Made, *, executed_by: str = "") -> None:
        """Take in a call's result, and what it makes ready."""
        call.state, call.metrics = "over", made.metrics
        if call.driver:
            status = "hit" if executed_by else "done"
            ended = ended_of(call, status, made=made, executed_by=executed_by)
            self._nodes.stages.note(call.driver, ended)
        else:
            self._nodes.arrive(call, made)

    def begin(self, call: Call) -> None:
        """Start an attempt that has been recorded."""
        self._begin_attempt(call, call.run_id)
        try:
            self.executions.begin(call)
        except TowpathError as error:
            self._admission.give_back(call)
            self._admission.settle(call, None)
            fence = self._around.leases.let_go(call.known_key.digest)
            self._state.turn.lost.append(Lost.of(call, "failed", str(error.message), fence=fence))
            self.end_without_result(call, "failed", error)

    def perform(self, call: Call) -> None:
        """Run an inline call and note what came of it."""
        self._begin_attempt(call, new_id())
        outcome, printed = self.room.run(call)
        log_digest = self.room.blobs.put(printed.encode()) if printed else None
        if outcome.status == "done":
            self._finish(call, outcome, log_digest, fence=None, is_new=True)
        else:
            self._lose(call, outcome, log_digest, fence=None, is_new=True)

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Take in how an execution ended."""
        self.executions.running.pop(call.name, None)
        printed = self._around.scratch.keep_log(call.run_id, self._around.blobs)
        fence = self._around.leases.let_go(call.known_key.digest)
        if outcome.status == "done":
            self._finish(call, outcome, printed, fence=fence, is_new=False)
        else:
            self._lose(call, outcome, printed, fence=fence, is_new=False)
        self._admission.settle(call, outcome)
        self._admission.give_back(call)

    def preempt(self, name: str, why: str) -> None:
        """Stop an attempt, to be tried again; it is given its grace to save where it is."""
        call = self.executions.running.get(name)
        if call is not None and not call.stopped:
            call.stopped, call.stopped_why = "preempted", why
            self.executions.stop(call, grace_s=call.resources.grace_s)

    def hear(self, call: Call, message: dict[str, Any]) -> None:
        """Take in what a running step says about itself."""
        if "metrics" in message:
            call.metrics += message["metrics"]
            shown = ", ".join(f"{key} {value:g}" for key, value, *_ in message["metrics"])
            self._narrator.say("metric", call.name, detail=shown, now=True)
            self._nodes.stages.hear(call, message["metrics"])
        elif "param" in message:
            key, value = message["param"]
            call.params[key] = value
        elif "checkpoint" in message:
            self._keep_state(call, *message["checkpoint"])

    def _keep_state(self, call: Call, digest: str, size_bytes: int) -> None:
        """Let a step carry on from what it just saved, if it is stopped."""
        began = datetime.now(UTC) - timedelta(seconds=time.monotonic() - call.began)
        key = call.known_key.digest
        if self._around.points.keep(key, digest, size_bytes, attempt=call.run_id, began=began):
            self._admission.note_saved(call)

    def rest(self, call: Call, seconds: float) -> None:
        """Let a call wait before it is looked at again."""
        call.due = time.monotonic() + seconds
        heapq.heappush(self._resting, (call.due, next(self._count), call))

    def rested(self) -> Iterator[Call]:
        """Take the calls that have waited long enough."""
        now = time.monotonic()
        while self._resting and self._resting[0][0] <= now:
            call = heapq.heappop(self._resting)[2]
            if call.state in ("resting", "parked"):
                yield call

    def rests_until(self) -> float | None:
        """Return when the next call has waited long enough, by the monotonic clock."""
        return self._resting[0][0] if self._resting else None

    def end_without_result(
        self,
        call: Call,
        status: Literal["failed", "killed"],
        error: TowpathError | None,
        *,
        why: str = "",
        printed: str | None = None,
    ) -> None:
        """Let a call be over, and tell whoever has to know: its driver, or the run."""
        call.state = "over"
        self._narrator.end(
            call, status, why=why or (str(error.message) if error else ""), log=printed
        )
        if call.driver:
            self._nodes.stages.note(call.driver, ended_of(call, status, error=error))
        elif error is not None:
            self._state.error = self._state.error or error

    def _begin_attempt(self, call: Call, run_id: str) -> None:
        call.state, call.run_id, call.began = "running", run_id, time.monotonic()
        call.attempt += 1
        call.begin_again()
        if not call.step.options.cache:
            call.why = "it is never cached"
        elif call.attempt > 1:
            call.why = f"attempt {call.attempt}"
        else:
            last = self._lookups.last_of(call.name) or self._recorder.last_of(call.step.path)
            call.why = explain_miss(call.known_key.parts, last)
            if (call.driver or call.name) in self._anew:
                call.why = ASKED_ANEW
        self._narrator.say("started", call.name, detail=call.why)

    def _finish(
        self, call: Call, outcome: Outcome, printed: str | None, *, fence: int | None, is_new: bool
    ) -> None:
        made = Made(
            artifacts=msgspec.convert(outcome.value["artifacts"], tuple[Artifact, ...]),
            metrics=call.metrics,
            params=call.params,
            log=printed,
        )
        self._state.turn.done.append(Done(call, made, fence, is_new))
        self._narrator.end(call, "done", why=call.why, log=printed)
        if call.step.options.checkpoint:
            self._around.points.drop([call.known_key.digest])
        self.arrive(call, made)

    def _lose(
        self, call: Call, outcome: Outcome, printed: str | None, *, fence: int | None, is_new: bool
    ) -> None:
        """Take in an attempt that left no result: try again, or let its failure be one."""
        ended_by_us = outcome.status == "killed" and (call.stopped or not self._state.goes_on)
        status = "killed" if ended_by_us else "failed"
        why = call.stopped_why if call.stopped and ended_by_us else outcome.error
        self._state.turn.lost.append(
            Lost.of(call, status, why, fence=fence, log=printed, is_new=is_new)
        )
        call.failures += 0 if ended_by_us else 1
        if call.stopped == "preempted" and ended_by_us and self._state.goes_on:
            self._narrator.say("retrying", call.name, detail="preempted")
            call.state = "resting"
            self.rest(call, 0.0)
        elif not ended_by_us and self._state.goes_on and is_worth_another_try(call, outcome):
            wait_s = call.step.options.wait_s(call.failures)
            detail = f"{outcome.error}; again in {wait_s:g} s"
            self._narrator.say("retrying", call.name, detail=detail)
            call.state = "resting"
            self.rest(call, wait_s)
        else:
            error = None if ended_by_us else error_of(call, outcome)
            self.end_without_result(call, status, error, why=why, printed=printed)
