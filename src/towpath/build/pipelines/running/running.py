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
from typing import TYPE_CHECKING, Any

import structlog

from towpath.build.compute import Outcome
from towpath.build.pipelines.authoring.graphs import BranchNode, DriverNode
from towpath.build.pipelines.planning.planning import Keys, Plan
from towpath.build.pipelines.running.admission import Admission
from towpath.build.pipelines.running.attempts import Attempts, RunState
from towpath.build.pipelines.running.cancelling import asked_to_stop
from towpath.build.pipelines.running.lookups import Lookups
from towpath.build.pipelines.running.narrating import Narrator
from towpath.build.pipelines.running.nodes import NodeWork
from towpath.build.pipelines.running.readiness import Readiness
from towpath.build.pipelines.running.settling import ended_of
from towpath.build.pipelines.running.slots import Slots
from towpath.build.pipelines.running.turns import Lost, Turn
from towpath.core.errors import TowpathError
from towpath.core.ids import new_id
from towpath.ledger.owners import is_dead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from towpath.build.pipelines.contract import Progress, StepReport
    from towpath.build.pipelines.planning.calls import Call
    from towpath.build.pipelines.running.recording import Recorder
    from towpath.build.pipelines.running.surroundings import Surroundings
    from towpath.ledger.records import Execution

log = structlog.get_logger()

_LOOK_AGAIN_S = 0.2
_LOOK_ROUND_S = 1.0
_INLINE_S = 0.05


class PlanRun:
    """Executes a plan. Used once, from one thread; `preempt` and `cancel` may be called from others.

    Args:
        plan: What to do.
        recorder: Where to write it down.
        around: What to do it with.
        on_progress: Told everything that happens, from the calling thread, once it is recorded; None:
            nobody watches.

    Attributes:
        nodes: What the nodes of the graph made.
    """

    def __init__(
        self,
        plan: Plan,
        recorder: Recorder,
        around: Surroundings,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._recorder = recorder
        self._around = around
        self._keys = Keys(plan)
        self._state = RunState()
        self._readiness = Readiness(plan.graph.nodes)
        self._lookups = Lookups(around.ledger, around.blobs, anew=plan.anew)
        self._narrator = Narrator(plan.graph, recorder.run_id, on_progress)
        run = {"run_id": recorder.run_id, "project": recorder.project}
        self._admission = Admission(
            cpus=around.executor.cpus,
            slots=Slots(around.ledger, around.leases, owner=recorder.owner, **run),
            permits=around.permits,
            pipeline=recorder.pipeline,
            cause=recorder.reason,
            **run,
        )
        self.nodes = NodeWork(
            plan,
            recorder,
            self._keys,
            self._readiness,
            ledger=around.ledger,
            blobs=around.blobs,
            cpus=around.executor.cpus,
        )
        self._attempts = Attempts(
            plan,
            self._state,
            nodes=self.nodes,
            admission=self._admission,
            lookups=self._lookups,
            narrator=self._narrator,
            recorder=recorder,
            keys=self._keys,
            around=around,
        )
        self._inline: list[tuple[tuple[int, int], Call]] = []
        self._fresh: list[Call] = []
        self._places = itertools.count(len(plan.graph.nodes))
        self._wishes: deque[tuple[str, str]] = deque()
        self._looked_at = self._looked_round_at = time.monotonic()

    @property
    def error(self) -> TowpathError | None:
        """Why the run failed."""
        return self._state.error

    @property
    def cancelled(self) -> str:
        """Why it was stopped from elsewhere; empty if it was not."""
        return self._state.cancelled

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
            while self._state.goes_on and self._readiness.left:
                self._go_round()
            self._wind_up()
        except BaseException:
            self._abandon()
            raise
        finally:
            self._attempts.room.blobs.close()
        return self._narrator.reports(self.nodes.stages)

    def preempt(self, call: str) -> None:
        """Have a call's attempt stopped, to be tried again later; thread-safe. Unknown ones: no-op."""
        self._wishes.append((call, "preempted"))
        self._attempts.executions.wake()

    def cancel(self, why: str) -> None:
        """Have the whole run stopped; thread-safe."""
        self._state.cancelled = why or "cancelled"
        self._attempts.executions.wake()

    def _go_round(self) -> None:
        """Take one turn."""
        self._advance()
        self._run_inline()
        if self._state.goes_on:
            self._state.turn.claims = self._admission.pick()
            self._take_refusals()
        self._record()
        if self.nodes.stages.tell() | self._heed_drivers() or not self._state.goes_on:
            return
        idle = not (self._fresh or self._inline or self._readiness.has_ready)
        if idle and self._readiness.left:
            self._await()

    def _advance(self) -> None:
        """Bring every node whose inputs are there as far as it comes without being executed."""
        while self._state.goes_on:
            calls, self._fresh = self._fresh, []
            for node in self._readiness.take():
                try:
                    call = self._meet(node)
                except TowpathError as error:
                    self._state.error = self._state.error or error
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
            self._state.turn.opened.append(self.nodes.open(node))
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
        self._state.turn.stale += stale
        self._state.turn.hits += hits
        for hit in hits:
            hit.call.run_id = new_id()
            self._narrator.end(hit.call, "hit", log=hit.made.log)
            self._attempts.arrive(hit.call, hit.made, executed_by=hit.result.run_id)
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
            self._state.turn.closed.append(closed.run)
            self._narrator.close(closed.node, closed.run)
            for call in closed.unwanted:
                self._cancel(call, "its result is not wanted any more")
            self._state.error = self._state.error or closed.error
            heeded = True
        return heeded

    def _cancel(self, call: Call, why: str) -> None:
        """Stop a call that a driver does not want any more."""
        if call.state == "over" or call.stopped == "cancelled":
            return
        call.stopped, call.stopped_why = "cancelled", why
        if call.name in self._attempts.executions.running:
            self._attempts.executions.stop(call)
            return
        self._admission.drop(call)
        self._narrator.end(call, "killed", why=why)
        self.nodes.stages.note(call.driver, ended_of(call, "killed"))

    def _run_inline(self) -> None:
        """Run inline steps for some milliseconds, those that each makes ready included."""
        if not self._inline:
            return
        until = time.monotonic() + _INLINE_S
        with self._attempts.room:
            while self._inline and self._state.goes_on and time.monotonic() < until:
                call = heapq.heappop(self._inline)[1]
                if call.state == "missed":
                    self._attempts.perform(call)
                    self._advance()

    def _take_refusals(self) -> None:
        """Fail calls that no budget could ever pay for."""
        for call, error in self._admission.refused:
            self._attempts.end_without_result(call, "failed", error)
        self._admission.refused.clear()

    def _record(self) -> None:
        """Write down everything that happened, and start what was claimed."""
        if not self._state.turn:
            return
        turn, self._state.turn = self._state.turn, Turn()
        self._attempts.room.blobs.flush()
        lease_s = self._around.leases.lease_s
        found = self._recorder.write(turn, lease_s=lease_s)
        for call in turn.claims:
            execution = found.get(call.name)
            if execution is None:
                self._attempts.begin(call)
            elif execution.state == "running" and execution.run_id == call.run_id:
                self._around.leases.hold(call.known_key.digest, execution.fence)
                self._attempts.begin(call)
            else:
                self._admission.give_back(call)
                self._admission.settle(call, None)
                self._give_way(call, execution)
        self._narrator.flush()

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
        self._attempts.rest(call, _LOOK_AGAIN_S)

    def _await(self) -> None:
        """Wait for something to happen, at most until it is time to look again; then take all of it."""
        self._lookups.forget()
        now = time.monotonic()
        until = self._attempts.rests_until()
        rest_s = _LOOK_AGAIN_S if until is None else max(0.0, until - now)
        timeout_s = min(_LOOK_AGAIN_S, rest_s)
        for call, event in self._attempts.executions.wait(timeout_s):
            if isinstance(event, Outcome):
                self._attempts.settle(call, event)
            else:
                self._attempts.hear(call, event)
        if not self._attempts.executions.running and self._attempts.rests_until() is None:
            self._state.error = self._state.error or self._admission.hopeless
        now = time.monotonic()
        for call in self._attempts.rested():
            self._queue(call)
        while self._wishes:
            self._attempts.preempt(*self._wishes.popleft())
        if now >= self._looked_at + _LOOK_AGAIN_S:
            self._looked_at = now
            self.nodes.stages.tick()
        if now >= self._looked_round_at + _LOOK_ROUND_S:
            self._looked_round_at = now
            self._look_round()

    def _look_round(self) -> None:
        """Once a second: send what steps have logged, and see whether anything is to be stopped."""
        running = self._attempts.executions.running
        for call in running.values():
            fresh = call.metrics[call.unsent :]
            if fresh:
                self._recorder.points(call.run_id, fresh)
                call.unsent = len(call.metrics)
        with self._around.ledger.read() as tx:
            asked = asked_to_stop(tx, self._recorder.run_id)
        self._state.cancelled = asked or self._state.cancelled
        wanted = self._admission.wanted_back()
        for call in [one for one in running.values() if one.asked] if wanted else ():
            if self._admission.permit_of(call) in wanted:
                self._attempts.preempt(call.name, "preempted")

    def _wind_up(self) -> None:
        """Stop what still runs, write down that it was stopped, and close what is open."""
        running = self._attempts.executions.running
        for call in running.values():
            self._attempts.executions.stop(call)
        while running:
            for call, event in self._attempts.executions.wait(_LOOK_AGAIN_S):
                if isinstance(event, Outcome):
                    self._attempts.settle(call, event)
        self._state.turn.claims = []
        error = self._state.error
        why = self._state.cancelled if error is None else error.message
        self._state.turn.closed += self.nodes.close_open(why)
        self._record()
        self._admission.settle_all()
        self._narrator.flush()

    def _abandon(self) -> None:
        """The run is being interrupted: leave no process, no claim and no open run behind."""
        turn = Turn()
        for call in self._attempts.executions.running.values():
            self._attempts.executions.stop(call)
            fence = self._around.leases.let_go(call.known_key.digest)
            turn.lost.append(Lost.of(call, "killed", "the run was interrupted", fence=fence))
        turn.closed += self.nodes.close_open("the run was interrupted")
        try:
            self._recorder.write(turn, lease_s=self._around.leases.lease_s)
            self._admission.settle_all()
        except TowpathError as error:
            log.warning("run.not_closed", run=self._recorder.run_id, code=error.code)
