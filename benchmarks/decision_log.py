"""The decision log: appending, compacting and reading, beside the disk itself and what people use instead.

Appending is one decision a request: `ack` waits for the disk, with as many requests in flight as the
size says, `relaxed` does not. The limit is a bare `write` and `fdatasync` of the same bytes in the same
groups; peers are a row per decision in SQLite (WAL, synchronous=FULL, one transaction per group), and
JSON lines through Python's logging, which flushes but never syncs.

Reading is over logs of three sizes, a hundred thousand decisions a day: one decision by its id, one day
with three columns, all decisions of one subject: of one that comes twice a day, so that every file has
rows about it, and of one that came once or so in all. The peer is SQLite with an index for each. The limit
of compaction is PyArrow writing the same rows, which are columns already, into one file.
"""

from __future__ import annotations

import io
import json
import logging
import os
import resource
import sqlite3
import statistics
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import structlog

from benchmarks.harness import Result, interleave, measure
from towpath.ledger import open_ledger
from towpath.operate.decisions import (
    Compactor,
    Decision,
    DecisionFilter,
    DecisionIds,
    SegmentDecisionLog,
    SegmentDirectory,
    SegmentWriter,
    encode_frame,
)
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.harness import Cost

SIZES = {"100k": 100_000, "1m": 1_000_000, "3m": 3_000_000}
IN_FLIGHT = {"c1": 1, "c8": 8, "c64": 64}
APPENDED = 6_400
ROUNDS = 3
PER_DAY = 100_000
USUAL, RARE = 50_000, 1_000_000
LOOK_UPS = 30
BATCH = 50_000
START = datetime(2013, 1, 1, tzinfo=UTC)
CARRIERS = ("AA", "B6", "DL", "EV", "UA", "US", "WN")


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Append with each contestant in turn, then grow a log of each size and read it."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours: dict[str, Any] = {}
    peers: dict[str, Any] = {}
    limit: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    for name, in_flight in IN_FLIGHT.items():
        with _folder() as folder:
            _append(folder, name, in_flight, ours=ours, peers=peers, limit=limit, ratios=ratios)
    growth: dict[str, dict[str, float]] = {}
    for size in sizes:
        with _folder() as folder:
            mine, theirs, bare = _read(folder, SIZES[size])
        ours[size], peers[f"sqlite/{size}"], limit[f"bare-pyarrow/{size}"] = mine, theirs, bare
        for what, value in mine.items():
            growth.setdefault(what, {})[size] = value
            if what in theirs:
                ratios[f"sqlite/{size}-{what}"] = theirs[what] / value
            if what in bare:
                ratios[f"limit/{size}-{what}"] = bare[what] / value
    return Result(
        name="decision-log",
        sizes=[*IN_FLIGHT, *sizes],
        ours=ours,
        peers=peers,
        limit=limit,
        ratios=ratios,
        growth=growth,
        notes=[
            "us_each is wall time per decision, cpu_us_each processor time, all threads of the process",
            "ours encodes and checksums each decision; the bare write is given its bytes",
            "JSON lines are in the kernel's hands after a write and not on disk: compare with relaxed",
            "ours may be erased by subject, joined and compacted; a row of SQLite is JSON with 3 columns",
            "compaction reads checksummed records into columns, cuts, sorts, digests, stores and lists",
        ],
    )


def decisions_of(ids: DecisionIds, at_us: Sequence[int], *, first: int = 0) -> list[Decision]:
    """Return decisions of a service with seven inputs; the values vary as flights' do.

    Most subjects come twice a day; one decision in twenty is about somebody who is hardly ever seen.
    """
    count = len(at_us)
    dice = np.random.default_rng(first)
    usual = dice.random(count) < 0.95
    whom = np.where(usual, dice.integers(0, USUAL, count), dice.integers(USUAL, RARE, count))
    drawn = {
        "recorded": (np.array(at_us) + dice.integers(200, 900, count)).tolist(),
        "arm": dice.choice(["champion", "challenger"], count, p=[0.9, 0.1]).tolist(),
        "whom": whom.tolist(),
        "latency": (80 * dice.lognormal(0, 0.3, count)).astype(int).tolist(),
        "late": dice.random(count).tolist(),
    }
    inputs = {
        "distance": dice.integers(80, 5000, count).astype(float).tolist(),
        "carrier": dice.choice(CARRIERS, count).tolist(),
        "hour": dice.integers(0, 24, count).tolist(),
        "wind_speed": dice.gamma(2, 5, count).round(1).tolist(),
        "visib": dice.choice(np.array([10.0, 9.0, 5.0, None]), count).tolist(),
        "temp": dice.normal(55, 18, count).round(2).tolist(),
        "origin": dice.choice(["EWR", "JFK", "LGA"], count).tolist(),
    }
    rows = zip(*inputs.values(), strict=True)
    return [
        Decision(
            decision_id=name,
            at_us=at_us[place],
            recorded_us=drawn["recorded"][place],
            service="delay-board",
            release="release:production@4",
            model="model:late@4",
            arm=drawn["arm"][place],
            key=f"flight-{first + place}",
            subject=_subject(drawn["whom"][place]),
            inputs=dict(zip(inputs, row, strict=True)),
            outputs={"late": drawn["late"][place]},
            latency_us=drawn["latency"][place],
        )
        for place, (name, row) in enumerate(zip(ids.take(count), rows, strict=True))
    ]


def _subject(number: int) -> str:
    return f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"


def _append(
    folder: Path,
    name: str,
    in_flight: int,
    *,
    ours: dict[str, Any],
    peers: dict[str, Any],
    limit: dict[str, Any],
    ratios: dict[str, float],
) -> None:
    ids = DecisionIds()
    decisions = decisions_of(ids, [1_362_096_000_000_000 + n for n in range(APPENDED)])
    groups = [decisions[start : start + in_flight] for start in range(0, APPENDED, in_flight)]
    if in_flight == 1:
        groups = groups[: APPENDED // 8]
    count = sum(map(len, groups))
    costs = interleave(
        {
            "ack": lambda: _ours(folder / "ours", groups, urgent=True),
            "relaxed": lambda: _ours(folder / "ours", groups, urgent=False),
            "bare": lambda: _bare(folder / "bare", groups),
            "sqlite": lambda: _sqlite(folder / "rows.db", groups),
            "json-lines": lambda: _json_lines(folder / "lines.jsonl", groups),
        },
        ROUNDS,
    )
    each = {
        contestant: {
            "us_each": cost["wall_s"] / count * 1e6,
            "cpu_us_each": cost["cpu_s"] / count * 1e6,
        }
        for contestant, cost in costs.items()
    }
    ours[f"ack-{name}"], ours[f"relaxed-{name}"] = each["ack"], each["relaxed"]
    limit[f"fdatasync-{name}"] = each["bare"]
    peers[f"sqlite/{name}"], peers[f"json-lines/{name}"] = each["sqlite"], each["json-lines"]
    for rival, mine in (("bare", "ack"), ("sqlite", "ack"), ("json-lines", "relaxed")):
        label = "limit" if rival == "bare" else rival
        for what in ("us_each", "cpu_us_each"):
            ratios[f"{label}/{mine}-{name}-{what}"] = each[rival][what] / each[mine][what]


def _ours(folder: Path, groups: Sequence[Sequence[Decision]], *, urgent: bool) -> Cost:
    writer = SegmentWriter(SegmentDirectory(folder))

    def work() -> None:
        for group in groups:
            for one in group:
                done = writer.append(encode_frame(one), urgent=urgent)
            if urgent:
                done.result()
        writer.flush()

    cost = measure(work)
    writer.close()
    return cost


def _bare(path: Path, groups: Sequence[Sequence[Decision]]) -> Cost:
    data = [b"".join(map(encode_frame, group)) for group in groups]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def work() -> None:
        for group in data:
            os.write(descriptor, group)
            os.fdatasync(descriptor)

    try:
        return measure(work)
    finally:
        os.close(descriptor)


def _sqlite(path: Path, groups: Sequence[Sequence[Decision]]) -> Cost:
    connection = _table(path)

    def work() -> None:
        for group in groups:
            with connection:
                connection.executemany(_INSERT, map(_row, group))

    try:
        return measure(work)
    finally:
        connection.close()


def _json_lines(path: Path, groups: Sequence[Sequence[Decision]]) -> Cost:
    handler = logging.FileHandler(path, mode="w")
    logger = logging.getLogger("decisions")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False

    def work() -> None:
        for group in groups:
            for one in group:
                logger.info(json.dumps(_fields(one)))

    try:
        return measure(work)
    finally:
        logger.removeHandler(handler)
        handler.close()


_INSERT = "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?)"


def _table(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS decisions (id TEXT PRIMARY KEY, at INTEGER, subject TEXT, body TEXT)"
    )
    for column in ("at", "subject"):
        connection.execute(f"CREATE INDEX IF NOT EXISTS by_{column} ON decisions ({column})")
    return connection


def _row(one: Decision) -> tuple[object, ...]:
    return one.decision_id, one.at_us, one.subject, json.dumps(_fields(one))


def _fields(one: Decision) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def _read(folder: Path, count: int) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Grow a log and a table of `count` decisions; return our figures, SQLite's and PyArrow's."""
    database = open_database(f"sqlite:///{folder}/towpath.db")
    database.migrate()
    ledger = open_ledger(database, FileKeyring(folder / "keys"))
    blobs = open_blobs(f"file://{folder}/blobs")
    path = folder / "decisions"
    compactor = Compactor(ledger, blobs, path)
    table = _table(folder / "rows.db")
    ids, compacting_s, rewriting = DecisionIds(), 0.0, 0.0
    usual = frozenset(map(_subject, range(USUAL)))
    asked: list[Decision] = []
    rarely: list[Decision] = []
    for start in range(0, count, BATCH):
        moments = [_moment(n) for n in range(start, min(start + BATCH, count))]
        batch = decisions_of(ids, moments, first=start)
        for one in batch[:: max(1, count // LOOK_UPS // 10)]:
            mine = asked if one.subject in usual else rarely
            mine.append(one)
        _write(path, batch)
        with table:
            table.executemany(_INSERT, map(_row, batch))
        done = measure(compactor.compact)
        compacting_s, rewriting = compacting_s + done.cpu_s, rewriting + done.wall_s
    log = SegmentDecisionLog(ledger, blobs, path)
    log.count()
    day = START + timedelta(days=(count - 1) // PER_DAY)
    window = (_us(day), _us(day + timedelta(days=1)))
    columns = ["at", "model", "output.late"]
    asked_about = {"usual": asked[:10], "rare": rarely[:10]}
    with ledger.read() as tx:
        files = tx.segments.list()
    mine = {
        "compaction_cpu_us_each": compacting_s / count * 1e6,
        "compaction_us_each": rewriting / count * 1e6,
        "bytes_each": sum(one.size_bytes for one in files) / count,
        "files": float(len(files)),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "look_up_ms": _median_ms(lambda one: log.find(one.decision_id), asked[::10]),
        "day_ms": _median_ms(
            lambda _: log.scan("delay-board", since=day, columns=columns).collect(), asked[:5]
        ),
        **{
            f"{how}_subject_ms": _median_ms(
                lambda one: log.scan(
                    "delay-board", where=DecisionFilter(subject=one.subject), columns=columns
                ).collect(),
                some,
            )
            for how, some in asked_about.items()
        },
        "page_ms": _median_ms(lambda _: log.page("delay-board", limit=100), asked[:10]),
    }
    theirs = {
        "bytes_each": (folder / "rows.db").stat().st_size / count,
        "look_up_ms": _median_ms(lambda one: _rows(table, "id = ?", one.decision_id), asked[::10]),
        "day_ms": _median_ms(lambda _: _rows(table, "at >= ? AND at < ?", *window), asked[:3]),
        **{
            f"{how}_subject_ms": _median_ms(
                lambda one: _rows(table, "subject = ?", str(one.subject)), some
            )
            for how, some in asked_about.items()
        },
    }
    part = log.scan("delay-board", since=day).collect().to_arrow()
    buffer = io.BytesIO()
    bare = measure(lambda: pq.write_table(part, buffer, compression="zstd", compression_level=3))
    limit = {
        "compaction_cpu_us_each": bare.cpu_s / part.num_rows * 1e6,
        "bytes_each": buffer.tell() / part.num_rows,
    }
    table.close()
    database.close()
    return mine, theirs, limit


def _moment(number: int) -> int:
    return _us(START) + number * (86_400_000_000 // PER_DAY)


def _us(when: datetime) -> int:
    return int(when.timestamp()) * 1_000_000


def _write(path: Path, decisions: Sequence[Decision]) -> None:
    writer = SegmentWriter(SegmentDirectory(path))
    for start in range(0, len(decisions), 1000):
        writer.append(b"".join(map(encode_frame, decisions[start : start + 1000])), urgent=False)
    writer.close()


def _rows(table: sqlite3.Connection, condition: str, *values: object) -> list[Any]:
    query = f"SELECT body FROM decisions WHERE {condition}"
    return [
        (one["at_us"], one["model"], one["outputs"]["late"])
        for one in (json.loads(body) for (body,) in table.execute(query, values))
    ]


def _median_ms(read: Callable[[Decision], object], asked: Sequence[Decision]) -> float:
    times: list[float] = []
    for one in asked:
        begun = time.perf_counter()
        read(one)
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1000


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="towpath-decision-log-") as folder:
        yield Path(folder)
