"""The installed gateway, with a model that takes a column of every datatype of the protocol."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import polars as pl
import pytest

from towpath.app.home import open_home
from towpath.app.place import resolve_place
from towpath.assets.models import (
    Inputs,
    Model,
    ModelRegistry,
    Registration,
    load_predictor,
    save_model,
)
from towpath.core.ids import new_id
from towpath.core.refs import Ref
from towpath.operate.releases import LedgerReleases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.app.home import Home
    from towpath.operate.decisions import SegmentDecisionLog

DEADLINE_S = 60.0
INTEGERS = [f"{sign}INT{bits}" for sign in ("U", "") for bits in (8, 16, 32, 64)]


@dataclass(frozen=True)
class Gateway:
    """A running gateway.

    Attributes:
        url: Where it answers HTTP.
        grpc: Where it answers gRPC, `host:port`.
        rows: Two rows, by column; each column is named for its datatype.
        answer: What the model gives for them.
        log: What it recorded.
    """

    url: str
    grpc: str
    rows: dict[str, list[Any]]
    answer: list[float]
    log: SegmentDecisionLog


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("conformance")
    http_port, grpc_port = _free_port(), _free_port()
    (folder / "towpath.toml").write_text(
        f"gateway_port = {http_port}\ngateway_grpc_port = {grpc_port}\n"
    )
    place = resolve_place(folder, flags={}, environ={})
    with open_home(place) as home:
        model, rows = _model()
        package = save_model(model, home.blobs)
        _deploy(home, package)
        url = f"http://127.0.0.1:{http_port}"
        answer = load_predictor(package, home.blobs).predict(rows)["y"].tolist()
        with _running(folder, url):
            yield Gateway(url, f"127.0.0.1:{grpc_port}", rows, answer, home.decisions)


def _model() -> tuple[Any, dict[str, list[Any]]]:
    import lightgbm

    dice, count = np.random.default_rng(7), 200
    columns: dict[str, pl.Series] = {"BOOL": pl.Series(dice.integers(0, 2, count).astype(bool))}
    for name in INTEGERS:
        kind = getattr(pl, name.replace("UINT", "UInt").replace("INT", "Int"))
        columns[name] = pl.Series(dice.integers(0, 100, count), dtype=kind)
    columns["FP32"] = pl.Series(dice.normal(size=count), dtype=pl.Float32)
    columns["FP64"] = pl.Series(dice.normal(size=count))
    columns["BYTES"] = pl.Series(dice.choice(["JFK", "LGA", "Zürich"], count))
    frame = pl.DataFrame(columns)
    inputs = Inputs.of(frame)
    matrix = inputs.matrix(frame)
    y = (frame["FP64"] + frame["INT8"] / 100 > 0.5).to_numpy().astype(float)
    params = {"objective": "binary", "num_threads": 1, "verbosity": -1, "min_data_in_leaf": 3}
    booster = lightgbm.train(params, lightgbm.Dataset(matrix, y), 20)
    return Model(booster, inputs=inputs, outcome="y"), frame.head(2).to_dict(as_series=False)


def _deploy(home: Home, package: str) -> None:
    """Register the model as a run would, and put it in force as a rollout's end would."""
    run = new_id()
    with home.ledger.write() as tx:
        tx.runs.start(kind="pipeline", name="train", project="tests", run_id=run)
    version = ModelRegistry(home.ledger, home.blobs, home.keyring).register(
        Registration(
            name="everything",
            project="tests",
            package=package,
            run=run,
            pipeline="train",
            params={},
            code=Ref("code", "tests", 1),
            datasets=(),
            lock="1" * 64,
            conditions="2" * 64,
            champion=None,
            verdict="pass",
            report=home.blobs.put(b"# Report\n"),
            reference=home.blobs.put(b"{}"),
        )
    )
    with home.ledger.write() as tx:
        spec = {"model": "everything", "subject_field": None, "durability": "ack"}
        tx.intents.put("service", "board", project="tests", spec=spec, due=False)
        LedgerReleases().deploy(
            tx, environment="production", service="board", model=version.ref, reason="tests"
        )


@contextmanager
def _running(folder: Path, url: str) -> Iterator[None]:
    command = [sys.executable, "-m", "towpath", "gateway", "--directory", str(folder)]
    with (folder / "gateway.log").open("wb") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said)
        try:
            deadline = time.monotonic() + DEADLINE_S
            while True:
                with suppress(httpx.TransportError):
                    if httpx.get(f"{url}/v2/models/board/ready").is_success:
                        break
                told = (folder / "gateway.log").read_text()
                assert process.poll() is None, told
                assert time.monotonic() < deadline, told
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
