"""`towpath up`, `server` and `worker`: the long-running roles, together or apart."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

from cyclopts import Parameter

from towpath.app.home import Home
from towpath.app.listening import inherit_listener, open_listener, url_of
from towpath.app.supervising import Child, Supervisor, Whereabouts, die_with, role_command
from towpath.cli.options import Common
from towpath.cli.printing import err, print_json
from towpath.core.digests import digest_bytes

ChildOf = Annotated[int | None, Parameter(show=False)]
Fd = Annotated[int | None, Parameter(show=False)]
_Owner = Annotated[str | None, Parameter(show=False)]


def up(
    *,
    server_port: int | None = None,
    gateway_port: int | None = None,
    gateway_workers: int | None = None,
    child_of: ChildOf = None,
    common: Common = Common(),
) -> int:
    """Run everything a home needs in one process tree: server, gateway and worker.

    Args:
        server_port: Port of the pages and the API; 0 takes a free one.
        gateway_port: Port of the predictions; 0 takes a free one.
        gateway_workers: Processes that answer there; 0: one for each core.
    """
    bind_life(child_of)
    place = common.place(server_port=server_port, gateway_port=gateway_port)
    settings = place.settings
    options: dict[str, object] = {
        "directory": place.root,
        "home": place.home,
        "database": common.database,
        "blobs": common.blobs,
        "replay": settings.replay,
    }
    with Supervisor(place.home) as supervisor:
        common.open().close()  # migrate once, before several processes would
        server = open_listener(settings.host, settings.server_port, token=settings.token)
        gateway = open_listener(settings.host, settings.gateway_port, token=settings.token)
        where = {"server": url_of(server), "gateway": url_of(gateway)}
        supervisor.announce(Whereabouts(pid=os.getpid(), **where))
        if common.json:
            print_json(where)
        else:
            err.print(f"pages and API  {where['server']}\npredictions    {where['gateway']}")
        supervisor.run(
            [
                _child("server", options, server.fileno()),
                _child("gateway", {**options, "workers": gateway_workers}, gateway.fileno()),
                _child("worker", {**options, "owner": _owner(place.home)}),
            ]
        )
    return 0


def _owner(home: Path) -> str:
    """Name the worker of a home's one supervisor, the same after each start."""
    return f"up.{socket.gethostname()}.{digest_bytes(bytes(home))[:8]}"


def _child(role: str, options: dict[str, object], fd: int | None = None) -> Child:
    inherited = {} if fd is None else {"fd": fd}
    command = role_command(role, {**options, **inherited})
    return Child(role, command, () if fd is None else (fd,))


def server(*, fd: Fd = None, child_of: ChildOf = None, common: Common = Common()) -> int:
    """Serve the pages and the API."""
    from towpath.server import Access, DecisionTraffic, Services, serve

    bind_life(child_of)
    with common.open() as home:
        services = Services(
            ledger=home.ledger,
            blobs=home.blobs,
            keyring=home.keyring,
            clock=home.clock,
            environment=home.settings.environment,
            tracer=home.tracer,
            erasures=home.erasures,
            traffic=DecisionTraffic(home.decisions),
            decisions=home.audited,
            history=home.history,
            labels=home.labels,
            inbox=home.inbox,
            replayer=home.replayer,
            explainer=home.explainer,
            rows=home.row_tracer,
            incidents=home.incidents,
            cases=home.cases,
        )
        settings = home.settings
        access = Access(token=settings.token, events_token=settings.events_token)
        serve(services, listener_of(home, fd, settings.server_port), access=access)
    return 0


def worker(*, owner: _Owner = None, child_of: ChildOf = None, common: Common = Common()) -> int:
    """Reconcile what is wanted with what is: pipelines, rollouts, monitors, triggers, erasures."""
    from towpath.app.working import work

    bind_life(child_of)
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with common.open() as home:
        work(home, owner=owner or home.owner, stop=stop)
    return 0


def listener_of(
    home: Home, fd: int | None, port: int, *, allow_unauthenticated: bool = False
) -> socket.socket:
    """Return the socket that a role serves on: inherited, or its own."""
    if fd is not None:
        return inherit_listener(fd)
    return open_listener(
        home.settings.host,
        port,
        token=home.settings.token,
        allow_unauthenticated=allow_unauthenticated,
    )


def bind_life(parent: int | None) -> None:
    """End with the process that started this one, if one did."""
    if parent is not None:
        die_with(parent)
