"""Reading 20 features over three views by entity: in process and over HTTP, beside Feast.

In process, Feast's SDK is asked for the same features of as many entities; over HTTP both servers get
the same requests, in Feast's own words, from the same client over one kept-alive connection each, in
turn.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import structlog

from benchmarks.feature_home import (
    FEAST,
    PROJECT,
    FeatureHome,
    Views,
    await_port,
    free_port,
    opened,
    redis_server,
    scratch,
)
from benchmarks.harness import PEERS, Result, run_peer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SIZES = {"10k-entities": 10_000, "30k-entities": 30_000, "100k-entities": 100_000}
ONLY_OURS = {"1m-entities": 1_000_000}
VIEWS = Views(
    {
        "trips": tuple(f"trips_{n}" for n in range(7)),
        "ratings": tuple(f"ratings_{n}" for n in range(7)),
        "payments": tuple(f"payments_{n}" for n in range(6)),
    }
)
COUNTS = (1, 100)
ROUNDS = {1: 300, 100: 80}
HTTP_ROUNDS = {1: 200, 100: 60}
_WARM_UP = 10
_PEER_S = 3600.0


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Fill each store at each size, and look entities up."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours: dict[str, Any] = {}
    peers: dict[str, Any] = {}
    limit: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    notes = list(NOTES)
    for size in sizes:
        with scratch("online") as folder, redis_server() as redis_url:
            VIEWS.generate(folder, SIZES[size])
            for store, url in (("files", f"lmdb://{folder}/online"), ("redis", redis_url)):
                if url is None:
                    notes.append("redis-server is not installed: nothing was measured with Redis")
                    continue
                (folder / store).mkdir()
                where = "sqlite" if store == "files" else url.removeprefix("redis://")[:-2]
                with opened(folder / store, VIEWS, url) as home:
                    _fill(home, folder)
                    mine, theirs = _against_feast(home, folder, where, SIZES[size])
                peer = f"feast-{'sqlite' if store == 'files' else 'redis'}/{size}"
                ours[f"{store}/{size}"], peers[peer] = mine, theirs
                ratios |= {f"{peer}-{one}": _times(theirs[one], mine[one]) for one in mine}
                if store == "redis":
                    limit[size] = round_trip(url)
                    ratios[f"limit/{size}-sdk-1"] = _times(limit[size], mine["sdk-1"])
    for size, entities in ONLY_OURS.items():
        with scratch("online") as folder:
            VIEWS.generate(folder, entities)
            with opened(folder, VIEWS, f"lmdb://{folder}/online") as home:
                _fill(home, folder)
                ours[f"files/{size}"] = {
                    f"sdk-{count}": in_process(home, entities, count) for count in COUNTS
                }
    return Result(
        name="online-features",
        sizes=[*sizes, *ONLY_OURS],
        ours=ours,
        peers=peers,
        limit=limit,
        ratios=ratios,
        growth={
            f"{store}-sdk-{count}": {
                size: ours[f"{store}/{size}"][f"sdk-{count}"]["p50_ms"]
                for size in (*sizes, *ONLY_OURS)
                if f"{store}/{size}" in ours
            }
            for store in ("files", "redis")
            for count in COUNTS
        },
        notes=notes,
    )


NOTES = [
    "milliseconds, median and 99th percentile; entities are drawn at random",
    "Feast's SDK is timed in a process of its own, between two rounds of ours",
    "both judge the time to live: Feast's SDK does not, see its issue 6821",
    "Feast's server runs with one worker, as ours does",
    "limit: three commands and their answers over a bare socket to the same Redis, again and again",
    "limit: in a process that works in between, as a look-up does, an exchange takes a third longer",
]


def _fill(home: FeatureHome, folder: Path) -> None:
    home.commit(folder)
    with home.ledger.write() as tx:
        home.offline.register(tx, VIEWS.service, project=PROJECT)
    for lookup in VIEWS.service.lookups:
        home.online.materialize(lookup.view, project=PROJECT)


def _against_feast(
    home: FeatureHome, folder: Path, where: str, entities: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return our figures and Feast's, by how they were asked and for how many entities."""
    run_peer("feast_online.py", FEAST, "fill", str(folder), where, timeout_s=_PEER_S)
    mine: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    for count in COUNTS:
        label = f"sdk-{count}"
        before = in_process(home, entities, count)
        with _entities(entities):
            asked = (str(folder), where, str(count), str(ROUNDS[count]))
            theirs[label] = _percentiles(run_peer("feast_online.py", FEAST, "read", *asked))
        after = in_process(home, entities, count)
        mine[label] = max(before, after, key=lambda one: one["p50_ms"])
    home.online.close()  # the gateway opens the files itself
    served = over_http(home, folder, where, entities)
    return mine | served["ours"], theirs | served["feast"]


def round_trip(url: str) -> dict[str, float]:
    """Ask a Redis for as much as one look-up does, over a bare socket: nobody can be faster."""
    host, port = url.removeprefix("redis://")[:-2].split(":")
    command = b"*3\r\n$5\r\nHMGET\r\n$4\r\nnone\r\n$1\r\nx\r\n" * 3
    seconds: list[float] = []
    with socket.create_connection((host, int(port))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(ROUNDS[1]):
            began = time.perf_counter()
            connection.sendall(command)
            connection.recv(1 << 16)
            seconds.append(time.perf_counter() - began)
    return _percentiles(seconds)


def in_process(home: FeatureHome, entities: int, count: int) -> dict[str, float]:
    """Look entities up through the SDK."""
    service, dice = VIEWS.service, random.Random(7)
    seconds: list[float] = []
    for turn in range(ROUNDS[count] + _WARM_UP):
        rows = [{"driver": dice.randrange(entities)} for _ in range(count)]
        began = time.perf_counter()
        found = home.online.get(service, rows).to_dict()
        if turn >= _WARM_UP:
            seconds.append(time.perf_counter() - began)
        assert None not in found["payments_5"]
    return _percentiles(seconds)


def over_http(home: FeatureHome, folder: Path, where: str, entities: int) -> dict[str, Any]:
    """Ask both servers in turn, and our own endpoint besides."""
    with ExitStack() as held:
        gateway = held.enter_context(_gateway(home))
        feast = held.enter_context(_feast(folder, where))
        refs = [f"{view}:{name}" for view, names in VIEWS.features.items() for name in names]
        found: dict[str, Any] = {"ours": {}, "feast": {}}
        for count in COUNTS:
            dice = random.Random(7)
            times: dict[str, list[float]] = {"ours": [], "own": [], "feast": []}
            for turn in range(HTTP_ROUNDS[count] + _WARM_UP):
                drivers = [dice.randrange(entities) for _ in range(count)]
                in_feasts = {"features": refs, "entities": {"driver": drivers}}
                asked = {
                    "ours": (gateway, "/get-online-features", in_feasts),
                    "own": (gateway, "/v2/features/drivers", {"entities": {"driver": drivers}}),
                    "feast": (feast, "/get-online-features", in_feasts),
                }
                for name, (connection, path, body) in asked.items():
                    spent = _post(connection, path, body)
                    if turn >= _WARM_UP:
                        times[name].append(spent)
            found["ours"][f"http-{count}"] = _percentiles(times["ours"])
            found["ours"][f"http-own-words-{count}"] = _percentiles(times["own"])
            found["feast"][f"http-{count}"] = _percentiles(times["feast"])
            found["feast"][f"http-own-words-{count}"] = found["feast"][f"http-{count}"]
    return found


def _post(connection: http.client.HTTPConnection, path: str, body: Any) -> float:
    data = json.dumps(body)
    began = time.perf_counter()
    connection.request("POST", path, data, {"content-type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    spent = time.perf_counter() - began
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{path} answered {answer.status}: {text[:500]!r}")
    return spent


@contextmanager
def _gateway(home: FeatureHome) -> Iterator[http.client.HTTPConnection]:
    port = free_port()
    environ = {
        **os.environ,
        "TOWPATH_GATEWAY_PORT": str(port),
        "TOWPATH_ONLINE": home.online_url,
        "TOWPATH_HOME": str(home.home),
    }
    with _running([sys.executable, "-m", "towpath", "gateway"], port, environ) as connection:
        yield connection


@contextmanager
def _feast(folder: Path, where: str) -> Iterator[http.client.HTTPConnection]:
    port = free_port()
    command = ["uv", "run", "--isolated", "--no-project", "--quiet", "--python", sys.executable]
    for package in FEAST:
        command += ["--with", package]
    script = str(PEERS / "feast_online.py")
    command += ["python", script, "serve", str(folder), where, str(port)]
    environ = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    with _running(command, port, environ) as connection:
        yield connection


@contextmanager
def _running(
    command: list[str], port: int, environ: dict[str, str]
) -> Iterator[http.client.HTTPConnection]:
    """Run a server, and stop it with all that it started."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        command, env=environ, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        await_port(port)
        time.sleep(1)  # both servers warm up behind a port that is open
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        yield connection
        connection.close()
    finally:
        os.killpg(process.pid, 9)
        process.wait()


@contextmanager
def _entities(count: int) -> Iterator[None]:
    """Tell the peer how many entities there are."""
    os.environ["ENTITIES"] = str(count)
    yield
    del os.environ["ENTITIES"]


def _times(theirs: dict[str, float], mine: dict[str, float]) -> float:
    return theirs["p50_ms"] / mine["p50_ms"]


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {"p50_ms": cuts[49] * 1000, "p99_ms": cuts[98] * 1000}
