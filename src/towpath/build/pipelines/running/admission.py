"""Which of the calls that want to be executed may start now: order, cores, slots, permits."""

from __future__ import annotations

import heapq
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from towpath.build.capacity import Granted, NoPermits, PermitRequest, Refused, Usage, Waits
from towpath.core.errors import BudgetRefused

if TYPE_CHECKING:
    from towpath.build.capacity import Permits, UsageOutcome
    from towpath.build.compute import Outcome
    from towpath.build.pipelines.planning.calls import Call
    from towpath.build.pipelines.running.slots import Slots
    from towpath.core.errors import TowpathError

_SLOT_AGAIN_S = 0.2
_PERMIT_AGAIN_S = 1.0
_Entry = tuple[tuple[int, int], "Call"]


class Admission:
    """The queue of one run. Offering and picking a call costs O(log n), whatever waits beside it.

    Ready calls start by rank, then in the order of the run. One that asks for more cores than are free
    lets others pass; one that has to wait for a slot of its step or for a permit is set aside and asked
    for again: when a call of that step ends here, and after a fifth of a second (slots) or a second
    (permits). Not thread-safe.

    Args:
        cpus: How many cores the executor gives in all.
        slots: Limits by step.
        permits: Budgets, quotas and priorities.
        run_id: The pipeline's run.
        project: Its project.
        pipeline: Its name.
        cause: Why it runs: what spend is told apart by.
    """

    def __init__(
        self,
        *,
        cpus: float,
        slots: Slots,
        permits: Permits,
        run_id: str,
        project: str,
        pipeline: str,
        cause: str,
    ) -> None:
        self._free = cpus
        self._slots = slots
        self._permits = permits
        self._is_free = isinstance(permits, NoPermits)
        self._run_id = run_id
        self._project = project
        self._pipeline = pipeline
        self._cause = cause
        self._ready: dict[float, list[_Entry]] = defaultdict(list)
        self._for_slot: dict[str, list[_Entry]] = defaultdict(list)
        self._full: set[str] = set()
        self._for_permit: deque[Call] = deque()
        self._waits: dict[str, Waits] = {}
        self._permit_at = 0.0
        self._slot_at = 0.0
        self._running = 0
        self._over: dict[str, Usage] = {}
        self.refused: list[tuple[Call, TowpathError]] = []

    @property
    def waits(self) -> bool:
        """Whether calls are set aside for slots or permits."""
        return bool(self._for_permit) or any(self._for_slot.values())

    def offer(self, call: Call) -> None:
        """Put a call into the queue."""
        call.state = "missed"
        heapq.heappush(self._ready[call.step.options.resources.cpus], (call.order, call))

    def pick(self) -> list[Call]:
        """Return the calls that may start now, their cores taken; in order.

        What ended since is accounted for in the transaction that grants them.
        """
        self._ask_again()
        picked: list[Call] = []
        while (call := self._next()) is not None:
            if call.step.options.concurrency is not None and not self._take_slot(call):
                continue
            self._free -= call.step.options.resources.cpus
            self._running += 1
            picked.append(call)
        if self._is_free:
            return picked
        if not picked:
            self.settle_all()
        return self._permitted(picked) if picked else []

    def give_back(self, call: Call) -> None:
        """Free what a picked call took, its permit excepted."""
        self._free += call.step.options.resources.cpus
        self._running -= 1
        if call.slot:
            self._slots.give_back(call.slot)
            call.slot = ""
            self._stir(call.step.path)

    def drop(self, call: Call) -> None:
        """Take out a call that is not wanted any more."""
        call.state = "over"
        if call.asked:
            self._permits.withdraw([self._permit(call)])
            call.asked = 0

    def settle(self, call: Call, outcome: Outcome | None) -> None:
        """Note that an attempt is over, or was never started (None). Once it is dead."""
        if not call.asked:
            return
        left = call.attempts_left if call.state == "resting" else 0
        status: UsageOutcome = "killed" if outcome is None else outcome.status
        if call.stopped == "preempted" and status == "killed":
            status = "preempted"
        usage = Usage(
            seconds=0.0 if outcome is None else outcome.seconds,
            cpu_s=0.0 if outcome is None else outcome.cpu_s,
            peak_bytes=0 if outcome is None else outcome.peak_bytes,
            outcome=status,
            attempts_left=0 if call.stopped == "cancelled" else left,
        )
        self._over[self._permit(call)] = usage
        call.asked = 0

    def settle_all(self) -> None:
        """Account for the attempts that are over."""
        if self._over:
            over, self._over = self._over, {}
            self._permits.ask([], settled=over)

    def wanted_back(self) -> set[str]:
        """Return the permits of this run whose place a higher priority needs."""
        return set() if self._is_free else set(self._permits.wanted_back(self._run_id))

    def note_saved(self, call: Call) -> None:
        """Tell that a call saved where it is: preempting it loses less from now on."""
        if call.asked and not self._is_free:
            self._permits.saved(self._permit(call))

    @property
    def hopeless(self) -> BudgetRefused | None:
        """Why waiting for permits is of no use before the budgets' next period; None if it is."""
        waits = [self._waits[call.name] for call in self._for_permit if call.name in self._waits]
        moments = [one.resumes_at for one in waits if one.resumes_at is not None]
        if not waits or len(moments) < len(waits) or any(self._for_slot.values()):
            return None
        return BudgetRefused(
            waits[0].blocker,
            remedy=f"There is money again from {min(moments):%Y-%m-%d %H:%M} UTC on; or raise the cap "
            "(towpath budget show), and run again: finished steps are kept.",
            resumes_at=min(moments).isoformat(),
        )

    def permit_of(self, call: Call) -> str:
        """Return the permit that a running call holds."""
        return self._permit(call)

    def _next(self) -> Call | None:
        """Take the first call whose cores are free; an idle machine takes any."""
        fitting = [
            (queue[0][0], cpus)
            for cpus, queue in self._ready.items()
            if queue and (cpus <= self._free or not self._running)
        ]
        if not fitting:
            return None
        call = heapq.heappop(self._ready[min(fitting)[1]])[1]
        return call if call.state == "missed" else self._next()

    def _take_slot(self, call: Call) -> bool:
        path = call.step.path
        slot = None if path in self._full else self._slots.take(call.step)
        if slot is None:
            self._full.add(path)
            call.state = "parked"
            call.blocker = f"{call.step.options.concurrency} calls of {call.step.name} run already"
            heapq.heappush(self._for_slot[path], (call.order, call))
            return False
        call.slot = slot
        self._stir(path)
        return True

    def _stir(self, path: str) -> None:
        """Let the first call that waits for a place of a step ask for one; it brings the next along."""
        self._full.discard(path)
        if self._for_slot[path]:
            self.offer(heapq.heappop(self._for_slot[path])[1])

    def _ask_again(self) -> None:
        now = time.monotonic()
        if self._for_permit and now >= self._permit_at:
            self._permit_at = now + _PERMIT_AGAIN_S
            for call in self._for_permit:
                if call.state == "parked":
                    self.offer(call)
            self._for_permit.clear()
        if now >= self._slot_at:
            self._slot_at = now + _SLOT_AGAIN_S
            for path in list(self._full):
                self._stir(path)

    def _permitted(self, picked: list[Call]) -> list[Call]:
        granted: list[Call] = []
        for call in picked:
            call.asked = call.attempt + 1
        over, self._over = self._over, {}
        answers = self._permits.ask([self._request(call) for call in picked], settled=over)
        for call, answer in zip(picked, answers, strict=True):
            match answer:
                case Granted():
                    call.held_to = answer.resources
                    granted.append(call)
                case Waits():
                    self.give_back(call)
                    call.state, call.blocker = "parked", answer.blocker
                    self._for_permit.append(call)
                    self._waits[call.name] = answer
                case Refused():
                    self.give_back(call)
                    call.state, call.asked = "over", 0
                    self.refused.append((call, answer.error))
        return granted

    def _request(self, call: Call) -> PermitRequest:
        options = call.step.options
        return PermitRequest(
            id=self._permit(call),
            project=self._project,
            pipeline=self._pipeline,
            run_id=self._run_id,
            step=call.step.name,
            attempt=call.asked,
            attempts_left=call.attempts_left,
            resources=options.resources,
            queue=options.queue,
            priority=options.priority,
            checkpointing=options.checkpoint,
            cause=self._cause,
        )

    def _permit(self, call: Call) -> str:
        return f"{self._run_id}/{call.name}/{call.asked}"
