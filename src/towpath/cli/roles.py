"""`towpath up`, `server`, `gateway` and `worker`: the long-running roles, together or apart."""

from __future__ import annotations

import signal
import threading
from typing import Annotated, Any

from cyclopts import Parameter

from towpath.app import (
    Child,
    Home,
    Supervisor,
    Whereabouts,
    die_with,
    inherit_listener,
    open_listener,
    reconcilers,
    role_command,
    url_of,
)
from towpath.cli.options import Common
from towpath.cli.printing import err, print_json

_ChildOf = Annotated[int | None, Parameter(show=False)]
_Fd = Annotated[int | None, Parameter(show=False)]


def up(
    *, server_port: int | None = None, gateway_port: int | None = None, common: Common = Common()
) -> int:
    """Run everything a home needs in one process tree: server, gateway and worker.

    Args:
        server_port: Port of the pages and the API; 0 takes a free one.
        gateway_port: Port of the predictions; 0 takes a free one.
    """
    place = common.place(server_port=server_port, gateway_port=gateway_port)
    settings = place.settings
    common.open().close()  # migrate once, before several processes would
    server = open_listener(settings.host, settings.server_port, token=settings.token)
    gateway = open_listener(settings.host, settings.gateway_port, token=settings.token)
    options: dict[str, object] = {
        "directory": place.root,
        "home": place.home,
        "database": common.database,
        "blobs": common.blobs,
        "replay": settings.replay,
    }
    children = [
        _child("server", options, server.fileno()),
        _child("gateway", options, gateway.fileno()),
        _child("worker", options),
    ]
    where = {"server": url_of(server), "gateway": url_of(gateway)}
    with Supervisor(place.home, children) as supervisor:
        import os

        supervisor.announce(Whereabouts(pid=os.getpid(), **where))
        if common.json:
            print_json(where)
        else:
            err.print(f"pages and API  {where['server']}\npredictions    {where['gateway']}")
        supervisor.run()
    return 0


def _child(role: str, options: dict[str, object], fd: int | None = None) -> Child:
    inherited = {} if fd is None else {"fd": fd}
    command = role_command(role, {**options, **inherited})
    return Child(role, command, () if fd is None else (fd,))


def server(*, fd: _Fd = None, child_of: _ChildOf = None, common: Common = Common()) -> int:
    """Serve the pages and the API."""
    from towpath.server import serve

    _bind_life(child_of)
    with common.open() as home:
        serve(
            home.server_services(), home.server_settings(), listener=_listener(home, fd, "server")
        )
    return 0


def gateway(*, fd: _Fd = None, child_of: _ChildOf = None, common: Common = Common()) -> int:
    """Answer predictions over the Open Inference Protocol."""
    from towpath.gateway import serve_gateway

    _bind_life(child_of)
    with common.open() as home:
        serve_gateway(
            ledger=home.ledger,
            blobs=home.blobs,
            keyring=home.keyring,
            clock=home.clock,
            environment=home.settings.environment,
            decisions_dir=home.place.home / "decisions",
            replay=home.settings.replay,
            listener=_listener(home, fd, "gateway"),
        )
    return 0


def worker(*, child_of: _ChildOf = None, common: Common = Common()) -> int:
    """Reconcile what is wanted with what is: pipelines, roll-outs, monitors, triggers, erasures."""
    from towpath.ledger.controllers import ControllerLoop

    _bind_life(child_of)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with common.open() as home:
        threads = [
            threading.Thread(
                target=ControllerLoop(home.ledger, group, owner=f"{home.owner}.{name}").run,
                args=(stop,),
                name=name,
            )
            for name, group in reconcilers(home).items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return 0


def _listener(home: Home, fd: int | None, role: str) -> Any:
    if fd is not None:
        return inherit_listener(fd)
    settings = home.settings
    port = settings.server_port if role == "server" else settings.gateway_port
    return open_listener(settings.host, port, token=settings.token)


def _bind_life(parent: int | None) -> None:
    if parent is not None:
        die_with(parent)
