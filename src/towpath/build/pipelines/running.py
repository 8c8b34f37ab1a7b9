"""One run of one plan: every call from the cache or executed, as many at once as fit.

The scheduler goes round in turns. In each it takes what has become ready from the cache (and what
that makes ready, and so on), runs inline steps, picks what may start, records everything in one
transaction, and waits for something to happen. Each node and each edge is touched a fixed number of
times, so its work grows with the size of the graph, not with that times the number of turns.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from towpath.build.compute import Outcome
from towpath.build.pipelines.admission import Admission
from towpath.build.pipelines.calls import Call, Made
from towpath.build.pipelines.cancelling import asked_to_stop
from towpath.build.pipelines.contract import Artifact
from towpath.build.pipelines.executing import Executions
from towpath.build.pipelines.graphs import BranchNode, DriverNode
from towpath.build.pipelines.inlining import InlineRoom
from towpath.build.pipelines.keys import ASKED_ANEW, explain_miss
from towpath.build.pipelines.lookups import Lookups
from towpath.build.pipelines.narrating import Narrator
from towpath.build.pipelines.nodes import NodeWork
from towpath.build.pipelines.owner import is_dead
from towpath.build.pipelines.planning import Keys, Plan
from towpath.build.pipelines.readiness import Readiness
from towpath.build.pipelines.settling import ended_of, error_of, is_worth_another_try
from towpath.build.pipelines.slots import Slots
from towpath.build.pipelines.turns import Done, Lost, Turn
from towpath.core.errors import TowpathError
from towpath.core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from towpath.build.pipelines.contract import Progress, StepReport
    from towpath.build.pipelines.recording import Recorder
    from towpath.build.pipelines.surroundings import Surroundings
    from towpath.ledger.records import Execution

log = structlog.get_logger()

_LOOK_AGAIN_S = 0.2
_LOOK_ROUND_S = 1.0
_INLINE_S = 0.02


class PlanRun:
    """Executes a plan. Used once, from one thread; `preempt` and `cancel` may be called from others.

    Args:
        plan: What to do.
        recorder: Where to write it down.
        around: What to do it with.
        on_progress: Told everything that happens, from the calling thread, once it is recorded.

    Attributes:
        error: Why the run failed.
        cancelled: Why it was stopped from elsewhere.
    """

    def __init__(
        self,
        plan: Plan,
        recorder: Recorder,
        around: Surroundings,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._plan = plan
        self._recorder = recorder
        self._around = around
        self._keys = Keys(plan)
        self._readiness = Readiness(plan.graph.nodes)
        self._lookups = Lookups(around.ledger, around.blobs, anew=plan.anew)
        self._room = InlineRoom(plan.source, around.blobs)
        self._executions = Executions(
            around.executor,
            around.scratch,
            source=plan.source,
            blobs_url=around.blobs_url,
            cache_dir=around.cache_dir,
            libraries=self._keys.libraries,
            points=around.points,
        )
        run = {"run_id": recorder.run_id, "project": recorder.project}
        slots = Slots(around.ledger, around.leases, owner=recorder.owner, **run)
        self._admission = Admission(
            cpus=around.executor.cpus,
            slots=slots,
            permits=around.permits,
            pipeline=recorder.pipeline,
            cause=recorder.reason,
            **run,
        )
        self._turn = Turn()
        self.nodes = NodeWork(
            plan,
            recorder,
            self._keys,
            self._readiness,
            ledger=around.ledger,
            blobs=around.blobs,
            cpus=around.executor.cpus,
        )
        self._narrator = Narrator(plan.graph, recorder.run_id, on_progress)
        self._inline: list[tuple[tuple[int, int], Call]] = []
        self._resting: list[tuple[float, int, Call]] = []
        self._fresh: list[Call] = []
        self._places = itertools.count(len(plan.graph.nodes))
        self._wishes: deque[tuple[str, str]] = deque()
        self._looked_at = self._looked_round_at = time.monotonic()
        self.error: TowpathError | None = None
        self.cancelled = ""

    def execute(self) -> tuple[StepReport, ...]:
        """Bring every node to its end and say how each went.

        A failed step leaves `error` set, those that ran beside it `killed`, and the rest `skipped`.
        """
        self._narrator.say("planned", "")
        self._lookups.look_ahead(
            project=self._recorder.project,
            pipeline=self._recorder.pipeline,
            run_id=self._recorder.run_id,
        )
        try:
            while self._goes_on and self._readiness.left:
                self._go_round()
            self._wind_up()
        except BaseException:
            self._abandon()
            raise
        return self._narrator.reports(self.nodes.stages)

    def preempt(self, call: str) -> None:
        """Have a call's attempt stopped, to be tried again later; thread-safe. Unknown ones: no-op."""
        self._wishes.append((call, "preempted"))
        self._executions.wake()

    def cancel(self, why: str) -> None:
        """Have the whole run stopped; thread-safe."""
        self.cancelled = why or "cancelled"
        self._executions.wake()

    @property
    def _goes_on(self) -> bool:
        return self.error is None and not self.cancelled

    def _go_round(self) -> None:
        """Take one turn."""
        self._advance()
        self._run_inline()
        if self._goes_on:
            self._turn.claims = self._admission.pick()
            self._take_refusals()
        self._record()
        if self.nodes.stages.tell() | self._heed_drivers() or not self._goes_on:
            return
        if not (self._fresh or self._inline or self._readiness.has_ready):
            self._await()

    def _advance(self) -> None:
        """Bring every node whose inputs are there as far as it comes without being executed."""
        while self._goes_on:
            calls, self._fresh = self._fresh, []
            for node in self._readiness.take():
                try:
                    call = self._meet(node)
                except TowpathError as error:
                    self.error = self.error or error
                    return
                if call is not None:
                    calls.append(call)
            if not calls and not self._readiness.has_ready and not self._heed_drivers():
                return
            self._resolve(calls)

    def _meet(self, node: Any) -> Call | None:
        """Begin with a node that is ready; return its call where it is one of a step."""
        if isinstance(node, BranchNode):
            for name in self.nodes.branch(node):
                self._narrator.skip(name, "its branch was not taken")
            return None
        if isinstance(node, DriverNode):
            self._turn.opened.append(self.nodes.open(node))
            self._narrator.began(node.name)
            return None
        return self.nodes.call_of(node)

    def _resolve(self, calls: Sequence[Call]) -> None:
        """Look for the results of calls; queue those that have none."""
        if not calls:
            return
        for call in calls:
            if call.key is None:
                call.key = self._keys.of(call.step, call.constants, call.inputs)
        hits, stale = self._lookups.find(calls)
        self._turn.stale += stale
        self._turn.hits += hits
        for hit in hits:
            hit.call.run_id = new_id()
            self._narrator.end(hit.call, "hit", log=hit.made.log)
            self._arrive(hit.call, hit.made, executed_by=hit.execution.run_id)
        found = {id(hit.call) for hit in hits}
        for call in calls:
            if id(call) not in found:
                self._queue(call)

    def _queue(self, call: Call) -> None:
        if call.step.options.inline:
            call.state = "missed"
            heapq.heappush(self._inline, (call.order, call))
        else:
            self._admission.offer(call)

    def _arrive(self, call: Call, made: Made, *, executed_by: str = "") -> None:
        """Take in a call's result, and what it makes ready."""
        call.state, call.metrics = "over", made.metrics
        if call.driver:
            status = "hit" if executed_by else "done"
            ended = ended_of(call, status, made=made, executed_by=executed_by)
            self.nodes.stages.note(call.driver, ended)
        else:
            self.nodes.arrive(call, made)

    def _heed_drivers(self) -> bool:
        """Do what drivers have asked for; say whether there was anything."""
        heeded = False
        for call, why in self.nodes.stages.stops():
            self._cancel(call, why)
        for call in self.nodes.stages.asked():
            call.place = next(self._places)
            self._fresh.append(call)
            self._narrator.total += 1
            heeded = True
        for closed in self.nodes.close_ended():
            self._turn.closed.append(closed.run)
            self._narrator.close(closed.node, closed.run)
            for call in closed.unwanted:
                self._cancel(call, "its result is not wanted any more")
            self.error = self.error or closed.error
            heeded = True
        return heeded

    def _cancel(self, call: Call, why: str) -> None:
        """Stop a call that a driver does not want any more."""
        if call.state == "over" or call.stopped == "cancelled":
            return
        call.stopped, call.stopped_why = "cancelled", why
        if call.name in self._executions.running:
            self._executions.stop(call)
            return
        self._admission.drop(call)
        self._narrator.end(call, "killed", why=why)
        self.nodes.stages.note(call.driver, ended_of(call, "killed"))

    def _run_inline(self) -> None:
        """Run inline steps for some milliseconds, those that each makes ready included."""
        if not self._inline:
            return
        until = time.monotonic() + _INLINE_S
        with self._room:
            while self._inline and self._goes_on and time.monotonic() < until:
                call = heapq.heappop(self._inline)[1]
                if call.state == "missed":
                    self._perform(call)
                    self._advance()

    def _perform(self, call: Call) -> None:
        """Run an inline call and note what came of it."""
        self._begin_attempt(call, new_id())
        outcome, printed = self._room.run(call)
        log_digest = self._room.blobs.put(printed.encode()) if printed else None
        if outcome.status == "done":
            self._finish(call, outcome, log_digest, fence=None, is_new=True)
        else:
            self._lose(call, outcome, log_digest, fence=None, is_new=True)

    def _take_refusals(self) -> None:
        """Fail calls that no budget could ever pay for."""
        for call, error in self._admission.refused:
            self._end_without_result(call, "failed", error)
        self._admission.refused.clear()

    def _record(self) -> None:
        """Write down everything that happened, and start what was claimed."""
        if not self._turn:
            return
        turn, self._turn = self._turn, Turn()
        self._room.blobs.flush()
        lease_s = self._around.leases.lease_s
        found = self._recorder.write(turn, lease_s=lease_s)
        for call in turn.claims:
            execution = found.get(call.name)
            if execution is None:
                self._begin(call)
            elif execution.state == "running" and execution.run_id == call.run_id:
                self._around.leases.hold(call.known_key.digest, execution.fence)
                self._begin(call)
            else:
                self._admission.give_back(call)
                self._admission.settle(call, None)
                self._give_way(call, execution)
        self._narrator.flush()

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
            if (call.driver or call.name) in self._plan.anew:
                call.why = ASKED_ANEW
        self._narrator.say("started", call.name, detail=call.why)

    def _begin(self, call: Call) -> None:
        """Start an attempt that has been recorded."""
        self._begin_attempt(call, call.run_id)
        try:
            self._executions.begin(call)
        except TowpathError as error:
            self._admission.give_back(call)
            self._admission.settle(call, None)
            fence = self._around.leases.let_go(call.known_key.digest)
            self._turn.lost.append(Lost(call, "failed", str(error.message), None, fence))
            self._end_without_result(call, "failed", error)

    def _give_way(self, call: Call, execution: Execution) -> None:
        """Another run has the key: take its result, take over if it died, or wait for it."""
        call.asked = 0
        if execution.state == "done":
            call.state = "new"
            self._fresh.append(call)
            self._lookups.forget()
            return
        with self._around.ledger.read() as tx:
            owner = tx.runs.get(execution.run_id).tags.get("owner", "")
        if is_dead(owner):
            with self._around.ledger.write(actor="pipelines") as tx:
                tx.cache.release(owner)
            self._admission.offer(call)
            return
        if call.state != "parked":
            self._narrator.say("waiting", call.name, detail=f"run {execution.run_id} is on it")
        call.state = "parked"
        self._rest(call, _LOOK_AGAIN_S)

    def _rest(self, call: Call, seconds: float) -> None:
        call.due = time.monotonic() + seconds
        heapq.heappush(self._resting, (call.due, next(self._places), call))

    def _await(self) -> None:
        """Wait for something to happen, at most until it is time to look again; then take all of it."""
        self._lookups.forget()
        now = time.monotonic()
        timeout_s = (
            min(_LOOK_AGAIN_S, max(0.0, self._resting[0][0] - now))
            if self._resting
            else (_LOOK_AGAIN_S)
        )
        for call, event in self._executions.wait(timeout_s):
            if isinstance(event, Outcome):
                self._settle(call, event)
            else:
                self._hear(call, event)
        if not (self._executions.running or self._resting):
            self.error = self.error or self._admission.hopeless
        now = time.monotonic()
        while self._resting and self._resting[0][0] <= now:
            call = heapq.heappop(self._resting)[2]
            if call.state in ("resting", "parked"):
                self._queue(call)
        while self._wishes:
            self._preempt(*self._wishes.popleft())
        if now >= self._looked_at + _LOOK_AGAIN_S:
            self._looked_at = now
            self.nodes.stages.tick()
        if now >= self._looked_round_at + _LOOK_ROUND_S:
            self._looked_round_at = now
            self._look_round()

    def _look_round(self) -> None:
        """Once a second: send what steps have logged, and see whether anything is to be stopped."""
        running = self._executions.running
        for call in running.values():
            fresh = call.metrics[call.unsent :]
            if fresh:
                self._recorder.points(call.run_id, fresh)
                call.unsent = len(call.metrics)
        with self._around.ledger.read() as tx:
            self.cancelled = asked_to_stop(tx, self._recorder.run_id) or self.cancelled
        wanted = self._admission.wanted_back()
        for call in [one for one in running.values() if one.asked] if wanted else ():
            if self._admission.permit_of(call) in wanted:
                self._preempt(call.name, "preempted")

    def _preempt(self, name: str, why: str) -> None:
        call = self._executions.running.get(name)
        if call is not None and not call.stopped:
            call.stopped, call.stopped_why = "preempted", why
            self._executions.stop(call, grace_s=call.resources.grace_s)

    def _hear(self, call: Call, message: dict[str, Any]) -> None:
        """Take in what a running step says about itself."""
        if "metrics" in message:
            call.metrics += message["metrics"]
            shown = ", ".join(f"{key} {value:g}" for key, value, *_ in message["metrics"])
            self._narrator.say("metric", call.name, detail=shown, now=True)
            self.nodes.stages.hear(call, message["metrics"])
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

    def _settle(self, call: Call, outcome: Outcome) -> None:
        """Take in how an execution ended."""
        self._executions.running.pop(call.name, None)
        printed = self._around.scratch.keep_log(call.run_id, self._around.blobs)
        fence = self._around.leases.let_go(call.known_key.digest)
        if outcome.status == "done":
            self._finish(call, outcome, printed, fence=fence, is_new=False)
        else:
            self._lose(call, outcome, printed, fence=fence, is_new=False)
        self._admission.settle(call, outcome)
        self._admission.give_back(call)

    def _finish(
        self, call: Call, outcome: Outcome, printed: str | None, *, fence: int | None, is_new: bool
    ) -> None:
        made = Made(
            artifacts=msgspec.convert(outcome.value["artifacts"], tuple[Artifact, ...]),
            metrics=call.metrics,
            params=call.params,
            log=printed,
        )
        self._turn.done.append(Done(call, made, fence, is_new))
        self._narrator.end(call, "done", why=call.why, log=printed)
        if call.step.options.checkpoint:
            self._around.points.drop([call.known_key.digest])
        self._arrive(call, made)

    def _lose(
        self, call: Call, outcome: Outcome, printed: str | None, *, fence: int | None, is_new: bool
    ) -> None:
        """Take in an attempt that left no result: try again, or let its failure be one."""
        ended_by_us = outcome.status == "killed" and (call.stopped or not self._goes_on)
        status = "killed" if ended_by_us else "failed"
        why = call.stopped_why if call.stopped and ended_by_us else outcome.error
        self._turn.lost.append(Lost(call, status, why, printed, fence, is_new))
        call.failures += 0 if ended_by_us else 1
        if call.stopped == "preempted" and ended_by_us and self._goes_on:
            self._narrator.say("retrying", call.name, detail="preempted")
            call.state = "resting"
            self._rest(call, 0.0)
        elif not ended_by_us and self._goes_on and is_worth_another_try(call, outcome):
            wait_s = call.step.options.wait_s(call.failures)
            detail = f"{outcome.error}; again in {wait_s:g} s"
            self._narrator.say("retrying", call.name, detail=detail)
            call.state = "resting"
            self._rest(call, wait_s)
        else:
            error = None if ended_by_us else error_of(call, outcome)
            self._end_without_result(call, status, error, why=why, printed=printed)

    def _end_without_result(
        self,
        call: Call,
        status: Any,
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
            self.nodes.stages.note(call.driver, ended_of(call, status, error=error))
        elif error is not None:
            self.error = self.error or error

    def _wind_up(self) -> None:
        """Stop what still runs, write down that it was stopped, and close what is open."""
        running = self._executions.running
        for call in running.values():
            self._executions.stop(call)
        while running:
            for call, event in self._executions.wait(_LOOK_AGAIN_S):
                if isinstance(event, Outcome):
                    self._settle(call, event)
        self._turn.claims = []
        why = self.error.message if self.error is not None else self.cancelled
        self._turn.closed += self.nodes.close_open(why)
        self._record()
        self._narrator.flush()

    def _abandon(self) -> None:
        """The run is being interrupted: leave no process, no claim and no open run behind."""
        turn = Turn()
        for call in self._executions.running.values():
            self._executions.stop(call)
            fence = self._around.leases.let_go(call.known_key.digest)
            turn.lost.append(Lost(call, "killed", "the run was interrupted", None, fence))
        turn.closed += self.nodes.close_open("the run was interrupted")
        try:
            self._recorder.write(turn, lease_s=self._around.leases.lease_s)
        except TowpathError as error:
            log.warning("run.not_closed", run=self._recorder.run_id, code=error.code)
