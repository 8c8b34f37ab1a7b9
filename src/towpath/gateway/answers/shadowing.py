"""Shadows: models that see a copy of each request beside the way of the answer, and are never heard.

An answer has left before its copy is looked at. Copies wait in a short queue for one thread of lower
priority; when they come faster than it answers, further ones are dropped and counted. So a slow shadow
costs evidence, and no caller's time but for the interpreter's lock, which Python's own switching bounds.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Thread, get_native_id
from typing import TYPE_CHECKING, Final

from towpath.core.errors import Overloaded
from towpath.operate.decisions import Decision, DecisionIds
from towpath.operate.rollouts.shadows import shadow_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from towpath.assets.models import Predictor, Rows
    from towpath.gateway.answers.recording import Recorder
    from towpath.gateway.answers.shares import Share
    from towpath.gateway.metrics import GatewayMetrics
    from towpath.gateway.routes.routing import LiveArm, LiveService

QUEUE_ROWS: Final = 1024
"""Rows that may wait; at a hundred µs each that is a tenth of a second of a shadow's work."""

_NICER: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    """What one arm answered of a request, for a shadow to answer too."""

    service: LiveService
    shadow: LiveArm
    share: Share


class Shadows:
    """Shows what was asked to the shadows of a service, and records what they say.

    `observe` and what it records run in the event loop that made it, the models in a thread. A copy is
    recorded as a decision of `shadow_of(service)`, with the id of its original as its key and without
    inputs, which the original has. Whoever withdraws meanwhile is left out, as of the original.

    Args:
        recorder: Takes the records.
        suppressed: Returns the keyed hashes of who has withdrawn.
        metrics: Is told of copies, kept and dropped.
        queue_rows: How many rows may wait.
    """

    def __init__(
        self,
        recorder: Recorder,
        suppressed: Callable[[], AbstractSet[str]],
        metrics: GatewayMetrics,
        *,
        queue_rows: int = QUEUE_ROWS,
    ) -> None:
        self._recorder = recorder
        self._suppressed = suppressed
        self._metrics = metrics
        self._most = queue_rows
        self._ids = DecisionIds()
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Copy] = deque()
        self._rows = 0
        self._changed = Condition()
        self._closed = False
        self._thread: Thread | None = None

    def observe(self, service: LiveService, shares: Sequence[Share]) -> None:
        """Queue copies of what arms just answered; drop them where the queue is full."""
        for shadow in service.shadows:
            for share in shares:
                if share.plan.origin.rollout is None:  # the caller insisted on a version
                    continue
                with self._changed:
                    fits = not self._closed and self._rows + len(share) <= self._most
                    if fits:
                        self._queue.append(_Copy(service=service, shadow=shadow, share=share))
                        self._rows += len(share)
                        self._changed.notify()
                if not fits:
                    self._metrics.shadowed(service.name, "dropped", len(share))
        if self._thread is None and self._queue:
            self._thread = Thread(target=self._work, name="shadows", daemon=True)
            self._thread.start()

    async def aclose(self) -> None:
        """Stop once the copy under way is answered; what still waits is dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        with suppress(AttributeError, OSError):  # a thread's own priority is Linux's
            os.setpriority(os.PRIO_PROCESS, get_native_id(), _NICER)
        while True:
            with self._changed:
                while not self._queue and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                copy = self._queue.popleft()
            decisions = self._answer(copy)
            with self._changed:
                self._rows -= len(copy.share)
            with suppress(RuntimeError):  # the loop has closed: nobody is left to record
                self._loop.call_soon_threadsafe(self._record, copy.service.name, decisions)

    def _answer(self, copy: _Copy) -> list[Decision]:
        """Ask the shadow, and return the records: of answers, or of how it failed."""
        share, arm = copy.share, copy.shadow
        begun_ns = time.perf_counter_ns()
        answers: list[float] | None = None
        error = None
        try:
            answers = arm.predictor.answer(_rows_for(arm.predictor, share)).tolist()
        except Exception as failed:  # noqa: BLE001 - whatever a shadow does is recorded, and only that
            error = type(failed).__name__
        latency_us = (time.perf_counter_ns() - begun_ns) // 1000
        callers, output = share.callers, arm.predictor.signature.outputs[0].name
        return [
            Decision(
                decision_id=self._ids.next(),
                at_us=callers.at_us[row],
                recorded_us=time.time_ns() // 1000,
                service=shadow_of(copy.service.name),
                release=arm.release,
                model=arm.model,
                arm=arm.arm,
                rollout=copy.service.rollout,
                stage=copy.service.stage,
                key=original,
                subject=None if callers.subjects is None else callers.subjects[row],
                outputs={} if answers is None else {output: answers[row]},
                status="ok" if error is None else "error",
                error=error,
                latency_us=latency_us,
            )
            for row, original in enumerate(callers.ids)
        ]

    def _record(self, service: str, decisions: Sequence[Decision]) -> None:
        """Append records, without those of who has withdrawn; in the event loop."""
        suppressed = self._suppressed()
        kept = [one for one in decisions if one.subject is None or one.subject not in suppressed]
        try:
            self._recorder.append(kept, durable=False)
        except Overloaded:
            self._metrics.shadowed(service, "dropped", len(decisions))
            return
        self._metrics.shadowed(service, "kept", len(kept))


def _rows_for(predictor: Predictor, share: Share) -> Rows:
    """Check a copy's rows and lay them out for the shadow's model.

    Raises:
        InvalidRequest: It does not take them.
    """
    given, members = share.given, share.members
    if given.matrix is not None:  # only where all arms have the same inputs
        return predictor.read_matrix(given.matrix if members is None else given.matrix[members])
    columns = given.columns or {}
    taken = [one.name for one in predictor.signature.inputs if one.name in columns]
    if members is None:
        return predictor.read({name: columns[name] for name in taken})
    return predictor.read({name: [columns[name][at] for at in members] for name in taken})
