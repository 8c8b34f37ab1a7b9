"""`towpath gateway`: one process that answers, or a parent and its workers."""

from __future__ import annotations

import gc
import os
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from towpath.app.clock import open_clock
from towpath.app.computing import compute_command
from towpath.app.deferring import DeferredLedger
from towpath.app.home import open_home
from towpath.app.listening import reserve_port
from towpath.app.telemetry import sending_spans
from towpath.cli.options import Common
from towpath.cli.roles import ChildOf, Fd, bind_life, listener_of
from towpath.core.errors import InvalidSetting, Unavailable
from towpath.gateway import Gateway, Limits, MemoryWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from threading import Event

    from towpath.app.place import Place
    from towpath.core.settings import Settings
    from towpath.gateway.http.accepting import Application
    from towpath.gateway.workers.roster import Seat

_LEAST = {
    "gateway_workers": 0,
    "gateway_connections": 1,
    "gateway_in_flight": 1,
    "gateway_service_in_flight": 0,
    "gateway_deadline_ms": 0,
    "gateway_linger_s": 0,
    "gateway_memory_soft_mb": 0,
    "gateway_memory_hard_mb": 0,
    "gateway_stale_h": 0,
}
_START_S = 30.0
_HANDOVER_S = 2.0
_KILL_AFTER_S = 5.0


def gateway(
    *,
    workers: int | None = None,
    fd: Fd = None,
    child_of: ChildOf = None,
    common: Common = Common(),
) -> int:
    """Answer predictions over the Open Inference Protocol, and features by entity.

    SIGTERM finishes what is under way and ends; with several workers SIGHUP replaces them one by one.

    Args:
        workers: Processes that answer on the port; 0: one for each core.
    """
    bind_life(child_of)
    with common.open(connect=False, gateway_workers=workers) as home:
        place, settings = home.place, _checked(home.settings)
        listener = listener_of(
            home,
            fd,
            settings.gateway_port,
            allow_unauthenticated=settings.gateway_allow_unauthenticated,
        )
    if settings.gateway_workers == 1 and not settings.gateway_memory_soft_mb:
        gc.freeze()  # what was imported stays: no collection has to look through it while requests wait
        serve_here(place, listener, _limits(settings), rpc_port=settings.gateway_grpc_port)
        return 0
    from towpath.gateway.workers.parent import Workers
    from towpath.gateway.workers.roster import Roster

    count = settings.gateway_workers or os.cpu_count() or 1
    limits = _limits(settings, handover_s=_HANDOVER_S)
    with listener, _rpc_port(settings) as rpc_port:

        def serve(seat: Seat) -> None:
            serve_here(place, listener, limits, rpc_port=rpc_port, seat=seat)

        Workers(Roster(count), serve, drain_s=limits.ending_s + _KILL_AFTER_S).run()
    return 0


def serve_here(
    place: Place,
    listener: socket.socket,
    limits: Limits | None = None,
    *,
    rpc_port: int = -1,
    seat: Seat | None = None,
    opened: Callable[[Application], None] | None = None,
    stop: Event | None = None,
) -> None:
    """Serve in this process, which has opened nothing of the home before.

    Args:
        place: Names the home.
        listener: As `Gateway.listener`.
        limits: As the settings say if None.
        rpc_port: Where gRPC is answered too; -1: nowhere.
        seat: As `Gateway.seat`.
        opened: As `Gateway.opened`.
        stop: As `Gateway.stop`.
    """
    with (
        open_home(place, connect=False) as home,
        sending_spans("gateway", place.settings.otel_endpoint) as spans,
    ):
        with suppress(Unavailable):  # what is wrong with the setting itself is said now
            home.database  # noqa: B018 - opens it
        settings = home.settings
        ledger = DeferredLedger(home)
        Gateway(
            ledger=ledger,
            blobs=home.blobs,
            keyring=home.keyring,
            clock=open_clock(ledger, replay=settings.replay),
            online=home.online_rows,
            compute=compute_command(home),
            environment=settings.environment,
            decisions_dir=home.decisions_dir,
            state_dir=place.home / "gateway",
            listener=listener,
            limits=limits or _limits(settings),
            memory=MemoryWatch(
                soft_bytes=settings.gateway_memory_soft_mb << 20,
                hard_bytes=settings.gateway_memory_hard_mb << 20,
            ),
            stale_s=settings.gateway_stale_h * 3600.0,
            seat=seat,
            rpc_address=None if rpc_port < 0 else f"{settings.host}:{rpc_port}",
            replay=settings.replay,
            token=settings.token,
            spans=spans,
            opened=opened,
            stop=stop,
        ).serve()


def _checked(settings: Settings) -> Settings:
    """Refuse numbers that bound nothing.

    Raises:
        InvalidSetting: One is too small.
    """
    for name, least in _LEAST.items():
        value = getattr(settings, name)
        if value < least:
            raise InvalidSetting(f"{name} is {value}", remedy=f"Use {least}, or more.", key=name)
    return settings


def _limits(settings: Settings, *, handover_s: float = 0.0) -> Limits:
    deadline_ms = settings.gateway_deadline_ms
    in_flight = settings.gateway_in_flight
    return Limits(
        connections=settings.gateway_connections,
        in_flight=in_flight,
        in_flight_per_service=settings.gateway_service_in_flight or in_flight,
        deadline_s=deadline_ms / 1000 if deadline_ms else None,
        start_s=_START_S,
        linger_s=settings.gateway_linger_s,
        handover_s=handover_s,
    )


@contextmanager
def _rpc_port(settings: Settings) -> Generator[int]:
    """Yield the port where all workers answer gRPC; a free one is held for them."""
    if settings.gateway_grpc_port != 0:
        yield settings.gateway_grpc_port
        return
    with reserve_port(settings.host) as held:
        yield held.getsockname()[1]
