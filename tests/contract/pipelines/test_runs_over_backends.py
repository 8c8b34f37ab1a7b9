"""The promises of a run, over every ledger and every blob store, with steps in their own processes."""

from __future__ import annotations

import importlib
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.code import CodeStore
from towpath.assets.datasets import ParquetDatasetStore
from towpath.build.compute import LocalExecutor
from towpath.build.pipelines import PipelineRunner, load_artifact
from towpath.core.clock import ManualClock, parse_time
from towpath.storage.blobs import DiskBlobStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import FileKeyring

MODULE = "toy_over_backends"
PROJECT = """
    from datetime import datetime
    import polars as pl
    import towpath as tp

    class Trip(tp.Schema):
        trip: str
        at: datetime
        x: float

    trips = tp.Dataset("trips", schema=Trip, key="trip", time="at")

    @tp.step
    def double(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.with_columns(pl.col("x") * 2)

    @tp.step
    def total(rows: pl.LazyFrame, *, times: int) -> float:
        amount = rows.select(pl.col("x").sum()).collect().item() * times
        tp.log_metric("amount", amount)
        return amount

    @tp.pipeline
    def train(times: int = 1):
        return total(double(trips.last("30d")), times=times)
"""


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    with LocalExecutor(cpus=2, preload=()) as made:
        yield made


@pytest.fixture
def blobs_url(blobs: BlobStore, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of the very store that `blobs` opened."""
    if isinstance(blobs, DiskBlobStore):
        return (tmp_path / "blobs").as_uri()
    return request.getfixturevalue("s3_url")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / f"{MODULE}.py").write_text(dedent(PROJECT), encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield importlib.import_module(MODULE)
    del sys.modules[MODULE]


def test_a_run_its_repetition_and_a_lost_result(  # noqa: PLR0917  fixtures come by name
    ledger: Ledger,
    blobs: BlobStore,
    blobs_url: str,
    keyring: FileKeyring,
    executor: LocalExecutor,
    project: Any,
    tmp_path: Path,
) -> None:
    datasets = ParquetDatasetStore(ledger, blobs, keyring)
    rows = pl.DataFrame(
        {
            "trip": ["a", "b"],
            "at": [parse_time("2026-01-01"), parse_time("2026-01-02")],
            "x": [1.0, 2],
        }
    )
    datasets.commit(project.trips, rows, project="toy")
    code = CodeStore(ledger, blobs, tmp_path / "code")
    kept = code.snapshot(tmp_path / "project", "toy", f"{MODULE}:train").ref
    runner = PipelineRunner(
        ledger,
        blobs,
        blobs_url=blobs_url,
        datasets=datasets,
        code=code,
        executor=executor,
        clock=ManualClock(parse_time("2026-01-10")),
        cache_dir=tmp_path / "cache",
        scratch=tmp_path / "run",
    )

    def run(**params: Any) -> tuple[list[str], Any]:
        result = runner.run(project.train, project="toy", code=kept, params=params)
        assert result.status == "finished", getattr(result.error, "__notes__", result.error)
        return [step.status for step in result.steps], result

    first, result = run()
    assert (first, load_artifact(result.outputs["result"], blobs)) == (["done", "done"], 6.0)
    assert run()[0] == ["hit", "hit"]
    assert run(times="2")[0] == ["hit", "done"]
    blobs.delete(result.outputs["result"].digest)
    assert run()[0] == ["hit", "done"]
    with ledger.read() as tx:
        assert {one.status for one in tx.runs.list()} == {"finished"}
        assert tx.runs.get(result.run_id).metrics == {"amount": 6.0}
