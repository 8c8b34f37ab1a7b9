"""A home with a runner, and a source whose batches and mishaps a test decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.sources import Batch
from towpath.build.ingestion import IngestRecord, IngestRunner
from towpath.core.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.assets.sources import Reading
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import FileKeyring


class Order(Schema):
    id: int
    customer: str | None
    amount: float | None


orders = Dataset("orders", schema=Order, key="id", subject="customer", buckets=2)


def rows(first: int, count: int, amount: float = 1.0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": list(range(first, first + count)),
            "customer": [f"c{n % 3}" for n in range(first, first + count)],
            "amount": [amount] * count,
        },
        schema=Order.polars_schema(),
    )


@dataclass(eq=False)
class Script:
    """A source of given frames; its position is how many of them were read.

    Attributes:
        frames: One batch each.
        fails: Raised instead of the batch at that place, once.
        read_from: Where each reading began.
        incremental: Whether it tells what is new.
        resumes: Whether a load can be carried on in its middle.
    """

    frames: list[pl.DataFrame] = field(default_factory=list)
    fails: dict[int, BaseException] = field(default_factory=dict)
    read_from: list[int] = field(default_factory=list)
    incremental: bool = True
    resumes: bool = True
    kind: str = "script"
    told: str = "one"

    def describe(self) -> dict[str, Any]:
        return {"script": self.told}

    def read(self, reading: Reading) -> Iterator[Batch]:
        begin = (reading.after or {}).get("read", 0)
        self.read_from.append(begin)
        for place in range(begin, len(self.frames)):
            if place in self.fails:
                raise self.fails.pop(place)
            is_last = place == len(self.frames) - 1
            known = self.incremental if is_last else self.resumes
            yield Batch(
                rows=self.frames[place],
                position={"read": place + 1} if known else None,
                done=(place + 1) / len(self.frames),
            )
        if begin >= len(self.frames):
            position = {"read": len(self.frames)} if self.incremental else None
            yield Batch(rows=pl.DataFrame(), position=position)


class Bench:
    """A runner on an embedded home."""

    def __init__(
        self, ledger: Ledger, blobs: BlobStore, keyring: FileKeyring, folder: Path
    ) -> None:
        self.ledger, self.blobs, self.folder = ledger, blobs, folder
        self.clock = ManualClock(datetime(2024, 1, 1, tzinfo=UTC))
        self.datasets = ParquetDatasetStore(ledger, blobs, keyring)
        self.keyring = keyring

    def run(self, ingest: Any, *, piece_bytes: int = 1 << 30, **options: Any) -> Any:
        runner = IngestRunner(
            self.ledger, self.datasets, self.clock, folder=self.folder, piece_bytes=piece_bytes
        )
        return runner.run(ingest, project="shop", **options)

    def state(self, name: str = "orders") -> Any:
        with self.ledger.read() as tx:
            return IngestRecord("shop", name).read(tx)

    def runs(self) -> list[Any]:
        with self.ledger.read() as tx:
            return tx.runs.list(kind="ingest")[::-1]

    def content(self) -> pl.DataFrame:
        return self.datasets.scan(orders.ref).collect().sort("id")


@pytest.fixture
def bench(
    sqlite_ledger: Ledger, disk_blobs: BlobStore, keyring: FileKeyring, tmp_path: Path
) -> Bench:
    return Bench(sqlite_ledger, disk_blobs, keyring, tmp_path)


@pytest.fixture
def script() -> type[Script]:
    return Script


@pytest.fixture
def make_rows() -> Any:
    return rows


@pytest.fixture
def dataset() -> Dataset:
    return orders
