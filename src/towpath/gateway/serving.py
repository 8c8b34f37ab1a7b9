"""Puts the gateway's parts together and runs them on a listening socket until told to stop."""

from __future__ import annotations

import asyncio
import signal
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event, current_thread, main_thread
from typing import TYPE_CHECKING, Final

import structlog
import uvloop

from towpath.assets.models import load_predictor
from towpath.core.errors import Overloaded, UsageError
from towpath.gateway.admission import Admission
from towpath.gateway.answering import Answering
from towpath.gateway.answers.explaining import Explaining
from towpath.gateway.answers.inference import Inference
from towpath.gateway.answers.recording import Recorder
from towpath.gateway.answers.shadowing import Shadows
from towpath.gateway.app import GatewayApp
from towpath.gateway.features.computing import Computers, refuse_computing
from towpath.gateway.features.door import FeatureDoor
from towpath.gateway.http.accepting import HttpServer
from towpath.gateway.labelling import Labelling
from towpath.gateway.limits import Limits
from towpath.gateway.metrics import GatewayMetrics
from towpath.gateway.moments import Moments
from towpath.gateway.routes.arming import ModelOpener
from towpath.gateway.routes.following import LedgerFollower
from towpath.gateway.routes.keeping import LastKnown, PackageCache
from towpath.gateway.tracing import traced
from towpath.gateway.watching import Watch
from towpath.gateway.workers.memory import MemoryWatch
from towpath.operate import decisions as decision_log  # what it reads with, once it reads
from towpath.operate.decisions import SegmentDirectory, SegmentWriter

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncGenerator, Callable, Generator, Sequence
    from pathlib import Path

    from towpath.assets.models import Predictor
    from towpath.core.clock import Clock
    from towpath.core.spans import Spans
    from towpath.gateway.http.accepting import Application
    from towpath.gateway.routes.routing import RoutingTable
    from towpath.gateway.workers.roster import Seat
    from towpath.ledger.contract import Ledger
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring
    from towpath.storage.online import OnlineStore

_SWAP_S: Final = 5.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway: what it works with, and how it serves.

    Attributes:
        ledger: Where the route is; it may go away for a while.
        blobs: Where the model packages are.
        keyring: Hashes subjects, and checks signatures.
        clock: Event time.
        online: Serves features.
        environment: Whose route to serve.
        decisions_dir: Folder of raw decision segments, shared by all gateways of the machine.
        state_dir: Folder of what a start without ledger and blob store needs, shared likewise.
        listener: A listening socket, made with `IPPROTO_TCP` for TCP_NODELAY; closed at the end.
        replay: Believe the times that requests carry.
        token: Bearer token that callers must send; empty for none.
        rotate_s: How old a segment of decisions may grow before it is sealed for compaction.
        limits: How much is taken on at a time, and how long anything may take.
        memory: Watches this process's memory, and says which models fit.
        stale_s: How long after the ledger was last read requests about subjects are answered.
        seat: This worker's place among those that share the socket; None where it serves alone.
        rpc_address: `host:port` where gRPC is answered too; None: nowhere.
        compute: Returns the command that computes on-demand features by a version of code.
        load: Opens a model package that is here; `load_predictor` if None.
        spans: Takes traces of requests; None: nobody wants them.
        opened: Told the application, in its event loop, before it is served: for embedding it where
            requests come by another way as well.
        stop: Ends the serving from another thread, where no signal can reach; for embedding.
    """

    ledger: Ledger
    blobs: BlobStore
    keyring: Keyring
    clock: Clock
    online: OnlineStore
    environment: str
    decisions_dir: Path
    state_dir: Path
    listener: socket.socket
    replay: bool = False
    token: str = ""
    rotate_s: float = 30.0
    limits: Limits = field(default_factory=Limits)
    memory: MemoryWatch = field(default_factory=MemoryWatch)
    stale_s: float = 24 * 3600.0
    seat: Seat | None = None
    rpc_address: str | None = None
    compute: Callable[[str], Sequence[str]] = refuse_computing
    load: Callable[[str], Predictor] | None = None
    spans: Spans | None = None
    opened: Callable[[Application], None] | None = None
    stop: Event | None = None

    def serve(self) -> None:
        """Serve until SIGTERM, SIGINT or `stop`; requests under way are finished first."""
        directory = SegmentDirectory(self.decisions_dir)
        with (
            closing(SegmentWriter(directory, rotate_s=self.rotate_s)) as writer,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(self._serve(writer))

    async def _serve(self, writer: SegmentWriter) -> None:
        """Put the parts together, and serve."""
        moments = Moments(self.clock, replay=self.replay)
        metrics = GatewayMetrics() if self.seat is None else self.seat.metrics()
        recorder = Recorder(writer)
        shadows = Shadows(recorder, lambda: inference.table.suppressed, metrics)
        inference = Inference(self.keyring, recorder, moments, metrics, observe=shadows.observe)
        features = FeatureDoor(
            self.ledger,
            self.online,
            self.keyring,
            lambda: inference.table.withdrawn(),
            computers=Computers(self.compute),
            moments=moments,
            metrics=metrics,
        )
        answering = Answering(inference, features, Admission(self.limits, metrics))
        explainer = self._explainer(inference, features, metrics)
        labelling = Labelling(recorder, moments, metrics)
        app = GatewayApp(answering, labelling, features, explainer, metrics, token=self.token)
        admitted = asyncio.Event()
        doors = self._rpc(answering, admitted)
        async with aclosing(features), aclosing(shadows), aclosing(explainer), doors as bound:
            served = traced(app, self.spans)
            if self.opened is not None:
                self.opened(served)
            server = HttpServer(served, limits=self.limits, seat=self.seat)
            watch = Watch(answering, server, metrics, self.memory, self.seat)

            def admit() -> None:
                server.admit()
                admitted.set()

            publish = _publisher(inference, writer, admit)
            follower = self._follower(
                bound, watch, publish=publish, admit=admit, moments=moments, features=features
            )
            await _serve(server, follower, self.listener, self.stop, watch)

    @asynccontextmanager
    async def _rpc(
        self, answering: Answering, admitted: asyncio.Event
    ) -> AsyncGenerator[str | None]:
        """Answer gRPC, if it is wanted, for the duration of a block; yield the address.

        Raises:
            UsageError: gRPC is not installed.
            InvalidSetting: The address can't be bound.
        """
        if self.rpc_address is None:
            yield None
            return
        try:
            from towpath.gateway.rpc import open_rpc  # noqa: PLC0415 -- gRPC is optional
        except ImportError as error:
            raise UsageError(
                "gRPC is not installed", remedy="Run: pip install 'towpath[grpc]'"
            ) from error
        async with open_rpc(
            answering,
            self.rpc_address,
            token=self.token,
            limits=self.limits,
            admitted=admitted,
            spans=self.spans,
        ) as bound:
            yield bound

    def _explainer(
        self, inference: Inference, features: FeatureDoor, metrics: GatewayMetrics
    ) -> Explaining:
        return Explaining(
            inference,
            features,
            metrics,
            ledger=self.ledger,
            blobs=self.blobs,
            keyring=self.keyring,
            decisions=lambda: decision_log.SegmentDecisionLog(
                self.ledger, self.blobs, self.decisions_dir
            ),
        )

    def _follower(
        self,
        rpc_address: str | None,
        watch: Watch,
        *,
        publish: Callable[[RoutingTable], None],
        admit: Callable[[], None],
        moments: Moments,
        features: FeatureDoor,
    ) -> LedgerFollower:
        loop = asyncio.get_running_loop()
        state = self.state_dir / self.environment
        packages = PackageCache(state / "packages", self.blobs)

        def load(package: str) -> Predictor:
            return load_predictor(package, packages.local)

        return LedgerFollower(
            self.ledger,
            environment=self.environment,
            address="{}:{}".format(*self.listener.getsockname()[:2]),
            rpc_address=rpc_address,
            opener=ModelOpener(
                self.ledger, packages, self.keyring, self.memory, load=self.load or load
            ),
            last_known=LastKnown(state, self.environment, self.keyring),
            stale_s=self.stale_s,
            about=watch.status,
            publish=publish,
            admit=partial(loop.call_soon_threadsafe, admit),
            moments=moments,
            refresh=features.refresh,
            keyed_hash=self.keyring.subject_hash,
        )


async def _serve(
    server: HttpServer,
    follower: LedgerFollower,
    listener: socket.socket,
    stop: Event | None,
    watch: Watch,
) -> None:
    """Serve with the follower beside it, which hears of the end after the last request."""
    follower.start()
    try:
        with _stopping(stop, watch.end) as until:
            _log.info("gateway.started", gateway=follower.id)
            watching = asyncio.get_running_loop().create_task(watch.run(follower))
            try:
                await server.serve(listener, until=until)
            finally:
                watching.cancel()
    finally:
        await asyncio.to_thread(follower.stop)
        _log.info("gateway.stopped", gateway=follower.id)


def _publisher(
    inference: Inference, writer: SegmentWriter, admit: Callable[[], None]
) -> Callable[[RoutingTable], None]:
    """Return how the follower's thread puts a table in force; with the first the door is opened."""
    loop = asyncio.get_running_loop()

    def publish(table: RoutingTable) -> None:
        swapped = Event()

        def swap() -> None:
            inference.table = table
            if table.loaded:
                admit()
            swapped.set()

        loop.call_soon_threadsafe(swap)
        if not swapped.wait(_SWAP_S):
            raise Overloaded("the gateway's event loop is busy", remedy="It is tried again.")
        writer.flush()

    return publish


@contextmanager
def _stopping(stop: Event | None, ending: Callable[[], None]) -> Generator[asyncio.Event]:
    """Yield what signals, or the event of another thread, set at the end; `ending` is called before."""
    loop = asyncio.get_running_loop()
    until = asyncio.Event()

    def end() -> None:
        ending()
        until.set()

    watch: asyncio.Task[None] | None = None
    if current_thread() is main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
    if stop is not None:
        watch = loop.create_task(_watch(stop, end))
    try:
        yield until
    finally:
        if watch is not None:
            watch.cancel()
        if current_thread() is main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


async def _watch(stop: Event, end: Callable[[], None]) -> None:
    while not stop.is_set():  # noqa: ASYNC110 - a thread's event can't wake the loop
        await asyncio.sleep(0.05)
    end()
