"""A worker's look at itself, once a second: its pace, its memory, its place among the others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from towpath.gateway.roster import Stage

if TYPE_CHECKING:
    from towpath.gateway.accepting import HttpServer
    from towpath.gateway.answering import Answering
    from towpath.gateway.metrics import GatewayMetrics
    from towpath.gateway.roster import Seat

_LOOK_S: Final = 0.1
_LOOKS_A_TICK: Final = 10


class Watch:
    """Says how a worker is, in its metrics and to the parent. Used from one event loop only."""

    def __init__(
        self,
        answering: Answering,
        server: HttpServer,
        metrics: GatewayMetrics,
        seat: Seat | None,
    ) -> None:
        self._answering = answering
        self._server = server
        self._metrics = metrics
        self._seat = seat

    async def run(self) -> None:
        """Look until cancelled."""
        looks = 0
        while True:
            self._see_table()
            if looks % _LOOKS_A_TICK == 0:
                self.tick()
            looks += 1
            await asyncio.sleep(_LOOK_S)

    def tick(self) -> None:
        """Measure what is measured once a second."""
        self._answering.admission.tick()
        self._metrics.show("connections", self._server.connections)

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
        if is_ready and self._seat.stage == Stage.STARTING:
            self._seat.stage = Stage.READY
        self._seat.beat()
