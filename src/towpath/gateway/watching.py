"""A worker's look at itself, once a second: its pace, its memory, its place among the others."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import structlog

from towpath.gateway.workers.roster import Stage

if TYPE_CHECKING:
    from towpath.gateway.answering import Answering
    from towpath.gateway.http.accepting import HttpServer
    from towpath.gateway.metrics import GatewayMetrics
    from towpath.gateway.routes.following import LedgerFollower
    from towpath.gateway.workers.memory import MemoryWatch
    from towpath.gateway.workers.roster import Seat
    from towpath.ledger.records import Json

_LOOK_S: Final = 0.1
_LOOKS_A_TICK: Final = 10
_log = structlog.get_logger()


class Watch:
    """Says how a worker is, in its metrics and to the parent. Used from one event loop only."""

    def __init__(
        self,
        answering: Answering,
        server: HttpServer,
        metrics: GatewayMetrics,
        memory: MemoryWatch,
        seat: Seat | None,
    ) -> None:
        self._answering = answering
        self._server = server
        self._metrics = metrics
        self._memory = memory
        self._seat = seat

    async def run(self, follower: LedgerFollower) -> None:
        """Look until cancelled."""
        looks = 0
        while True:
            self._see_table()
            if looks % _LOOKS_A_TICK == 0:
                self._metrics.show("ledger_age_seconds", round(follower.ledger_age_s, 3))
                self.tick()
            looks += 1
            await asyncio.sleep(_LOOK_S)

    def tick(self) -> None:
        """Measure what is measured once a second."""
        self._answering.admission.tick()
        self._metrics.show("connections", self._server.connections)
        seen = self._memory.look()
        self._metrics.show("resident_bytes", seen.resident)
        self._metrics.show("resident_peak_bytes", seen.peak)
        self._metrics.show("cpu_seconds", time.process_time())
        for model, opened in tuple(self._memory.opened.items()):
            self._metrics.show("model_bytes", opened.grown, "model", model)
            self._metrics.show("model_peak_bytes", opened.peak, "model", model)
        if self._seat is not None and self._memory.is_over_soft and not self._seat.wants_out:
            _log.warning("worker.outgrown", resident_mib=seen.resident >> 20)
            self._seat.ask_out()

    def status(self) -> Json:
        """Return what the gateway's row in the ledger says of this worker. Thread-safe."""
        return {
            **self._memory.status(),
            "worker": 0 if self._seat is None else self._seat.number,
            "connections": self._server.connections,
            "in_flight": self._answering.admission.in_flight,
        }

    def end(self) -> None:
        """Say that the worker is not ready any more: the first thing when it is told to stop."""
        self._answering.is_ending = True
        if self._seat is not None:
            self._seat.stage = Stage.LEAVING
        self._metrics.show("ready", 0)

    def _see_table(self) -> None:
        """Tell the parent when the worker is ready, and that its loop turns."""
        table = self._answering.table
        is_ready = table.loaded and not self._answering.is_ending
        self._metrics.show("ready", is_ready and not table.broken)
        self._metrics.show("route_generation", table.route_generation)
        if self._seat is None:
            return
        lacks = bool(table.broken) and self._seat.replaces
        if is_ready and not lacks and self._seat.stage == Stage.STARTING:
            self._seat.stage = Stage.READY
        self._seat.beat()
