"""A new version of a table with one row in a hundred changed, beside DVC and bare Parquet.

Ours merges the changed rows by key: it finds the stored rows, skips equal ones, corrects the profile,
lays an overlay over the buckets and records the version. DVC is given the changed table as one file,
and hashes and copies it. Reads are compared with Polars on the very files that a version consists of.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import structlog

from benchmarks.harness import Cost, Result, interleave, measure, run_peer
from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.core.refs import Ref
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from towpath.assets.datasets import Mode

SIZES = {"100mb": 1_000_000, "300mb": 3_000_000, "1gb": 10_000_000}
PIECE = 1_000_000
ROUNDS = 3
VERSIONS = 20
APPENDED = 10_000
SUBJECTS = 5_000
NUMBERS = tuple(f"x{place}" for place in range(10))
REF = Ref("dataset", "readings")


class Reading(Schema):
    reading_id: str
    taken: datetime
    meter: str
    site: str
    x0: float
    x1: float
    x2: float
    x3: float
    x4: float
    x5: float
    x6: float
    x7: float
    x8: float
    x9: float


READINGS = Dataset(
    "readings", schema=Reading, key="reading_id", time="taken", subject="meter", buckets=16
)


NOTES = """\
change: 1% of the rows, picked at random, merged by key; stored_bytes: by how much the home's blobs grew
limit/…-stored: the changed rows as one Parquet file against that; what is missing to 1 is bucket \
overhead, 16 footers of 14 columns, and the manifest and the profile of the version
DVC adds the table as one Parquet file, timed inside its process, so without its start-up; it checks no \
keys and no schema, and can't erase a row
scan: Polars on a version beside Polars on the very files of the base; "first" opens the store anew and \
so checks the SHA-256 of every file, the others read what was checked before
grown_per_version: merges of every row of 1% of the subjects, one after another; mean share of the \
base's bytes, merging of layers included; "overlaid" scans the last of them
-cpu: the same ratio of processor seconds, which a busy machine blurs less
append_random_keys: 10,000 new rows whose keys lie all over the range, so that no bound of the key column \
excludes a row group: the key column is read, and nothing else\
""".splitlines()


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Change, read and append to a table of each size."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours, peers, limit = {}, {}, {}
    ratios: dict[str, float] = {}
    for size in sizes:
        with _folder() as folder:
            table = _Table(folder, SIZES[size])
            reads, changes = table.reads("base"), table.changes()
            append, growth = table.appends(), table.grows()
            reads |= table.reads("overlaid")
            compact = table.compacts()
            reads |= table.reads("compacted")
            table.close()
        ours[size] = {
            "change": changes["ours"],
            "stored_bytes": changes["stored_bytes"],
            "append_random_keys": append,
            "grown_per_version": growth,
            "compact_wall_s": compact,
            "scan": {name: costs["ours"]["wall_s"] for name, costs in reads.items()},
            "first_scan_wall_s": reads["base"]["first"]["wall_s"],
        }
        peers[f"dvc/{size}"] = {**changes["dvc"], "stored_bytes": changes["dvc_bytes"]}
        limit[size] = {
            "changed_bytes": changes["changed_bytes"],
            "scan": {name: costs["bare"]["wall_s"] for name, costs in reads.items()},
        }
        ratios |= _compared(f"dvc/{size}-change", changes["dvc"], changes["ours"])
        ratios[f"dvc/{size}-stored"] = changes["dvc_bytes"] / changes["stored_bytes"]
        ratios[f"limit/{size}-stored"] = changes["changed_bytes"] / changes["stored_bytes"]
        for name, costs in reads.items():
            ratios |= _compared(f"limit/{size}-scan-{name}", costs["bare"], costs["ours"])
        base = reads["base"]
        ratios |= _compared(f"limit/{size}-scan-first", base["bare"], base["first"])
    return Result(
        name="dataset-version",
        sizes=list(sizes),
        ours=ours,
        peers=peers,
        limit=limit,
        ratios=ratios,
        growth={
            "change_wall_s": {size: ours[size]["change"]["wall_s"] for size in sizes},
            "append_wall_s": {size: ours[size]["append_random_keys"]["wall_s"] for size in sizes},
            "grown_per_version": {size: ours[size]["grown_per_version"] for size in sizes},
            "scan_wall_s": {size: ours[size]["scan"]["base"] for size in sizes},
        },
        notes=NOTES,
    )


def _compared(name: str, theirs: dict[str, float], ours: dict[str, float]) -> dict[str, float]:
    return {
        name: theirs["wall_s"] / ours["wall_s"],
        f"{name}-cpu": theirs["cpu_s"] / ours["cpu_s"],
    }


def rows(first: int, count: int, *, seed: int = 7) -> pl.DataFrame:
    """Return seeded rows that hardly compress, under keys without order."""
    rng = np.random.default_rng([seed, first])
    numbers = np.arange(first, first + count)
    start = int(datetime(2013, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    return pl.DataFrame(
        {
            # An odd multiplier makes a permutation of the numbers below 2^40.
            "reading_id": pl.Series(numbers * 0x5DEECE66D % (1 << 40))
            .cast(pl.String)
            .str.zfill(13),
            "taken": pl.Series(start + numbers * 3_000_000).cast(pl.Datetime("us", "UTC")),
            "meter": pl.Series(rng.integers(0, SUBJECTS, count)).cast(pl.String).str.zfill(6),
            "site": pl.Series(rng.integers(0, 50, count)).cast(pl.String),
            **{name: rng.normal(size=count) for name in NUMBERS},
        }
    )


def _renumbered(frame: pl.DataFrame, turn: int) -> pl.DataFrame:
    rng = np.random.default_rng([17, turn])
    return frame.with_columns(pl.Series(name, rng.normal(size=frame.height)) for name in NUMBERS)


class _Table:
    """One size's table in a home of its own."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._count = count
        self._turn = 0
        (folder / "home").mkdir()
        self._database = open_database(f"sqlite:///{folder}/home/towpath.db")
        self._database.migrate()
        self._keyring = FileKeyring(folder / "home" / "keys")
        self._ledger = open_ledger(self._database, self._keyring)
        self._store = self._open()
        for first in range(0, count, PIECE):
            self._commit(rows(first, min(PIECE, count - first)))
        base = self._store.files(REF)
        self._base_bytes = sum(file.size_bytes for file in base)
        self._base_paths = [self._path(file.digest) for file in base]

    def reads(self, state: str) -> dict[str, dict[str, dict[str, float]]]:
        """Scan the latest version, and the base's files with Polars alone, in turns."""
        contestants = {
            "ours": lambda: measure(lambda: self._store.scan(REF).collect()),
            "bare": lambda: measure(lambda: self._base().collect()),
        }
        if state == "base":
            contestants["first"] = lambda: measure(lambda: self._open().scan(REF).collect())
        return {state: interleave(contestants, ROUNDS)}

    def changes(self) -> dict[str, Any]:
        """Merge one row in a hundred, and let DVC add the changed table, in turns."""
        stored, needed, dvc_stored = [], [], []
        whole, other = self._folder / "whole.parquet", self._folder / "other.parquet"
        self._write(self._base(), whole)

        def ours() -> Cost:
            self._turn += 1
            rng = np.random.default_rng([11, self._turn])
            picked = np.sort(rng.choice(self._count, self._count // 100, replace=False))
            given = _renumbered(self._base().collect()[picked], self._turn)
            held = self._held()
            cost = measure(lambda: self._commit(given, mode="merge"))
            stored.append(self._held() - held)
            self._write(given.lazy(), self._folder / "given.parquet")
            needed.append((self._folder / "given.parquet").stat().st_size)
            return cost

        def dvc() -> Cost:
            self._write(self._store.scan(REF), other)
            done = run_peer(
                "dvc_add.py", ["dvc"], str(whole), str(other), str(self._folder / "dvc")
            )
            dvc_stored.append(done.pop("stored_bytes"))
            return Cost(**done)

        costs = interleave({"ours": ours, "dvc": dvc}, ROUNDS)
        whole.unlink()
        other.unlink()
        return {
            **costs,
            "stored_bytes": median(stored),
            "changed_bytes": median(needed),
            "dvc_bytes": median(dvc_stored),
        }

    def appends(self) -> dict[str, float]:
        """Append a few rows under keys from all over."""
        firsts = iter(range(self._count, self._count + 10 * PIECE, PIECE))

        def append() -> Cost:
            fresh = rows(next(firsts), APPENDED)
            return measure(lambda: self._commit(fresh))

        return interleave({"ours": append}, ROUNDS)["ours"]

    def grows(self) -> float:
        """Merge every row of some subjects, again and again; return how much the store grows by."""
        held = self._held()
        for _ in range(VERSIONS):
            self._turn += 1
            rng = np.random.default_rng([13, self._turn])
            meters = pl.Series(rng.choice(SUBJECTS, SUBJECTS // 100, replace=False))
            theirs = pl.col("meter").is_in(meters.cast(pl.String).str.zfill(6).implode())
            given = _renumbered(self._base().filter(theirs).collect(), self._turn)
            self._commit(given, mode="merge")
        return (self._held() - held) / VERSIONS / self._base_bytes

    def compacts(self) -> float:
        """Compact, and return how long it took."""
        return measure(lambda: self._store.compact("readings")).wall_s

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _base(self) -> pl.LazyFrame:
        return pl.scan_parquet(self._base_paths)

    def _commit(self, frame: pl.DataFrame, *, mode: Mode = "append") -> None:
        self._store.commit(READINGS, frame, project="bench", mode=mode)

    def _open(self) -> ParquetDatasetStore:
        blobs = open_blobs(f"file://{self._folder}/home/blobs")
        return ParquetDatasetStore(self._ledger, blobs, self._keyring)

    def _held(self) -> int:
        blobs = self._folder / "home" / "blobs"
        return sum(path.stat().st_size for path in blobs.rglob("*") if path.is_file())

    def _path(self, digest: str) -> Path:
        return self._folder / "home" / "blobs" / "sha256" / digest[:2] / digest

    def _write(self, frame: pl.LazyFrame, path: Path) -> None:
        frame.sink_parquet(path, compression="zstd", compression_level=3)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="towpath-version-") as folder:
        yield Path(folder)
