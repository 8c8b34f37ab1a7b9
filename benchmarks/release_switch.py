"""Switching a release under load: failed requests, and the time until nobody is answered by the old one.

Clients keep their connections and ask in a closed loop, over HTTP and then over gRPC, while the environment
goes from one release to the next and back. Ours is `towpath gateway`, one worker process or several on a
port, over the ledger in SQLite; what is switched is every service's model, and a version of a program goes
with it. The limit is the bare server of `serving`, stopped and started with the other model, as one does
without releases.
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import lightgbm
import numpy as np
import polars as pl
import structlog

from benchmarks.feature_home import free_port
from benchmarks.harness import PEERS, Result
from benchmarks.load import post
from benchmarks.serving import TREES
from benchmarks.serving_load import COLUMNS, Server
from benchmarks.serving_load import running as _running
from benchmarks.switch_load import SAID
from towpath.app.home import open_home
from towpath.app.place import resolve_place
from towpath.assets.models import Inputs, Model, load_package, save_model
from towpath.assets.models.attestation import attest
from towpath.core.contracts import Contract, ServiceVersion
from towpath.core.refs import Ref
from towpath.gateway.rpc.messages import message
from towpath.operate.releases import Consumer, Pins, register

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from towpath.app.home import Home

SERVICES = (1, 4, 16)
GATEWAYS = (1, 2, 4)
CONNECTIONS = 8
SWITCHES = 6
QUIET_S = 0.7
ENV = "production"
Transport: TypeAlias = Literal["http", "grpc"]
TRANSPORTS: tuple[Transport, ...] = ("http", "grpc")


def run(services: Sequence[int] = SERVICES, gateways: Sequence[int] = GATEWAYS) -> Result:
    """Measure each number of services with one worker, and each number of workers with one service."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    sizes = list(dict.fromkeys([*((n, 1) for n in services), *((1, n) for n in gateways)]))
    folder = Path(tempfile.mkdtemp(prefix="towpath-switch-"))
    try:
        boosters = [_trained(sign) for sign in (1.0, -1.0)]
        ours = {
            f"{many}-services-{wide}-gateways-{by}": _ours(
                folder / f"{many}x{wide}-{by}", boosters, many, wide, by=by
            )
            for by in TRANSPORTS
            for many, wide in sizes
        }
        bare = _bare(folder / "bare", boosters)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    first = ours[f"{sizes[0][0]}-services-{sizes[0][1]}-gateways-http"]
    return Result(
        name="release-switch",
        sizes=tuple(ours),
        ours=ours,
        peers={},
        limit={"bare-restart": bare},
        ratios={
            "bare-restart/switch-gap": round(bare["gap_s"] / first["last_old_s_median"], 2),
            "one-second/switch": round(
                1.0 / max(one["last_old_s_most"] for one in ours.values()), 2
            ),
            "p99-quiet/p99-switching": round(first["p99_ms_quiet"] / first["p99_ms_switching"], 2),
        },
        growth={
            f"last_old_s-by-{what}-{by}": {
                str(n): ours[size.format(n) + f"-{by}"]["last_old_s_median"] for n in numbers
            }
            for by in TRANSPORTS
            for what, size, numbers in (
                ("services", "{}-services-1-gateways", services),
                ("gateways", "1-services-{}-gateways", gateways),
            )
        },
        notes=NOTES,
    )


NOTES = (
    "last_old_s: from the call that switches to the last answer that any client got from the old release",
    "followed_s: from the same call until every gateway said in the ledger that it has the new one",
    "switches go to and fro between two releases; the first of each home loads the new models first",
    "the bare restart loads one model and checks, routes and records nothing",
    "gap_s: how long nobody answered; behind a balancer it would be two servers, drained by hand",
    "connections are kept; a connection that breaks counts as a failed request",
    "over gRPC each caller has a channel of its own, and a call is never sent twice",
)


def _ours(
    folder: Path, boosters: Sequence[Any], services: int, gateways: int, *, by: Transport
) -> dict[str, Any]:
    """Switch a home's release under load, and return what the clients saw."""
    folder.mkdir()
    (folder / "towpath.toml").write_text("")
    with ExitStack() as stack:
        home = stack.enter_context(open_home(resolve_place(folder, flags={}, environ={})))
        releases = _released(home, boosters, services)
        _put(home, releases[0])
        port, rpc_port = free_port(), free_port()
        settings = f"gateway_port = {port}\ngateway_grpc_port = {rpc_port}\n"
        (folder / "towpath.toml").write_text(settings)
        command = [sys.executable, "-m", "towpath", "gateway", "--directory", str(folder)]
        process = stack.enter_context(_running([*command, "--workers", str(gateways)], folder))
        Server(process, port, "/v2/models/board-0/infer", "/v2/health/ready")
        seconds = SWITCHES * (QUIET_S + 1.0) + 1.0
        names = [f"board-{n}" for n in range(services)]
        asked = rpc_port if by == "grpc" else port
        with _load(folder, asked, names, seconds, by=by) as answers:
            moments = list(_switches(home, releases))
    return _seen(answers, moments)


def _switches(home: Home, releases: Sequence[Pins]) -> Iterator[dict[str, float]]:
    for turn in range(1, SWITCHES + 1):
        time.sleep(QUIET_S)
        begun = time.monotonic()
        number = _put(home, releases[turn % 2])
        written = time.monotonic()
        followed = home.switching.wait(ENV, home.switching.generation(ENV))
        if followed.lagging:
            raise RuntimeError(f"gateways lag: {followed.lagging}")
        yield {
            "at": begun,
            "number": number,
            "written_s": written - begun,
            "followed_s": time.monotonic() - begun,
        }


def _put(home: Home, pins: Pins) -> int:
    with home.ledger.write(actor="bench") as tx:
        made = home.releases.put_in_force(tx, ENV, pins, reason="bench")
    return made.ref.version or 0


def _seen(answers: Sequence[Any], moments: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Put together what clients saw of the switches."""
    lasts, during, quiet = [], [], []
    for moment in moments:
        old = [
            at
            for at, _, _, number in answers
            if at > moment["at"] and 0 < number < moment["number"]
        ]
        lasts.append(max(old, default=moment["at"]) - moment["at"])
    for at, took_s, _, _ in answers:
        switching = any(0 <= at - one["at"] <= 0.5 for one in moments)
        (during if switching else quiet).append(took_s)
    return {
        "requests": len(answers),
        "failed": sum(status != 200 for _, _, status, _ in answers),
        "switches": len(moments),
        "last_old_s_median": round(statistics.median(lasts), 3),
        "last_old_s_most": round(max(lasts), 3),
        "written_s_median": round(statistics.median(one["written_s"] for one in moments), 3),
        "followed_s_median": round(statistics.median(one["followed_s"] for one in moments), 3),
        "followed_s_most": round(max(one["followed_s"] for one in moments), 3),
        "p99_ms_quiet": _p99_ms(quiet),
        "p99_ms_switching": _p99_ms(during),
    }


def _bare(folder: Path, boosters: Sequence[Any]) -> dict[str, Any]:
    """Stop a bare server and start it with another model, under the same load."""
    folder.mkdir()
    port, gaps = free_port(), []
    paths = [folder / f"model-{number}.txt" for number in range(2)]
    for path, booster in zip(paths, boosters, strict=True):
        path.write_bytes(booster.model_to_string().encode())
    script = str(PEERS / "floor_server.py")

    def command(turn: int) -> list[str]:
        return [sys.executable, script, str(paths[turn % 2]), str(port), str(COLUMNS)]

    turns = 3
    with ExitStack() as last:
        running = ExitStack()
        process = running.enter_context(_running(command(0), folder))
        Server(process, port, "/v2/models/floor/infer", "/")
        with _load(folder, port, ["floor"], turns * 4.0) as answers:
            for turn in range(1, turns + 1):
                time.sleep(QUIET_S)
                begun = time.monotonic()
                running.close()
                running = ExitStack()
                process = running.enter_context(_running(command(turn), folder))
                Server(process, port, "/v2/models/floor/infer", "/")
                gaps.append(time.monotonic() - begun)
        last.enter_context(running)
    return {
        "requests": len(answers),
        "failed": sum(status != 200 for _, _, status, _ in answers),
        "restarts": turns,
        "gap_s": round(statistics.median(gaps), 3),
    }


class _load:  # noqa: N801 - reads as the verb that it is
    """Load ports for so many seconds; the list that it gives is filled at the end of the block."""

    def __init__(
        self,
        folder: Path,
        port: int,
        names: Sequence[str],
        seconds: float,
        *,
        by: Transport = "http",
    ) -> None:
        dice = random.Random(7)
        requests = []
        for turn in range(64):
            values = [round(dice.gauss(0, 1), 6) for _ in range(COLUMNS)]
            request = _over_grpc if by == "grpc" else _over_http
            requests.append(request(names[turn % len(names)], values).hex())
        self._out, self._asked = folder / "answers.json", folder / "load.json"
        asked = {
            "port": port,
            "requests": requests,
            "connections": CONNECTIONS,
            "seconds": seconds,
            "rpc": by == "grpc",
            "out": str(self._out),
        }
        self._asked.write_text(json.dumps(asked))
        self._answers: list[Any] = []

    def __enter__(self) -> list[Any]:
        command = [sys.executable, "-m", "benchmarks.switch_load", str(self._asked)]
        self._process = subprocess.Popen(command)
        return self._answers

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._process.kill()
        code = self._process.wait(120)
        if kind is None:
            if code:
                raise RuntimeError("the load failed")
            self._answers.extend(json.loads(self._out.read_text()))


def _over_http(name: str, values: list[float]) -> bytes:
    tensor = {"name": "rows", "shape": [1, COLUMNS], "datatype": "FP64", "data": values}
    body = json.dumps({"inputs": [tensor]}).encode()
    said = f"towpath-service-version: {SAID}"
    return post(f"/v2/models/{name}/infer", body, headers=[said])


def _over_grpc(name: str, values: list[float]) -> bytes:
    tensor = {"name": "rows", "shape": [1, COLUMNS], "datatype": "FP64"}
    tensor |= {"contents": {"fp64_contents": values}}
    request = message("ModelInferRequest")(model_name=name, inputs=[tensor])
    return request.SerializeToString()


def _released(home: Home, boosters: Sequence[Any], services: int) -> list[Pins]:
    """Declare services, two versions of each one's model, and a program that asks them all."""
    columns = pl.DataFrame({f"x{n}": [0.0, 1.0] for n in range(COLUMNS)})
    packages = [
        save_model(Model(one, inputs=Inputs.of(columns), outcome="late"), home.blobs)
        for one in boosters
    ]
    inputs = dict.fromkeys(columns.columns, float)
    names = [f"board-{number}" for number in range(services)]
    contracts = [Contract(name, inputs=inputs, outputs={"late": "binary"}) for name in names]
    with home.ledger.write() as tx:
        program = ServiceVersion.parse(SAID)
        register(
            tx,
            Consumer(program.consumer, version=program.version, contracts=contracts),
            project="bench",
        )
        for name in names:
            spec = {
                "environment": ENV,
                "model": name,
                "subject_field": None,
                "durability": "relaxed",
            }
            tx.intents.put("service", name, project="bench", spec=spec, due=False)
            tx.versions.declare("model", name, project="bench")
            for number, package in enumerate(packages, 1):
                found = load_package(package, home.blobs)
                body = {
                    "package": package,
                    "files": dict(found.files),
                    "signature": found.signature.to_json(),
                    "task": found.task,
                }
                signed = {
                    **body,
                    "attestation": attest(Ref("model", name, number), body, home.keyring),
                }
                tx.versions.commit("model", name, digest=package, body=signed, state="approved")
    said = frozenset({program})
    return [
        Pins(models={name: Ref("model", name, number) for name in names}, service_versions=said)
        for number in (1, 2)
    ]


def _trained(sign: float) -> Any:
    dice = np.random.default_rng(7)
    rows = dice.normal(size=(5_000, COLUMNS))
    late = (sign * rows[:, 0] + rows[:, 1] * rows[:, 2] > 0).astype(int)
    params = {"objective": "binary", "num_leaves": 31, "verbosity": -1, "num_threads": 2}
    return lightgbm.train(params, lightgbm.Dataset(rows, late), TREES)


def _p99_ms(latencies: Sequence[float]) -> float:
    if not latencies:
        return 0.0
    return round(sorted(latencies)[int(len(latencies) * 0.99)] * 1e3, 2)
