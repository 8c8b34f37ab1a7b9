"""One row, and 32, through the gateway over HTTP: requests a second and processor time of each.

The model has 200 trees over 30 features. Ours is `towpath gateway` with everything on: the route, the
checks, the decision's identity and record, the counts. The floor is the same model behind a bare protocol;
the peers serve it with what they have on by default.
"""

from __future__ import annotations

import json
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import lightgbm
import numpy as np
import polars as pl
import structlog

from benchmarks.feature_home import free_port
from benchmarks.harness import PEERS, Result
from benchmarks.load import drive, post, rss_mb
from towpath.app.home import open_home
from towpath.app.place import resolve_place
from towpath.assets.models import Inputs, Model, load_package, save_model
from towpath.assets.models.attestation import attest
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from towpath.app.home import Home

COLUMNS = 30
TREES = 200
CONNECTIONS = (1, 8, 64)
SIZES = {"1-row": 1, "32-rows": 32}
SECONDS = 4.0
WARM_UP_S = 1.0
ROUNDS = 3
DISTINCT = 256
START_WITHIN_S = 60.0


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Load each server in turn, several rounds, and keep each one's best round per load."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    folder = Path(tempfile.mkdtemp(prefix="towpath-serving-"))
    try:
        booster = _trained()
        (folder / "model.txt").write_bytes(booster.model_to_string().encode())
        with (
            _gateway(folder / "relaxed", booster, "relaxed") as relaxed,
            _gateway(folder / "ack", booster, "ack") as ack,
            _floor(folder / "model.txt") as floor,
        ):
            servers = {"relaxed": relaxed, "ack": ack, "floor": floor}
            found = {
                name: {"start_s": one.start_s, "rss_mb": round(rss_mb(one.process.pid), 1)}
                for name, one in servers.items()
            }
            for _ in range(ROUNDS):
                for size in sizes:
                    for name, one in servers.items():
                        _note(found[name], one, size)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ratios = {}
    for name in ("relaxed", "ack"):
        for load, mine in found[name].items():
            if isinstance(mine, dict):
                limit = found["floor"][load.replace("-binary", "")]
                ratios[f"floor/{name}-{load}-rate"] = (
                    mine["requests_per_s"] / limit["requests_per_s"]
                )
                ratios[f"floor/{name}-{load}-cpu"] = limit["cpu_us"] / mine["cpu_us"]
    return Result(
        name="serving",
        sizes=sizes,
        ours={name: found[name] for name in ("relaxed", "ack")},
        peers={},
        limit={"floor": found["floor"]},
        ratios={key: round(value, 2) for key, value in ratios.items()},
        growth={
            f"relaxed-{size}-requests_per_s": {
                f"c{count}": found["relaxed"][f"{size}-c{count}"]["requests_per_s"]
                for count in CONNECTIONS
            }
            for size in sizes
        },
        notes=NOTES,
    )


NOTES = (
    "a closed loop over kept-alive connections on the same machine; the best of the rounds, in turn",
    "requests are one tensor of shape [rows, 30] as JSON, unless `binary` is said: then as bytes",
    "cpu_us is the processor time of the server's process per request, which a busy machine blurs least",
    "the floor routes nothing, checks nothing, records nothing, counts nothing",
)


class Server:
    """A server process, and the requests that it understands."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, path: str, ready: str) -> None:
        begun = time.perf_counter()
        self.process = process
        self.port = port
        self.path = path
        while True:
            with suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}{ready}", timeout=1).is_success:
                    break
            if process.poll() is not None or time.perf_counter() - begun > START_WITHIN_S:
                raise RuntimeError(f"the server on port {port} does not answer")
            time.sleep(0.02)
        self.start_s = round(time.perf_counter() - begun, 2)

    def requests(self, rows: int, *, binary: bool) -> list[bytes]:
        dice = random.Random(7)
        made = []
        for _ in range(DISTINCT):
            values = [round(dice.gauss(0, 1), 6) for _ in range(rows * COLUMNS)]
            made.append(
                _binary(self.path, rows, values) if binary else _json(self.path, rows, values)
            )
        return made


def _json(path: str, rows: int, values: list[float]) -> bytes:
    tensor = {"name": "rows", "shape": [rows, COLUMNS], "datatype": "FP64", "data": values}
    return post(path, json.dumps({"inputs": [tensor]}, separators=(",", ":")).encode())


def _binary(path: str, rows: int, values: list[float]) -> bytes:
    raw = np.array(values, "<f8").tobytes()
    tensor = {
        "name": "rows",
        "shape": [rows, COLUMNS],
        "datatype": "FP64",
        "parameters": {"binary_data_size": len(raw)},
    }
    head = json.dumps({"inputs": [tensor]}, separators=(",", ":")).encode()
    return post(path, head + raw, headers=[f"Inference-Header-Content-Length: {len(head)}"])


def _note(found: dict[str, Any], server: Server, size: str) -> None:
    """Load a server with requests of a size, and keep what was better than before."""
    kinds = [False] if "floor" in server.path else [False, True]
    for binary in kinds:
        requests = server.requests(SIZES[size], binary=binary)
        for connections in CONNECTIONS:
            label = f"{size}{'-binary' if binary else ''}-c{connections}"
            pid = server.process.pid
            drive(server.port, requests, pid=pid, connections=connections, seconds=WARM_UP_S)
            load = asdict(
                drive(server.port, requests, pid=pid, connections=connections, seconds=SECONDS)
            )
            if load["failed"]:
                raise RuntimeError(f"{load['failed']} requests of {label} failed")
            before = found.get(label)
            if before is None or load["requests_per_s"] > before["requests_per_s"]:
                found[label] = load


def _trained() -> Any:
    dice = np.random.default_rng(7)
    rows = dice.normal(size=(20_000, COLUMNS))
    late = (rows[:, 0] + rows[:, 1] * rows[:, 2] + dice.normal(size=len(rows)) > 0).astype(int)
    params = {"objective": "binary", "num_leaves": 31, "verbosity": -1, "num_threads": 2}
    return lightgbm.train(params, lightgbm.Dataset(rows, late), TREES)


@contextmanager
def _gateway(folder: Path, booster: Any, durability: str) -> Iterator[Server]:
    """Run `towpath gateway` over a home whose route names the model."""
    folder.mkdir()
    port = free_port()
    (folder / "towpath.toml").write_text(f"gateway_port = {port}\n")
    columns = pl.DataFrame({f"x{n}": [0.0, 1.0] for n in range(COLUMNS)})
    with open_home(resolve_place(folder, flags={}, environ={})) as home:
        model = Model(booster, inputs=Inputs.of(columns), outcome="late")
        package = save_model(model, home.blobs)
        _register(home, package)
        arm = {
            "arm": "champion",
            "release": 1,
            "model": "model:late@1",
            "package": package,
            "weight": 1.0,
        }
        service = {
            "project": "bench",
            "subject_field": None,
            "durability": durability,
            "salt": secrets.token_hex(8),
            "rollout": None,
            "stage": None,
            "arms": [arm],
        }
        spec = {"environment": "production", "services": {"board": service}}
        with home.ledger.write() as tx:
            tx.intents.put("route", "production", project="towpath", spec=spec, due=False)
    command = [sys.executable, "-m", "towpath", "gateway", "--directory", str(folder)]
    with _running(command, folder) as process:
        yield Server(process, port, "/v2/models/board/infer", "/v2/health/ready")


def _register(home: Home, package: str) -> None:
    """Sign the package as the first version of its model, which the gateway insists on."""
    ref = Ref("model", "late", 1)
    body = {"package": package, "files": dict(load_package(package, home.blobs).files)}
    signed = {**body, "attestation": attest(ref, body, home.keyring)}
    with home.ledger.write() as tx:
        tx.versions.declare("model", "late", project="bench")
        tx.versions.commit("model", "late", digest=package, body=signed, state="approved")


@contextmanager
def _floor(model: Path) -> Iterator[Server]:
    port = free_port()
    script = str(PEERS / "floor_server.py")
    command = [sys.executable, script, str(model), str(port), str(COLUMNS)]
    with _running(command, model.parent) as process:
        yield Server(process, port, "/v2/models/floor/infer", "/")


@contextmanager
def _running(command: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)
