"""Point-in-time join of 100,000 entity rows with three feature views of a million rows, 20 features.

Beside it, on the same rows: Feast's DuckDB offline store (the peer, and the answer that ours must be
row for row), ASOF joins of DuckDB and Polars over the same Parquet files, and the limit: one bare
`searchsorted` over arrays that already lie sorted by (key, time) in memory-mapped Arrow files.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import structlog

from benchmarks.harness import Cost, Result, interleave, measure, run_peer
from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.features import FeatureService, FeatureView, LayoutFeatureStore
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

ENTITY_ROWS = 100_000
VIEWS = {
    "trips": tuple(f"trips_{n}" for n in range(7)),
    "ratings": tuple(f"ratings_{n}" for n in range(7)),
    "payments": tuple(f"payments_{n}" for n in range(6)),
}
TTL = timedelta(days=2)
START_S = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
SPAN_S = 30 * 86_400
ROUNDS = 5
FEAST = ["feast[duckdb]==0.67.*"]
_CODE_BITS = 42  # 50,000 keys and 30 days of microseconds fit in 63 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the views are, and how often the slow peer is run."""

    rows: int
    keys: int
    feast_rounds: int = 3


SIZES = {
    "100k-rows-5k-keys": Size(rows=100_000, keys=5_000),
    "300k-rows-15k-keys": Size(rows=300_000, keys=15_000),
    "1m-rows-50k-keys": Size(rows=1_000_000, keys=50_000),
    "1m-rows-1k-keys": Size(rows=1_000_000, keys=1_000, feast_rounds=1),
}


def _schema(name: str) -> type[Schema]:
    columns: dict[str, Any] = {
        "row": int,
        "driver": int,
        "event_timestamp": datetime,
        "created": datetime,
    }
    columns |= dict.fromkeys(VIEWS[name], float)
    return type(name.capitalize(), (Schema,), {"__annotations__": columns})


DATASETS = {
    name: Dataset(name, schema=_schema(name), key="row", time="event_timestamp") for name in VIEWS
}
SERVICE = FeatureService(
    "driver-stats",
    views=[
        FeatureView(
            f"{name}-view",
            source=source,
            entity="driver",
            time="event_timestamp",
            created="created",
            ttl=TTL,
            features=VIEWS[name],
        )
        for name, source in DATASETS.items()
    ],
)


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Join at each size with each contestant in turn."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours: dict[str, Any] = {}
    peers: dict[str, Any] = {}
    limit: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    notes: list[str] = []
    for key in sizes:
        with _folder() as folder:
            generate(folder, SIZES[key])
            with _home(folder) as store:
                build = measure(lambda store=store: _build(store))
                costs = interleave(_contestants(store, folder), ROUNDS)
                feast = run_peer("feast_pit_join.py", FEAST, str(folder), _rounds(SIZES[key]))
                notes.append(f"{key}: {_compare(store, folder)}")
            cold = _fresh_process(folder)
        ours[key] = {**costs["ours"], "known": costs["ours-known"], "build": vars_of(build)} | cold
        limit[key] = costs["searchsorted"]
        wall_s = min(one["wall_s"] for one in feast["rounds"])
        cpu_s = min(one["cpu_s"] for one in feast["rounds"])
        peers[f"feast-duckdb/{key}"] = {
            "wall_s": wall_s,
            "cpu_s": cpu_s,
            "peak_gb": feast["peak_gb"],
        }
        ratios[f"feast-duckdb/{key}"] = wall_s / costs["ours"]["wall_s"]
        ratios[f"feast-duckdb/{key}-cpu"] = cpu_s / costs["ours"]["cpu_s"]
        ratios[f"limit/{key}-cpu"] = costs["searchsorted"]["cpu_s"] / costs["ours"]["cpu_s"]
        ratios[f"feast-duckdb/{key}-memory"] = feast["peak_gb"] / cold["peak_gb"]
        for rival in ("duckdb-asof", "polars-asof"):
            peers[f"{rival}/{key}"] = costs[rival]
            ratios[f"{rival}/{key}"] = costs[rival]["wall_s"] / costs["ours"]["wall_s"]
        ratios[f"limit/{key}"] = costs["searchsorted"]["wall_s"] / costs["ours"]["wall_s"]
        ratios[f"limit/{key}-first-in-process"] = costs["searchsorted"]["wall_s"] / cold["first_s"]
    return Result(
        name="pit-join",
        sizes=list(sizes),
        ours=ours,
        peers=peers,
        limit=limit,
        ratios=ratios,
        growth={key: ours[key]["wall_s"] for key in sizes},
        notes=[*NOTES, *notes],
    )


NOTES = [
    "ours reads layouts, made once per version of the sources (`build`)",
    "Feast and the ASOF joins read Parquet each time, having nothing else to read",
    "searchsorted finds one sorted code of key and time: no `created`, no names, no ledger",
    "`first_s`: the first join of a fresh process also hashes every file, to know its bytes",
    "Feast's rounds run in a process of their own, and the best one counts",
    "ours and Feast's answers are compared cell by cell, and a difference fails the run",
]


def generate(folder: Path, size: Size) -> None:
    """Write three views and the rows that ask; every tenth observation corrects an earlier one."""
    rng = np.random.default_rng(7)
    for name, features in VIEWS.items():
        observations(rng, size, features).write_parquet(folder / f"{name}.parquet")
    asked_s = START_S + rng.integers(0, SPAN_S, ENTITY_ROWS)
    rows = pl.DataFrame(
        {
            "driver": rng.integers(0, size.keys, ENTITY_ROWS),
            "event_timestamp": _times(asked_s),
            "request": np.arange(ENTITY_ROWS),
        }
    )
    rows.write_parquet(folder / "rows.parquet")
    told = {"views": VIEWS, "ttl_s": TTL.total_seconds()}
    (folder / "views.json").write_text(json.dumps(told))


def observations(rng: np.random.Generator, size: Size, features: Sequence[str]) -> pl.DataFrame:
    """Return one view's rows: no two of the same key and time were created at the same moment."""
    fresh = size.rows - size.rows // 10
    keys, seconds = rng.integers(0, size.keys, fresh), rng.integers(0, SPAN_S, fresh)
    again = rng.choice(fresh, size.rows - fresh, replace=False)
    keys = np.concatenate([keys, keys[again]])
    seconds = START_S + np.concatenate([seconds, seconds[again]])
    late_s = np.concatenate(
        [rng.integers(0, 3600, fresh), rng.integers(3600, 86_400, size.rows - fresh)]
    )
    rows = pl.DataFrame(
        {
            "row": np.arange(size.rows),
            "driver": keys,
            "event_timestamp": _times(seconds),
            "created": _times(seconds + late_s),
            **{name: rng.normal(size=size.rows).round(6) for name in features},
        }
    )
    return rows.unique(["driver", "event_timestamp", "created"], keep="first", maintain_order=True)


def _times(seconds: NDArray[np.int64]) -> pl.Series:
    return pl.Series(seconds * 1_000_000).cast(pl.Datetime("us", "UTC"))


def _build(store: LayoutFeatureStore) -> None:
    for lookup in SERVICE.lookups:
        store.build(lookup.view, project="bench")


def _join(store: LayoutFeatureStore, folder: Path, mode: Any) -> pl.DataFrame:
    rows = pl.read_parquet(folder / "rows.parquet")
    return store.join(rows, SERVICE, time="event_timestamp", mode=mode)


def _contestants(store: LayoutFeatureStore, folder: Path) -> dict[str, Callable[[], Cost]]:
    bare = Searchsorted(folder)
    return {
        "ours": lambda: measure(lambda: _join(store, folder, "event")),
        "ours-known": lambda: measure(lambda: _join(store, folder, "known")),
        "searchsorted": lambda: measure(bare),
        "duckdb-asof": lambda: measure(lambda: duckdb_asof(folder)),
        "polars-asof": lambda: measure(lambda: polars_asof(folder)),
    }


class Searchsorted:
    """The limit: the arrays lie sorted in memory-mapped files, with the search key in one column."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name, features in VIEWS.items():
            rows = pl.read_parquet(folder / f"{name}.parquet").sort(
                "driver", "event_timestamp", "created"
            )
            stored = rows.select(
                _code("driver", "event_timestamp"), "driver", _micros("event_timestamp"), *features
            ).to_arrow()
            with (
                pa.OSFile(str(self._path(name)), "wb") as file,
                pa.ipc.new_file(file, stored.schema) as writer,
            ):
                writer.write_table(stored.combine_chunks())

    def __call__(self) -> pl.DataFrame:
        rows = pl.read_parquet(self._folder / "rows.parquet")
        asked = rows.select(_code("driver", "event_timestamp")).to_series().to_numpy()
        drivers = rows["driver"].to_numpy()
        moments = rows.select(_micros("event_timestamp")).to_series().to_numpy()
        columns: list[pl.Series] = []
        for name, features in VIEWS.items():
            with pa.memory_map(str(self._path(name))) as file:
                stored = pa.ipc.open_file(file).read_all()
            at = np.searchsorted(stored["code"].chunk(0).to_numpy(), asked, side="right") - 1
            place = np.maximum(at, 0)
            hit = (at >= 0) & (stored["driver"].chunk(0).to_numpy()[place] == drivers)
            seen = stored["event_timestamp"].chunk(0).to_numpy()[place]
            hit &= moments - seen <= TTL // timedelta(microseconds=1)
            mask = ~hit
            columns += [
                pl.Series(feature, pa.array(stored[feature].chunk(0).to_numpy()[place], mask=mask))
                for feature in features
            ]
        return rows.with_columns(columns)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.sorted.arrow"


def _code(key: str, time: str) -> pl.Expr:
    return (pl.col(key) * (1 << _CODE_BITS) + _micros(time) - START_S * 1_000_000).alias("code")


def _micros(time: str) -> pl.Expr:
    return pl.col(time).dt.timestamp("us")


def duckdb_asof(folder: Path) -> pl.DataFrame:
    """Join with DuckDB's ASOF join over the Parquet files, the largest `created` first picked out."""
    joins, picked = "", "r.*"
    for name, features in VIEWS.items():
        seen = (
            f"SELECT * FROM '{folder / name}.parquet' QUALIFY row_number() OVER "
            "(PARTITION BY driver, event_timestamp ORDER BY created DESC) = 1"
        )
        joins += (
            f" ASOF LEFT JOIN ({seen}) {name} ON r.driver = {name}.driver"
            f" AND r.event_timestamp >= {name}.event_timestamp"
        )
        lives = f"r.event_timestamp <= {name}.event_timestamp + INTERVAL 2 DAY"
        picked += "".join(f", CASE WHEN {lives} THEN {name}.{one} END AS {one}" for one in features)
    query = f"SELECT {picked} FROM '{folder}/rows.parquet' r {joins}"
    with duckdb.connect() as connection:
        return connection.sql(query).pl()


def polars_asof(folder: Path) -> pl.DataFrame:
    """Join with Polars' `join_asof` over the Parquet files."""
    rows = pl.read_parquet(folder / "rows.parquet").sort("event_timestamp")
    for name, features in VIEWS.items():
        seen = (
            pl.read_parquet(folder / f"{name}.parquet")
            .sort("event_timestamp", "created")
            .select("driver", "event_timestamp", *features)
            .unique(["driver", "event_timestamp"], keep="last", maintain_order=True)
        )
        rows = rows.join_asof(
            seen, on="event_timestamp", by="driver", tolerance=TTL, check_sortedness=False
        )
    return rows


def _compare(store: LayoutFeatureStore, folder: Path) -> str:
    """Check ours against Feast, cell by cell; raise if any differs."""
    names = list(SERVICE.features)
    mine = _join(store, folder, "event").sort("request")
    theirs = pl.read_parquet(folder / "feast.parquet").sort("request")
    if mine.height != theirs.height:
        raise AssertionError(f"Feast returned {theirs.height} rows for {mine.height}")
    if not mine.select(names).equals(theirs.select(names)):
        raise AssertionError("ours and Feast's answers differ")
    filled = mine.select(names).height * len(names) - sum(mine.select(names).null_count().row(0))
    late = _join(store, folder, "known").sort("request")
    same = mine.select(names) == late.select(names)
    differs = (
        mine.height - same.select(pl.all_horizontal(pl.all().fill_null(value=True))).sum().item()
    )
    return (
        f"equal to Feast's in all {mine.height * len(names)} cells ({filled} not null); in "
        f"{differs} rows Feast uses what was not known yet"
    )


def _fresh_process(folder: Path) -> dict[str, float]:
    """Join twice in a process of its own: what the first costs, and how much memory it takes."""
    command = [sys.executable, "-m", "benchmarks.pit_join", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _first_join(folder: Path) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with _home(folder, fill=False) as store:
        began = time.perf_counter()
        _join(store, folder, "event")
        first_s = time.perf_counter() - began
    print(json.dumps({"first_s": first_s, "peak_gb": peak_gb()}))


def peak_gb() -> float:
    """Return the most memory this process has held, mapped files included."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / (1 << 20)


def vars_of(cost: Cost) -> dict[str, float]:
    """Return a cost as a result holds it."""
    return {"wall_s": cost.wall_s, "cpu_s": cost.cpu_s}


def _rounds(size: Size) -> str:
    return str(size.feast_rounds)


@contextmanager
def _home(folder: Path, *, fill: bool = True) -> Iterator[LayoutFeatureStore]:
    database = open_database(f"sqlite:///{folder}/towpath.db")
    database.migrate()
    keyring = FileKeyring(folder / "keys")
    blobs = open_blobs(f"file://{folder}/blobs")
    ledger = open_ledger(database, keyring)
    if fill:
        datasets = ParquetDatasetStore(ledger, blobs, keyring)
        for name, source in DATASETS.items():
            datasets.commit(source, pl.read_parquet(folder / f"{name}.parquet"), project="bench")
    try:
        yield LayoutFeatureStore(ledger, blobs)
    finally:
        database.close()


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="towpath-pit-join-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    _first_join(Path(sys.argv[1]))
