"""One row, 32 and 256, through the gateway over HTTP: requests a second, processor time and tail of each.

The model has 200 trees over 30 features. Ours is `towpath gateway` with everything on: the route, the
checks, the decision's identity and record, the counts. The floor is the same model behind a bare protocol;
the peers serve it with what they have on by default.
"""

from __future__ import annotations

import os
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import lightgbm
import numpy as np
import polars as pl
import structlog

from benchmarks.feature_home import free_port
from benchmarks.harness import PEERS as SCRIPTS
from benchmarks.harness import Result
from benchmarks.serving_load import COLUMNS, CONNECTIONS, Server, running
from benchmarks.serving_peers import PEERS, peer_server
from towpath.app.home import open_home
from towpath.app.place import resolve_place
from towpath.assets.models import Inputs, Model, compile_package, load_package, save_model
from towpath.assets.models.attestation import attest
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from towpath.app.home import Home

TREES = 200
SIZES = {"1-row": 1, "32-rows": 32, "256-rows": 256}
PEER_SIZES = ("1-row", "32-rows")
PEER_LOADS = {"1-row": CONNECTIONS, "32-rows": (8,)}
ROUNDS = 2
RECORD_BYTES = 499  # what a row of thirty columns takes in the decision log
SYNCS = 300


def run(sizes: Sequence[str] = tuple(SIZES), peers: Sequence[str] = tuple(PEERS)) -> Result:
    """Load each server in turn, several rounds, and keep each one's best round per load."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    folder = Path(tempfile.mkdtemp(prefix="towpath-serving-"))
    try:
        booster = _trained()
        model = folder / "model.txt"
        model.write_bytes(booster.model_to_string().encode())
        with (
            _gateway(folder / "relaxed", booster, "relaxed") as relaxed,
            _gateway(folder / "ack", booster, "ack") as ack,
            _floor(model) as floor,
        ):
            disk_us: list[float] = []
            for _ in range(ROUNDS):
                disk_us.append(_sync_us(folder))
                for size in sizes:
                    for server in (relaxed, floor, ack):
                        server.load(size, SIZES[size])
                    for server in (relaxed, ack):
                        server.load(size, SIZES[size], binary=True)
        theirs, notes = _peers(peers, [size for size in sizes if size in PEER_SIZES], model)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ours = {"relaxed": relaxed.found, "ack": ack.found}
    return Result(
        name="serving",
        sizes=sizes,
        ours=ours,
        peers=theirs,
        limit={"floor": floor.found, "disk": {"fdatasync_us": round(min(disk_us), 1)}},
        ratios=_ratios(ours, floor.found, theirs)
        | _beside_the_disk(ours, floor.found, min(disk_us)),
        growth={
            f"{name}-c8-{quantity}": {size: found[f"{size}-c8"][quantity] for size in sizes}
            for name, found in (("relaxed", relaxed.found), ("floor", floor.found))
            for quantity in ("requests_per_s", "cpu_us")
        },
        notes=(*NOTES, *notes),
    )


def run_peers(names: Sequence[str] = tuple(PEERS)) -> Result:
    """Load each peer, and ours just before it: a shorter load, so that all take some minutes."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    folder = Path(tempfile.mkdtemp(prefix="towpath-serving-"))
    theirs: dict[str, Any] = {}
    notes: list[str] = []
    try:
        booster = _trained()
        model = folder / "model.txt"
        model.write_bytes(booster.model_to_string().encode())
        with _gateway(folder / "relaxed", booster, "relaxed") as ours, _floor(model) as floor:
            for size in PEER_SIZES:
                floor.load(size, SIZES[size], among=PEER_LOADS[size])
            for name in names:

                def load(server: Server) -> None:
                    for size in PEER_SIZES:
                        for one in (ours, server):
                            one.load(size, SIZES[size], among=PEER_LOADS[size])

                found, missing = _peer(name, model, load)
                theirs |= found
                notes += missing
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    mine = {"relaxed": ours.found}
    return Result(
        name="serving --peers",
        sizes=PEER_SIZES,
        ours=mine,
        peers=theirs,
        limit={"floor": floor.found},
        ratios=_ratios({**mine, "ack": {}}, floor.found, theirs),
        growth={
            f"{name}-{quantity}": {
                load: found[load][quantity]
                for load in ("1-row-c1", "1-row-c8", "1-row-c64")
                if load in found  # a peer may have stopped short: the notes say so
            }
            for name, found in (("ours", ours.found), *theirs.items())
            for quantity in ("requests_per_s", "cpu_us")
        },
        notes=(*NOTES, "ours is loaded again beside each peer; its best round counts", *notes),
    )


NOTES = (
    "a closed loop over kept-alive connections on the same machine; the best of the rounds, in turn",
    "requests are one tensor of shape [rows, 30] as JSON, unless `binary` is said: then as bytes",
    "BentoML, LitServe, MLflow and Ray Serve have no such form, and get a list of lists",
    "cpu_us is the processor time of the server's processes per request, which a busy machine blurs least",
    (
        "ours serves the model as gates leave it, compiled: LightGBM's library answers lone rows, and ONNX "
        "Runtime batches, with the same bits (ADR 0050); floor and peers ask LightGBM itself for both"
    ),
    (
        "`ack` answers a lone request after one write and one fdatasync, so no server that keeps that promise "
        "takes less than the floor and a bare fdatasync (disk/…): `best` is what half of `relaxed` has to be "
        "seen beside"
    ),
    "the floor routes nothing, checks nothing, records nothing, counts nothing",
    "ours records every row, checked and with its identity; the peers record nothing",
    "the peers run one after the other behind ours, one round each, as their documentation starts them",
    "start_s is from the process's start to its first ready answer",
    "rss_mb is after the load, and counts pages that a peer's processes share in each of them",
)


def _peers(
    names: Sequence[str], sizes: Sequence[str], model: Path
) -> tuple[dict[str, Any], list[str]]:
    """Load each peer, and tell which could not be."""
    found: dict[str, Any] = {}
    notes: list[str] = []
    for name in names:

        def load(server: Server) -> None:
            for size in sizes:
                server.load(size, SIZES[size])

        one, missing = _peer(name, model, load)
        found |= one
        notes += missing
    return found, notes


def _peer(
    name: str, model: Path, load: Callable[[Server], None]
) -> tuple[dict[str, Any], list[str]]:
    """Start a peer, hold its answer to the model's, and load it; tell why where that fails."""
    folder = model.parent / f"peer-{name}"
    folder.mkdir()
    row = [round(0.1 * at - 1.5, 1) for at in range(COLUMNS)]
    expected = float(lightgbm.Booster(model_file=str(model)).predict(np.array([row]))[0])
    found: dict[str, Any] = {}
    try:
        with peer_server(name, model, folder) as server:
            server.check(row, expected)
            found[name] = server.found
            load(server)
            return found, []
    except (RuntimeError, OSError, ValueError, httpx.HTTPError) as error:
        # What it did answer in time stands.
        return found, [f"{name} {'stopped short' if found else 'is missing'}: {error}"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ratios(
    ours: dict[str, dict[str, Any]], floor: dict[str, Any], peers: dict[str, dict[str, Any]]
) -> dict[str, float]:
    """Return how many times we are ahead: in requests, processor time and, of peers, the tail."""
    ratios: dict[str, float] = {}
    for name, found in ours.items():
        for load, mine in found.items():
            if isinstance(mine, dict):
                limit = floor[load.replace("-binary", "")]
                ratios[f"floor/{name}-{load}-rate"] = (
                    mine["requests_per_s"] / limit["requests_per_s"]
                )
                ratios[f"floor/{name}-{load}-cpu"] = limit["cpu_us"] / mine["cpu_us"]
    for peer, theirs in peers.items():
        for load, other in theirs.items():
            mine = ours["relaxed"].get(load)
            if isinstance(other, dict) and isinstance(mine, dict):
                ratios[f"{peer}/{load}-rate"] = mine["requests_per_s"] / other["requests_per_s"]
                ratios[f"{peer}/{load}-p99"] = other["p99_ms"] / mine["p99_ms"]
                ratios[f"{peer}/{load}-cpu"] = other["cpu_us"] / mine["cpu_us"]
        for quantity in theirs.keys() & {"start_s", "rss_mb"}:
            ratios[f"{peer}/{quantity}"] = theirs[quantity] / ours["relaxed"][quantity]
    for load in ("1-row-c64", "1-row-c8", "1-row-c1"):
        both = [ours[name].get(load) for name in ("ack", "relaxed")]
        if all(both):
            ratios[f"relaxed/ack-{load}-rate"] = (
                both[0]["requests_per_s"] / both[1]["requests_per_s"]
            )
    return {key: round(value, 2) for key, value in ratios.items()}


def _sync_us(folder: Path) -> float:
    """Return the median time that the disk takes for a record at the end of a file, and for nothing else."""
    record, took = os.urandom(RECORD_BYTES), []
    descriptor = os.open(folder / "synced", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(SYNCS):
            begun = time.perf_counter()
            os.write(descriptor, record)
            os.fdatasync(descriptor)
            took.append(time.perf_counter() - begun)
    finally:
        os.close(descriptor)
    return statistics.median(took) * 1e6


def _beside_the_disk(
    ours: dict[str, dict[str, Any]], floor: dict[str, Any], sync_us: float
) -> dict[str, float]:
    """Return how near a lone `ack` comes to what the disk allows, and what that makes of `relaxed`."""
    load = "1-row-c1"
    if load not in floor:
        return {}
    relaxed_us, ack_us, floor_us = (
        1e6 / found[load]["requests_per_s"] for found in (ours["relaxed"], ours["ack"], floor)
    )
    return {
        f"disk/ack-{load}-floor": round((floor_us + sync_us) / ack_us, 2),
        f"disk/ack-{load}-relaxed": round((relaxed_us + sync_us) / ack_us, 2),
        f"disk/best-ack-over-relaxed-{load}": round(relaxed_us / (relaxed_us + sync_us), 2),
    }


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
    rows = np.random.default_rng(8).normal(size=(500, COLUMNS))
    judged_on = pl.DataFrame(rows, schema=[f"x{n}" for n in range(COLUMNS)])
    with open_home(resolve_place(folder, flags={}, environ={})) as home:
        model = Model(booster, inputs=Inputs.of(judged_on), outcome="late")
        # As gates do it, before they judge: what serves is the compiled form where there is one.
        package = compile_package(save_model(model, home.blobs), judged_on, home.blobs)
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
    with running(command, folder) as process:
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
    script = str(SCRIPTS / "floor_server.py")
    command = [sys.executable, script, str(model), str(port), str(COLUMNS)]
    with running(command, model.parent) as process:
        yield Server(process, port, "/v2/models/floor/infer", "/")
