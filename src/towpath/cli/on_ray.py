"""The gateway as a Ray Serve application: `serve run towpath.cli.on_ray:gateway directory=/srv/flights`.

A replica is a whole gateway: it opens the home, follows its route, and records decisions in a segment of its own,
as each worker of `towpath gateway` does. Ray's proxy hands it requests instead of a socket. So what Ray adds is
placement, autoscaling and one address over machines, and what it costs is its proxy. Replicas on several machines
need what gateways on several machines need: one home that all of them see.
https://docs.ray.io/en/latest/serve/
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.app.listening import open_listener
from towpath.app.place import resolve_place
from towpath.core.errors import Unavailable, UsageError
from towpath.gateway.http.heads import Head
from towpath.gateway.http.messages import HttpRequest, answer_to

if TYPE_CHECKING:
    from towpath.gateway.http.accepting import Application

_START_S = 60.0


class Options(msgspec.Struct, forbid_unknown_fields=True):
    """What `serve run … NAME=VALUE`, or `args` in a configuration, may say.

    Attributes:
        directory: Folder of the project, for its settings; seen from a replica.
        home: The home, if the settings don't say.
        replicas: How many replicas; what the configuration says of deployments goes before.
        cpus: Cores that Ray sets aside for each.
        ongoing: Requests that a replica is given at a time.
    """

    directory: str = "."
    home: str | None = None
    replicas: int = 1
    cpus: float = 1.0
    ongoing: int = 256


def gateway(args: dict[str, str]) -> Any:
    """Build the application, as Ray Serve asks its builders to.

    Raises:
        UsageError: Ray Serve is not installed, or an argument is unknown.
    """
    try:
        options = msgspec.convert(args, Options, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"the application can't be built: {error}") from error
    try:
        from ray import serve
    except ImportError as error:
        raise UsageError(
            "Ray Serve is not installed", remedy="Run: pip install 'towpath[serve]'"
        ) from error
    deployment = serve.deployment(
        name="Gateway",
        num_replicas=options.replicas,
        max_ongoing_requests=options.ongoing,
        ray_actor_options={"num_cpus": options.cpus},
        graceful_shutdown_timeout_s=20,
        health_check_period_s=5,
    )(Replica)
    return deployment.bind(options.directory, options.home)


class Replica:
    """One gateway, in a thread with an event loop of its own beside the replica's.

    It listens on loopback too, at a port of its own, where its metrics can be read.
    """

    def __init__(self, directory: str, home: str | None) -> None:
        self._app: Application | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._opened = threading.Event()
        self._thread = threading.Thread(
            target=self._serve, args=(directory, home), name="gateway", daemon=True
        )
        self._thread.start()
        if not self._opened.wait(_START_S) or self._app is None:
            raise Unavailable("the gateway did not start") from self._failure
        deadline = time.monotonic() + _START_S
        while not self._is_ready():
            if time.monotonic() > deadline:
                break  # it answers 503 until it is, as any gateway does
            time.sleep(0.05)

    async def __call__(self, request: Any) -> Any:
        """Answer a request of Ray's proxy."""
        from starlette.responses import Response

        target = request.scope.get("raw_path") or request.url.path.encode()
        query = request.scope.get("query_string") or b""
        head = Head.of(
            request.method.encode(),
            target + (b"?" + query if query else b""),
            {name.lower(): value for name, value in reversed(request.scope["headers"])},
        )
        asked = HttpRequest(head, await request.body(), begun=time.monotonic())
        assert self._app is not None
        assert self._loop is not None
        answer = await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(answer_to(asked, self._app), self._loop)
        )
        response = Response(answer.body, int(answer.status), media_type=answer.kind.decode())
        for name, value in answer.headers:
            response.headers[name.decode()] = value.decode("latin-1")
        return response

    def check_health(self) -> None:
        """Tell Ray to replace a replica whose gateway has ended.

        Raises:
            Unavailable: It has.
        """
        if not self._thread.is_alive():
            raise Unavailable("the gateway has ended") from self._failure

    async def __del__(self) -> None:
        """End well, when Ray takes the replica away: what was decided is on disk."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join, _START_S)

    def _is_ready(self) -> bool:
        assert self._app is not None
        assert self._loop is not None
        head = Head.of(b"GET", b"/v2/health/ready", {})
        ask = HttpRequest(head, b"", begun=time.monotonic())
        found = asyncio.run_coroutine_threadsafe(answer_to(ask, self._app), self._loop)
        return int(found.result(_START_S).status) == 200

    def _serve(self, directory: str, home: str | None) -> None:
        """Serve until told to stop."""
        from towpath.cli.gateways import serve_here

        def opened(app: Application) -> None:
            self._app, self._loop = app, asyncio.get_running_loop()
            self._opened.set()

        try:
            place = resolve_place(Path(directory), flags={"home": home}, environ=os.environ)
            listener = open_listener("127.0.0.1", 0)
            serve_here(place, listener, opened=opened, stop=self._stop)
        except BaseException as error:  # noqa: BLE001 - told by whoever asks for the replica's health
            self._failure = error
        finally:
            self._opened.set()
