"""A gateway on a real socket, in this process, over a real home with a small trained model."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import polars as pl
import pytest
from loaded_gateway import Load, Pool

from towpath.core.clock import ManualClock, parse_time
from towpath.core.errors import Unavailable
from towpath.gateway import Gateway
from towpath.operate.decisions import SegmentDecisionLog
from towpath.storage.online import open_online

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import FileKeyring

DEADLINE_S = 20.0


def eventually(condition: Callable[[], object], what: str) -> Any:
    """Wait until a condition holds and return its value."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not come about in {DEADLINE_S} s"
        time.sleep(0.01)


def listening() -> socket.socket:
    """Open a listening socket the way the app does."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


@pytest.fixture(scope="session")
def trained() -> Any:
    """Models that differ in what they answer, trained once."""
    import lightgbm

    from towpath.assets.models import Inputs, Model

    random = np.random.default_rng(7)
    rows = pl.DataFrame(
        {
            "distance": random.normal(500, 100, 200),
            "hour": random.integers(0, 24, 200),
        }
    )

    def make(sign: float) -> Model:
        label = (sign * (rows["distance"] - 500) > 0).cast(pl.Int8)
        inputs = Inputs.of(rows)
        table = lightgbm.Dataset(inputs.matrix(rows), label.to_numpy())
        params = {"objective": "binary", "num_threads": 1, "verbosity": -1, "min_data_in_leaf": 5}
        return Model(lightgbm.train(params, table, 20), inputs=inputs, outcome="late")

    return [make(1.0), make(-1.0)]


class Switched:
    """A ledger or store that can be switched off."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.is_away = False

    def __getattr__(self, name: str) -> Any:
        if self.is_away and name != "close":
            raise Unavailable(f"{name}: it is away")
        return getattr(self.real, name)


class Killable:
    """A gateway in a process of its own, which dies where it is told to; see `dying_gateway.py`."""

    def __init__(self, home: Path, at: str) -> None:
        program = Path(__file__).with_name("dying_gateway.py")
        command = [sys.executable, str(program), str(home), at]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{self.process.stdout.readline().strip()}"

    def ask(self, body: Any) -> httpx.Response | None:
        """Return an answer; None while nobody gives one."""
        try:
            return httpx.post(self.url + "/v2/models/board/infer", json=body, timeout=DEADLINE_S)
        except httpx.TransportError:
            assert self.process.poll() is None
            return None

    def model(self, body: Any) -> str | None:
        """Return which model answers; None while none does."""
        answer = self.ask(body)
        if answer is None or answer.status_code != 200:
            return None
        return answer.json()["parameters"]["model"]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE_S)
        self.process.stdout.close()


@pytest.fixture
def killable(bench: Any, tmp_path: Path) -> Iterator[Callable[..., Killable]]:
    """Start gateways over the bench's home in processes of their own."""
    started: list[Killable] = []

    def start(at: str = "never") -> Killable:
        started.append(Killable(tmp_path, at))
        return started[-1]

    yield start
    for one in started:
        one.kill()


class GatewayBench:
    """A home whose route can be changed, and a gateway that serves it."""

    def __init__(
        self, ledger: Ledger, blobs: BlobStore, keyring: FileKeyring, path: Path, models: Any
    ) -> None:
        from towpath.assets.models import save_model

        self.ledger = ledger
        self.blobs = blobs
        self.keyring = keyring
        self.path = path
        self.log = SegmentDecisionLog(ledger, blobs, path)
        self.online = open_online(f"lmdb://{path.parent}/online")
        self.packages = [save_model(model, blobs) for model in models]
        for package in self.packages:
            self.register(package)
        self.clock = ManualClock(parse_time("2013-03-01T00:00Z"))
        self.client = httpx.Client(timeout=DEADLINE_S)
        self.url = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def route(self, **services: Any) -> int:
        """Put a route and return its generation."""
        with self.ledger.write() as tx:
            spec = {"environment": "production", "services": services}
            row = tx.intents.put("route", "production", project="towpath", spec=spec, due=False)
        return row.generation

    def register(self, package: str, name: str = "late", **said: Any) -> int:
        """Register and sign the next version of a model; return its number."""
        from towpath.assets.models import load_package
        from towpath.assets.models.attestation import attest
        from towpath.core.refs import Ref

        found = load_package(package, self.blobs)
        body = {
            "package": package,
            "files": dict(found.files),
            "signature": found.signature.to_json(),
            "outcome": found.outcome,
            "task": found.task,
            "flavour": found.flavour,
        } | said
        with self.ledger.write() as tx:
            latest = tx.versions.latest("model", name)
            if latest is None:
                tx.versions.declare("model", name, project="flights")
            ref = Ref("model", name, 1 if latest is None else latest.ref.version + 1)
            signed = {"attestation": attest(ref, body, self.keyring)} | body
            tx.versions.commit(
                "model",
                name,
                digest=package,
                body=signed,
                state="approved",
                expected=ref.version - 1,
            )
        return ref.version

    def service(self, *weights: float, **fields: Any) -> dict[str, Any]:
        """Return a service's route: version 1, and version 2 with the weight given second."""
        weights = weights or (1.0,)
        arms = [
            {
                "arm": ("champion", "challenger")[index],
                "release": index + 1,
                "model": f"model:late@{index + 1}",
                "package": self.packages[index],
                "weight": weight,
            }
            for index, weight in enumerate(weights)
        ]
        base = {"project": "flights", "subject_field": "tailnum", "durability": "ack"}
        return base | {"salt": "board.2", "rollout": None, "stage": None, "arms": arms} | fields

    def start(self, *, ready: bool = True, **options: Any) -> None:
        listener = listening()
        self.url = "http://{}:{}".format(*listener.getsockname())
        self._stop.clear()
        options = {"replay": True} | options
        gateway = Gateway(
            ledger=self.ledger,
            blobs=self.blobs,
            keyring=self.keyring,
            clock=self.clock,
            online=self.online,
            environment="production",
            decisions_dir=self.path,
            state_dir=self.path.parent / "gateway",
            listener=listener,
            stop=self._stop,
            **options,
        )
        self._thread = threading.Thread(target=gateway.serve)
        self._thread.start()
        path = "/v2/health/ready" if ready else "/v2/health/live"
        eventually(lambda: self.get(path).status_code == 200, "a gateway that answers")

    def restart(self, **options: Any) -> None:
        """Stop, and start over the same home."""
        self.stop()
        self.client = httpx.Client(timeout=DEADLINE_S)
        self.online = open_online(f"lmdb://{self.path.parent}/online")
        self.start(**options)

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(DEADLINE_S)
            assert not self._thread.is_alive()
            self._thread = None
        self.client.close()
        self.online.close()

    @staticmethod
    def eventually(condition: Callable[[], object], what: str) -> Any:
        return eventually(condition, what)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(self.url + path, **options)

    def post(self, path: str, document: Any = None, **options: Any) -> httpx.Response:
        return self.client.post(self.url + path, json=document, **options)

    def body(self, *distances: float, **parameters: Any) -> dict[str, Any]:
        """Return a request of one row per distance."""
        distances = distances or (600.0,)
        count = len(distances)
        return {
            "inputs": [
                {
                    "name": "distance",
                    "shape": [count],
                    "datatype": "FP64",
                    "data": list(distances),
                },
                {"name": "hour", "shape": [count, 1], "datatype": "INT64", "data": [[7]] * count},
            ],
            "parameters": parameters,
        }

    def infer(self, *distances: float, **parameters: Any) -> httpx.Response:
        return self.post("/v2/models/board/infer", self.body(*distances, **parameters))

    def reported(self) -> dict[str, Any]:
        """Return what the gateway last said of itself."""
        with self.ledger.read() as tx:
            rows = tx.intents.list("gateway")
        return rows[0].status if rows else {}

    def await_route(self, generation: int) -> None:
        eventually(
            lambda: self.reported().get("route_generation") == generation,
            f"route generation {generation}",
        )


@pytest.fixture
def bench(
    sqlite_ledger: Ledger,
    disk_blobs: BlobStore,
    keyring: FileKeyring,
    tmp_path: Path,
    trained: Any,
) -> Iterator[GatewayBench]:
    bench = GatewayBench(sqlite_ledger, disk_blobs, keyring, tmp_path / "decisions", trained)
    yield bench
    bench.stop()


@pytest.fixture
def served(bench: GatewayBench) -> GatewayBench:
    """A gateway that serves `board` with one model, and believes the times it is told."""
    bench.route(board=bench.service())
    bench.start()
    return bench


@pytest.fixture
def ledger(bench: Any) -> Switched:
    """The bench's ledger, which can be switched off: it is, once its `is_away` is set."""
    bench.ledger = Switched(bench.ledger)
    return bench.ledger


@pytest.fixture
def pools(bench: Any, tmp_path: Path) -> Iterator[Callable[..., tuple[Pool, Load]]]:
    """Start gateways with workers over the bench's home, each under load."""
    started: list[tuple[Pool, Load]] = []

    def start(
        workers: int = 2, *, database: str | None = None, rpc: bool = False, **settings: Any
    ) -> tuple[Pool, Load]:
        pool = Pool(tmp_path, workers, database=database, rpc=rpc, **settings)
        started.append((pool, Load(bench, pool.url, pool.rpc if rpc else None)))
        return started[-1]

    yield start
    for pool, load in started:
        load.stop()
        if pool.process.poll() is None:
            pool.process.kill()
            pool.process.wait()
