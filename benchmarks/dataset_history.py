"""Many versions of one table: how the cost of listing, finding, opening and committing grows.

Ours is a table that is committed to and restored in turn, so that every version is a real operation;
Delta Lake's is a table with as many small appends, checkpointed as it does by default. Each side times
itself, with everything read anew each time but for the open connection that a process keeps.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import structlog

from benchmarks.harness import Result, run_peer
from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.datasets.catalogue import Catalogue
from towpath.assets.datasets.history import LedgerDatasetHistory
from towpath.core.refs import Ref
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from towpath.ledger import Ledger

SIZES = {"100-versions": 100, "1k-versions": 1_000, "10k-versions": 10_000}
ROWS = 10
ROUNDS = 5
_LINE = Ref("dataset", "numbers")


class Number(Schema):
    n: int
    x: float


NUMBERS = Dataset("numbers", schema=Number, key="n")


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Make each history on both sides, and ask both the same."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours: dict[str, dict[str, float]] = {}
    peers: dict[str, dict[str, float]] = {}
    for size in sizes:
        with _folder() as folder:
            ours[size] = _ours(folder, SIZES[size])
            words = (folder / "delta", SIZES[size], ROWS, ROUNDS)
            peers[f"delta/{size}"] = run_peer(
                "delta_history.py",
                ["deltalake", "pyarrow"],
                *(str(word) for word in words),
                timeout_s=3600,
            )
    return Result(
        name="dataset-history",
        sizes=list(sizes),
        ours=ours,
        peers=peers,
        limit={},
        ratios={
            f"delta/{size}-{what}": peers[f"delta/{size}"][what] / seconds
            for size in sizes
            for what, seconds in ours[size].items()
            if what in peers[f"delta/{size}"]
        },
        growth={what: {size: ours[size][what] for size in sizes} for what in ours[sizes[0]]},
        notes=[
            "seconds; medians of five, but for `grow`, which is the whole history",
            "our commit checks rows and keys, profiles, syncs files and logs; Delta's does not sync",
            "half of our history is restored versions, which store no rows; Delta's are all appends",
            "`still-current` is what an erasure or a collection asks before it changes anything",
        ],
    )


def _ours(folder: Path, versions: int) -> dict[str, float]:
    home = folder / "ours"
    home.mkdir()
    database = open_database(f"sqlite:///{home}/towpath.db")
    database.migrate()
    keyring = FileKeyring(home / "keys")
    ledger, blobs = open_ledger(database, keyring), open_blobs(f"file://{home}/blobs")
    store, history = (
        ParquetDatasetStore(ledger, blobs, keyring),
        LedgerDatasetHistory(ledger, blobs),
    )
    began = time.perf_counter()
    store.commit(NUMBERS, rows(0), project="bench")
    for number in range(2, versions + 1):
        if number % 2:
            history.restore(_LINE.at(1))
        else:
            store.commit(NUMBERS, rows(number), project="bench", mode="overwrite")
    grow_s = time.perf_counter() - began
    with ledger.read() as tx:
        seen = Catalogue.read(tx, "numbers")
    middle = history.find(f"numbers@{versions // 2}")
    fresh = iter(range(versions + 1, versions + 1 + ROUNDS))
    try:
        return {
            "list-all": _median_s(lambda: store.versions("numbers")),
            "list-20": _median_s(lambda: _last_20(ledger)),
            "find-latest": _median_s(lambda: history.find("numbers")),
            "find-as-of": _median_s(lambda: history.as_of("numbers", middle.created_at)),
            "open-middle": _median_s(lambda: store.open(middle.ref).polars().head(1).collect()),
            "still-current": _median_s(lambda: _still_current(ledger, seen)),
            "commit": _median_s(
                lambda: store.commit(NUMBERS, rows(next(fresh)), project="bench", mode="overwrite")
            ),
            "grow": grow_s,
        }
    finally:
        database.close()


def rows(number: int) -> pl.DataFrame:
    """Return one small batch."""
    numbers = range(number * ROWS, (number + 1) * ROWS)
    return pl.DataFrame({"n": list(numbers), "x": [float(n) for n in numbers]})


def _last_20(ledger: Ledger) -> None:
    with ledger.read() as tx:
        tx.versions.list("dataset", "numbers", limit=20)


def _still_current(ledger: Ledger, seen: Catalogue) -> None:
    with ledger.read() as tx:
        seen.is_current(tx)


def _median_s(work: Callable[[], object]) -> float:
    took: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="towpath-history-") as folder:
        yield Path(folder)
