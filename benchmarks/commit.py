"""Data-set commit and scan, beside bare Parquet (the limit) and Delta Lake (a peer).

Ours checks every row against a schema, spreads rows over subject buckets, profiles every column, syncs
each file, and records the version and its event. Bare Parquet writes one file and syncs it; Delta Lake
writes a table partitioned by the same buckets, without profile or schema rules.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import polars as pl
import structlog

from benchmarks.harness import Cost, Result, interleave, measure, run_peer
from towpath.assets.datasets import Dataset, ParquetDatasetStore, Range, Schema, Values
from towpath.core.refs import Ref
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SIZES = {"100k-rows": 100_000, "300k-rows": 300_000, "1m-rows": 1_000_000}
ROUNDS = 3
BUCKETS = 16
PLACES = ("EWR", "JFK", "LGA")


class Flight(Schema):
    flight_id: str
    scheduled: datetime
    tailnum: str
    origin: Annotated[str, Values(*PLACES)]
    dest: str
    carrier: str
    month: Annotated[int, Range(1, 12)]
    hour: Annotated[int, Range(0, 23)]
    distance: Annotated[float, Range(0, None)]
    wind_speed: float | None
    visib: float | None
    temp: float | None
    delay: float
    late: bool


FLIGHTS = Dataset(
    "flights",
    schema=Flight,
    key="flight_id",
    time="scheduled",
    subject="tailnum",
    buckets=BUCKETS,
)


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Commit and scan each size with each contestant in turn."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours, peers, limit, ratios, notes = {}, {}, {}, {}, []
    for size in sizes:
        with _folder() as folder:
            source = folder / "rows.parquet"
            rows(SIZES[size]).write_parquet(source)
            for verb in ("commit", "scan"):
                contestants = {
                    "ours": _Ours(source, folder, verb),
                    "bare-parquet": _Bare(source, folder, verb),
                    "delta": _Delta(source, folder, verb),
                }
                costs = interleave(contestants, ROUNDS)
                key = f"{size}-{verb}"
                ours[key], limit[key] = costs["ours"], costs["bare-parquet"]
                peers[f"delta/{key}"] = costs["delta"]
                for rival in ("bare-parquet", "delta"):
                    label = "limit" if rival == "bare-parquet" else rival
                    ratios[f"{label}/{key}"] = costs[rival]["wall_s"] / costs["ours"]["wall_s"]
    notes.append("ours validates, buckets by subject, profiles, syncs and logs; the others do not")
    return Result(
        name="commit",
        sizes=list(sizes),
        ours=ours,
        peers=peers,
        limit=limit,
        ratios=ratios,
        growth={
            verb: {size: ours[f"{size}-{verb}"]["wall_s"] for size in sizes}
            for verb in ("commit", "scan")
        },
        notes=notes,
    )


def rows(count: int) -> pl.DataFrame:
    """Return seeded rows with the mix of types and repeats of a table of flights."""
    rng = np.random.default_rng(7)
    numbers = np.arange(count)
    start = int(datetime(2013, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    return pl.DataFrame(
        {
            "flight_id": pl.Series(numbers).cast(pl.String).str.zfill(9),
            "scheduled": pl.Series(start + numbers * 7_000_000).cast(pl.Datetime("us", "UTC")),
            "tailnum": pl.Series(rng.integers(0, 4000, count)).cast(pl.String),
            "origin": pl.Series(rng.choice(PLACES, count)),
            "dest": pl.Series(rng.integers(0, 105, count)).cast(pl.String),
            "carrier": pl.Series(rng.integers(0, 16, count)).cast(pl.String),
            "month": rng.integers(1, 13, count),
            "hour": rng.integers(0, 24, count),
            "distance": rng.integers(80, 5000, count).astype(float),
            "wind_speed": rng.gamma(2, 5, count).round(1),
            "visib": rng.choice([10.0, 9.0, 5.0, 1.0], count),
            "temp": rng.normal(55, 18, count).round(2),
            "delay": rng.normal(5, 40, count).round(),
            "late": rng.random(count) < 0.22,
        }
    )


class _Ours:
    """A fresh home for each commit; the last one's for scans."""

    def __init__(self, source: Path, folder: Path, verb: str) -> None:
        self._rows = pl.read_parquet(source)
        self._home = folder / "ours"
        self._verb = verb

    def __call__(self) -> Cost:
        if self._verb == "commit":
            shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir(exist_ok=True)
        database = open_database(f"sqlite:///{self._home}/towpath.db")
        database.migrate()
        keyring = FileKeyring(self._home / "keys")
        blobs = open_blobs(f"file://{self._home}/blobs")
        store = ParquetDatasetStore(open_ledger(database, keyring), blobs, keyring)
        try:
            if self._verb == "commit":
                return measure(lambda: store.commit(FLIGHTS, self._rows, project="bench"))
            return measure(lambda: store.scan(Ref("dataset", "flights")).collect())
        finally:
            database.close()


class _Bare:
    """One Parquet file, zstd, synced."""

    def __init__(self, source: Path, folder: Path, verb: str) -> None:
        self._rows = pl.read_parquet(source)
        self._path = folder / "bare.parquet"
        self._verb = verb

    def __call__(self) -> Cost:
        if self._verb == "scan":
            return measure(lambda: pl.scan_parquet(self._path).collect())

        def write() -> None:
            self._rows.write_parquet(self._path, compression="zstd", compression_level=3)
            with self._path.open("rb") as file:
                os.fsync(file.fileno())

        return measure(write)


class _Delta:
    """Delta Lake in an environment of its own; it times itself, so its start-up is not counted."""

    def __init__(self, source: Path, folder: Path, verb: str) -> None:
        self._args = (str(source), str(folder / "delta"), verb, str(BUCKETS))

    def __call__(self) -> Cost:
        return Cost(**run_peer("delta_commit.py", ["deltalake", "polars", "pyarrow"], *self._args))


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="towpath-commit-") as folder:
        yield Path(folder)
