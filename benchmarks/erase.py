"""One person, and a hundred, out of all twenty versions of a table, beside rewriting by hand and Delta.

Twenty versions share their files: a base, 1% appends, and 1% of the rows changed at random. An erasure is
measured whole: every version gets its next revision, old bytes are deleted, and every stored byte is read
again to see that nothing of them is left. Then each version is read and compared, row by row, with
what it was before without them.

Beside it: the naive way (each version written out as files of its own, each rewritten with PyArrow and
searched), and Delta Lake (restore each version, delete, then vacuum), which are given the same versions.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import structlog

from benchmarks.dataset_version import READINGS
from benchmarks.dataset_version import rows as readings
from benchmarks.harness import Result, measure, run_peer
from towpath.assets.datasets import ParquetDatasetStore
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
from towpath.trace.erasure import HomeScanner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SIZES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
VERSIONS = 20
MANY = 100
ROUNDS = 3
NOTES = """\
CPU seconds, medians of three erasures of other people in the same home, one after another; the \
verification is part of them and stated apart as well
rows: ten numbers that don't compress, a key, a time, a person of 5,000, a site; 16 buckets
naive: PyArrow reads, filters and writes each version's own copy, then reads it again; its versions share \
nothing, so it stores twenty tables
delta: restore, delete, for each version, then vacuum without retention: the versions before can't be read \
any more, so what it stores at the end is compared with nothing; it verifies nothing
limit: Polars reads, filters and writes the distinct files that hold the person, and does nothing else
stored_bytes are the home's blobs; a run in which they grow by an erasure, or a version is not what it was \
without the erased, fails\
""".splitlines()


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Build the versions at each size, and erase from all of them."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours: dict[str, Any] = {}
    peers: dict[str, Any] = {}
    limit: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    for size in sizes:
        with folder() as place:
            table = Table(place / "home", SIZES[size])
            table.grow(VERSIONS)
            theirs = table.export(place / "versions")
            limit[size] = table.bare(table.pick(1, turn=ROUNDS + 9))
            one = [table.erase(table.pick(1, turn=turn)) for turn in range(ROUNDS)]
            many = table.erase(table.pick(MANY, turn=ROUNDS))
            table.close()
            subjects = ",".join(table.pick(1, turn=0))
            for name, packages in (("naive", ["pyarrow"]), ("delta", ["deltalake", "pyarrow"])):
                peers[f"{name}/{size}"] = run_peer(
                    f"{name}_erase.py", packages, str(theirs), str(place / name), subjects
                )
                shutil.rmtree(place / name, ignore_errors=True)
        ours[size] = {"one": _median(one), "hundred": many}
        ratios[f"hundred-over-one/{size}"] = many["cpu_s"] / ours[size]["one"]["cpu_s"]
        for name in ("naive", "delta"):
            peer = peers[f"{name}/{size}"]
            ratios[f"{name}/{size}-one-cpu"] = peer["cpu_s"] / ours[size]["one"]["cpu_s"]
            if name == "naive":
                ratios[f"naive/{size}-stored"] = peer["stored_bytes"] / many["stored_bytes"]
        ratios[f"limit/{size}-one-cpu"] = limit[size]["cpu_s"] / ours[size]["one"]["cpu_s"]
    return Result(
        name="erase",
        sizes=list(sizes),
        ours=ours,
        peers=peers,
        limit=limit,
        ratios=ratios,
        growth={
            what: {size: ours[size][what]["cpu_s"] for size in sizes} for what in ("one", "hundred")
        },
        notes=NOTES,
    )


def rows(first: int, count: int) -> pl.DataFrame:
    """Return readings of people whose names nothing else in a home can be mistaken for."""
    named = pl.concat_str(pl.lit("meter-"), "meter")
    return readings(first, count).with_columns(meter=named)


class Table:
    """A table and its versions, in a home of its own.

    Args:
        home: The folder.
        count: How many rows the base has.
    """

    def __init__(self, home: Path, count: int) -> None:
        self._count = count
        home.mkdir()
        self._home = home
        self._database = open_database(f"sqlite:///{home}/towpath.db")
        self._database.migrate()
        self._keyring = FileKeyring(home / "keys")
        self._ledger = open_ledger(self._database, self._keyring)
        self._blobs = open_blobs(f"file://{home}/blobs")
        self.store = ParquetDatasetStore(self._ledger, self._blobs, self._keyring)
        self._base = rows(0, count)
        self._next = count

    def grow(self, versions: int) -> None:
        """Commit the base, then two appends for each change of rows."""
        self.store.commit(READINGS, self._base, project="bench")
        for number in range(1, versions):
            few = max(1, self._count // 100)
            if number % 3:
                given, mode = rows(self._next, few), "append"
                self._next += few
            else:
                rng = np.random.default_rng([11, number])
                picked = np.sort(rng.choice(self._count, few, replace=False))
                given = self._base[picked].with_columns(x0=pl.Series(rng.normal(size=few)))
                mode = "merge"
            self.store.commit(READINGS, given, project="bench", mode=mode)

    def pick(self, count: int, *, turn: int) -> list[str]:
        """Return people of this turn; nobody is picked in two."""
        return [f"meter-{turn * 211 + place * 17 + 1:06}" for place in range(count)]

    def erase(self, subjects: Sequence[str]) -> dict[str, Any]:
        """Erase, verify, and compare every version; return what it cost."""
        before = self.versions()
        held = self.stored_bytes()
        erasing = measure(lambda: self.store.erase_all(subjects, "readings"))
        found: list[Any] = []
        scanner = HomeScanner(self._home / "blobs")
        reading = measure(lambda: found.append(scanner.scan(*subjects)))
        if found[0].residue:
            raise RuntimeError(f"found after the erasure: {found[0].residue}")
        stored = self.stored_bytes()
        if stored > held:
            raise RuntimeError(f"{held} bytes became {stored}")
        for old, new in zip(before, self.versions(), strict=True):
            if not new.equals(old.filter(~pl.col("meter").is_in(subjects))):
                raise RuntimeError("a version is not what it was without them")
        return {
            "cpu_s": erasing.cpu_s + reading.cpu_s,
            "wall_s": erasing.wall_s + reading.wall_s,
            "verifying_cpu_s": reading.cpu_s,
            "stored_bytes": stored,
            "stored_bytes_before": held,
        }

    def bare(self, subjects: Sequence[str]) -> dict[str, float]:
        """Rewrite the distinct files that hold the people with plain libraries, thrown away."""
        names = {
            file.digest
            for version in self.store.versions("readings")
            for file in self.store.files(version.ref)
        }
        paths = [self._home / "blobs" / "sha256" / name[:2] / name for name in sorted(names)]
        theirs = pl.col("meter").is_in(list(subjects))
        held = [path for path in paths if pl.scan_parquet(path).filter(theirs).collect().height]
        with tempfile.TemporaryDirectory() as scratch:

            def rewrite() -> None:
                for path in held:
                    left = pl.read_parquet(path).filter(~theirs)
                    left.write_parquet(Path(scratch) / path.name, compression_level=3)

            cost = measure(rewrite)
        return {"cpu_s": cost.cpu_s, "wall_s": cost.wall_s, "files": len(held)}

    def versions(self) -> list[pl.DataFrame]:
        """Read every version, in the order of its keys."""
        refs = [version.ref for version in self.store.versions("readings")]
        return [self.store.scan(ref).collect().sort("reading_id") for ref in refs]

    def export(self, target: Path) -> Path:
        """Write every version as one Parquet file, for those who know no versions of ours."""
        target.mkdir()
        for version in self.store.versions("readings"):
            path = target / f"{version.ref.version:03}.parquet"
            self.store.scan(version.ref).sink_parquet(path, compression_level=3)
        return target

    def stored_bytes(self) -> int:
        """Return what the blobs take."""
        files = (path for path in (self._home / "blobs").rglob("*") if path.is_file())
        return sum(path.stat().st_size for path in files)

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def _median(costs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return sorted(costs, key=lambda cost: cost["cpu_s"])[len(costs) // 2]


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="towpath-erase-") as place:
        yield Path(place)


if __name__ == "__main__":
    from benchmarks.__main__ import readable

    sys.stdout.write(readable(run(sys.argv[1:] or tuple(SIZES))) + "\n")
