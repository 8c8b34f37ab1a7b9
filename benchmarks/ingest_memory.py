"""Ingesting more rows than memory holds, beside bare PyArrow that only writes the same rows again.

Rows are generated into Parquet files (counted in bytes of Arrow in memory), and then taken in whole by
each contestant in a process of its own, whose peak of resident memory is read from the kernel.

Ours runs a declared ingest through a load: every row is fitted and checked against the schema, spread
over 16 subject buckets, sorted, written durably piece by piece, and at the end keys are checked for
repeats over the whole load, every column is profiled over all rows, and the version is recorded. Bare
PyArrow streams the same files into one Parquet file with the same compression, and syncs it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import polars as pl

from benchmarks.harness import Result
from towpath.assets.datasets import Dataset, Range, Schema, Values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GB = 1_000_000_000
SIZES = {"0.1GB": GB // 10, "1GB": GB, "10GB": 10 * GB}
KEYS = ("growing", "random")
LIMIT_BYTES = 1 << 30
ROWS_PER_FILE = 1_000_000
PLACES = ("EWR", "JFK", "LGA")


class Reading(Schema):
    reading_id: str
    at: datetime
    device: str
    place: Annotated[str, Values(*PLACES)]
    status: str
    hour: Annotated[int, Range(0, 23)]
    temperature: float
    humidity: float
    pressure: float | None
    volts: float
    count: int
    alarm: bool


READINGS = Dataset(
    "readings", schema=Reading, key="reading_id", time="at", subject="device", buckets=16
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Generated files: how many rows, and how many bytes they are in memory."""

    rows: int
    arrow_bytes: int


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Take each size in, by keys that grow and by random ones."""
    ours: dict[str, Any] = {}
    limit: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    for size in sizes:
        for keys in KEYS if SIZES[size] < 5 * GB else KEYS[:1]:
            with _folder() as folder:
                made = generate(folder / "in", SIZES[size], keys=keys)
                key = f"{size}-{keys}"
                # The peer goes first, so that what the page cache holds favours nobody but it.
                limit[key] = _figures(made, _child("bare", folder))
                ours[key] = _figures(made, _child("ours", folder))
                ratios[f"limit/{key}-rate"] = ours[key]["rows_per_s"] / limit[key]["rows_per_s"]
                ratios[f"1GiB/{key}-peak"] = LIMIT_BYTES / ours[key]["peak_bytes"]
    growing = [size for size in sizes if f"{size}-growing" in ours]
    return Result(
        name="ingest-memory",
        sizes=list(sizes),
        ours=ours,
        peers={},
        limit=limit,
        ratios=ratios,
        growth={
            figure: {size: ours[f"{size}-growing"][figure] for size in growing}
            for figure in ("peak_bytes", "wall_s", "cpu_s")
        },
        notes=[
            "sizes are bytes of Arrow in memory; files on disk are about a third of that",
            (
                "ours checks, buckets by subject, sorts, profiles, looks for repeated keys over the whole "
                "load, syncs every piece and records it; bare PyArrow decodes and encodes"
            ),
            "peak is the kernel's VmHWM of a process that does nothing else, imports included",
            "10 GB is run with growing keys only; random keys make every key of the load be hashed",
        ],
    )


def generate(folder: Path, arrow_bytes: int, *, keys: str) -> Made:
    """Write files of a million rows until they are as large in memory."""
    folder.mkdir()
    rng = np.random.default_rng(11)
    rows = size = 0
    while size < arrow_bytes:
        frame = _rows(rng, rows, keys=keys)
        left = (arrow_bytes - size) / frame.estimated_size()
        frame = frame.head(max(1, round(frame.height * min(1.0, left))))
        frame.write_parquet(folder / f"part-{rows:012}.parquet", compression="zstd")
        rows += frame.height
        size += int(frame.estimated_size())
    return Made(rows=rows, arrow_bytes=size)


def _rows(rng: np.random.Generator, first: int, *, keys: str) -> pl.DataFrame:
    count = ROWS_PER_FILE
    numbers = np.arange(first, first + count)
    start = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    # Multiplying by an odd number permutes the 64-bit words, so random keys don't repeat either.
    shown = (
        numbers if keys == "growing" else numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    )
    return pl.DataFrame(
        {
            "reading_id": pl.Series(shown).cast(pl.String).str.zfill(20),
            "at": pl.Series(start + numbers * 1_000_000).cast(pl.Datetime("us", "UTC")),
            "device": pl.Series(rng.integers(0, 50_000, count)).cast(pl.String).str.zfill(6),
            "place": pl.Series(rng.choice(PLACES, count)),
            "status": pl.Series(rng.choice(["ok", "late", "lost", "new"], count)),
            "hour": rng.integers(0, 24, count),
            "temperature": rng.normal(15, 8, count).round(2),
            "humidity": rng.uniform(0, 100, count).round(1),
            "pressure": rng.normal(1013, 9, count).round(1),
            "volts": rng.normal(3.3, 0.05, count),
            "count": rng.integers(0, 1000, count),
            "alarm": rng.random(count) < 0.01,
        }
    )


def _figures(made: Made, cost: dict[str, Any]) -> dict[str, Any]:
    return {
        **cost,
        "rows": made.rows,
        "arrow_bytes": made.arrow_bytes,
        "rows_per_s": made.rows / cost["wall_s"],
        "arrow_mb_per_s": made.arrow_bytes / cost["wall_s"] / 1e6,
    }


def _child(contestant: str, folder: Path) -> dict[str, Any]:
    """Run a contestant in a process of its own."""
    script = Path(__file__).parent / "peers" / "ingest_child.py"
    command = [sys.executable, str(script), contestant, str(folder)]
    root = str(Path(__file__).resolve().parents[1])
    environ = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environ)
    if done.returncode:
        raise RuntimeError(f"{contestant} failed: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="towpath-ingest-") as folder:
        yield Path(folder)
