"""A small project on disk, the stores that a runner needs, and a way to run it."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.code import CodeStore
from towpath.assets.datasets import ParquetDatasetStore
from towpath.build.compute import InlineExecutor
from towpath.build.pipelines import PipelineRunner, Progress
from towpath.core.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.build.compute import Executor
    from towpath.build.pipelines import CandidateHandler, Pipeline, PipelineResult
    from towpath.ledger import Ledger
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import FileKeyring

START = datetime(2026, 1, 1, tzinfo=UTC)
PROJECT = """
    from datetime import datetime

    import polars as pl

    import towpath as tp
    from helpers import scale


    class Trip(tp.Schema):
        trip: str
        who: str
        at: datetime
        x: float


    trips = tp.Dataset("trips", schema=Trip, key="trip", time="at", subject="who")


    @tp.step
    def prepare(rows: pl.LazyFrame) -> pl.LazyFrame:
        print("preparing")
        return rows.with_columns(scale(pl.col("x")).alias("scaled")).sort("trip")


    @tp.step
    def total(rows: pl.DataFrame, *, times: int = 1) -> float:
        tp.log_metric("rows", rows.height)
        tp.log_param("chosen", times + 1)
        return rows["scaled"].sum() * times


    @tp.step
    def describe(amount: float) -> dict[str, float]:
        return {"amount": amount}


    @tp.pipeline
    def train(window: str = "30d", times: int = 1):
        return describe(total(prepare(trips.last(window)), times=times))
"""
HELPERS = """
    def scale(x):
        return x * 2
"""


@dataclass
class Workshop:
    """Everything around one project folder.

    `run` keeps the code, loads it afresh, as a new process would, and runs one of its pipelines.
    """

    folder: Path
    ledger: Ledger
    blobs: BlobStore
    datasets: ParquetDatasetStore
    code: CodeStore
    executor: Executor
    clock: ManualClock
    home: Path
    candidates: CandidateHandler | None = None
    heard: list[Progress] = field(default_factory=list)

    def write(self, path: str, text: str) -> None:
        (self.folder / path).write_text(dedent(text), encoding="utf-8")

    def change(self, old: str, new: str, path: str = "toy.py") -> None:
        text = (self.folder / path).read_text(encoding="utf-8")
        assert old in text
        (self.folder / path).write_text(text.replace(old, new), encoding="utf-8")

    def load(self, name: str) -> Any:
        for module in ("toy", "helpers"):
            sys.modules.pop(module, None)
        importlib.invalidate_caches()
        return getattr(importlib.import_module("toy"), name)

    def snapshot(self, **options: Any) -> Version:
        return self.code.snapshot(self.folder, "toy", "toy:project", **options)

    def runner(self) -> PipelineRunner:
        return PipelineRunner(
            self.ledger,
            self.blobs,
            blobs_url=(self.home / "blobs").as_uri(),
            datasets=self.datasets,
            code=self.code,
            executor=self.executor,
            clock=self.clock,
            candidates=self.candidates,
            scratch=self.home / "run",
        )

    def run(
        self, pipeline: str = "train", *, files: tuple[str, ...] = (), **options: Any
    ) -> PipelineResult:
        self.heard.clear()
        found: Pipeline = self.load(pipeline)
        code = self.snapshot(files=files).ref
        return self.runner().run(
            found, project="toy", code=code, on_progress=self.heard.append, **options
        )

    def value(self, result: PipelineResult, name: str = "result") -> Any:
        from towpath.build.pipelines import load_artifact

        return load_artifact(result.outputs[name], self.blobs)

    def commit_trips(self, count: int, *, first: int = 0) -> None:
        """Append trips one hour apart, each worth 1, numbered from `first`."""
        numbers = range(first, first + count)
        rows = pl.DataFrame(
            {
                "trip": [f"t{n:04}" for n in numbers],
                "who": [f"w{n % 5}" for n in numbers],
                "at": [START + timedelta(hours=n) for n in numbers],
                "x": [1.0] * count,
            }
        )
        self.datasets.commit(self.load("trips"), rows, project="toy")


@pytest.fixture
def workshop(
    tmp_path: Path,
    sqlite_ledger: Ledger,
    disk_blobs: BlobStore,
    keyring: FileKeyring,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Workshop]:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Workshop(
        folder=folder,
        ledger=sqlite_ledger,
        blobs=disk_blobs,
        datasets=ParquetDatasetStore(sqlite_ledger, disk_blobs, keyring),
        code=CodeStore(sqlite_ledger, disk_blobs, tmp_path / "code"),
        executor=InlineExecutor(cpus=2),
        clock=ManualClock(START + timedelta(days=10)),
        home=tmp_path,
    )
    made.write("toy.py", PROJECT)
    made.write("helpers.py", HELPERS)
    made.commit_trips(48)
    yield made
    for module in ("toy", "helpers"):
        sys.modules.pop(module, None)
