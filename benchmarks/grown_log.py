"""A decision log of a size, what is asked of it, and the same asked of SQLite and of bare Parquet.

A hundred thousand decisions a day; for a tenth of them it turns out later what was true. Nineteen in twenty
are about people who come twice a day, so that every file has rows about each of them; the others are about
people who came once or so in all.

The limit of an erasure is PyArrow reading the files that hold the person, dropping those rows and writing the
rest with the same compression: bytes go in, bytes come out, and nothing is looked for or kept in order.
"""

from __future__ import annotations

import io
import json
import os
import sqlite3
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.harness import measure
from towpath.ledger import open_ledger
from towpath.operate.decisions import (
    Compactor,
    Decision,
    DecisionFilter,
    DecisionIds,
    Label,
    SegmentDecisionLog,
    SegmentDirectory,
    SegmentWriter,
    encode_frame,
)
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.harness import Cost

PER_DAY = 100_000
USUAL, RARE = 50_000, 1_000_000
LOOK_UPS = 30
BATCH = 50_000
SERVICE = "delay-board"
START = datetime(2013, 1, 1, tzinfo=UTC)
CARRIERS = ("AA", "B6", "DL", "EV", "UA", "US", "WN")
COLUMNS = ["at", "model", "output.late"]
INSERT = "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?)"


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


class GrownLog:
    """A log and a table of the same decisions and labels.

    Args:
        folder: Where.
        count: How many decisions.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._database = open_database(f"sqlite:///{folder}/towpath.db")
        self._database.migrate()
        self._ledger = open_ledger(self._database, FileKeyring(folder / "keys"))
        self._blobs = open_blobs(f"file://{folder}/blobs")
        self._path = folder / "decisions"
        self._rows = folder / "rows.db"
        self._table = table_at(self._rows)
        self._log = SegmentDecisionLog(self._ledger, self._blobs, self._path)
        self._count = count
        self._asked: dict[str, list[Decision]] = {"usual": [], "rare": []}
        self._day = START + timedelta(days=(count - 1) // PER_DAY)
        self._compacting = self._grow()

    def _grow(self) -> dict[str, float]:
        """Write batches of decisions, and after each the labels of the one before it."""
        compactor = Compactor(self._ledger, self._blobs, self._path)
        ids, cpu_s, wall_s = DecisionIds(), 0.0, 0.0
        usual = frozenset(map(_subject, range(USUAL)))
        late: list[Label] = []
        for start in range(0, self._count, BATCH):
            moments = [_moment(n) for n in range(start, min(start + BATCH, self._count))]
            batch = decisions_of(ids, moments, first=start)
            for one in batch[:: max(1, self._count // LOOK_UPS // 10)]:
                self._asked["usual" if one.subject in usual else "rare"].append(one)
            self._write(batch)
            self._write(late)
            with self._table as table:
                table.executemany(INSERT, map(row_of, batch))
                table.executemany(
                    "INSERT OR REPLACE INTO labels VALUES (?, ?)",
                    [(one.decision_id, one.value) for one in late],
                )
            late = [_label(one) for one in batch[::10]]
            done = measure(compactor.compact)
            cpu_s, wall_s = cpu_s + done.cpu_s, wall_s + done.wall_s
        return {
            "compaction_cpu_us_each": cpu_s / self._count * 1e6,
            "compaction_us_each": wall_s / self._count * 1e6,
        }

    def ours(self) -> dict[str, float]:
        """Return what our log takes and answers in."""
        log, asked = self._log, self._asked
        log.count()
        with self._ledger.read() as tx:
            files = tx.segments.list(f"decisions/{SERVICE}")
        return {
            **self._compacting,
            "bytes_each": sum(one.size_bytes for one in files) / self._count,
            "files": float(len(files)),
            "look_up_ms": _median_ms(lambda one: log.find(one.decision_id), asked["usual"][::10]),
            "day_ms": _median_ms(
                lambda _: log.scan(SERVICE, since=self._day, columns=COLUMNS).collect(),
                asked["usual"][:5],
            ),
            "labelled_day_ms": _median_ms(
                lambda _: log.scan_labelled(SERVICE, since=self._day, columns=COLUMNS).collect(),
                asked["usual"][:5],
            ),
            **{
                f"{how}_subject_ms": _median_ms(
                    lambda one: log.scan(
                        SERVICE, where=DecisionFilter(subject=one.subject), columns=COLUMNS
                    ).collect(),
                    some[:10],
                )
                for how, some in asked.items()
            },
            "page_ms": _median_ms(lambda _: log.page(SERVICE, limit=100), asked["usual"][:10]),
        }

    def theirs(self) -> dict[str, float]:
        """Return what SQLite takes and answers in, with an index for each question."""
        table, asked = self._table, self._asked
        day = (_us(self._day), _us(self._day + timedelta(days=1)))
        labelled = "JOIN labels USING (id) WHERE at >= ? AND at < ?"
        return {
            "bytes_each": self._rows.stat().st_size / self._count,
            "look_up_ms": _median_ms(
                lambda one: _found(table, "WHERE id = ?", one.decision_id), asked["usual"][::10]
            ),
            "day_ms": _median_ms(
                lambda _: _found(table, "WHERE at >= ? AND at < ?", *day), asked["usual"][:3]
            ),
            "labelled_day_ms": _median_ms(
                lambda _: _found(table, labelled, *day), asked["usual"][:3]
            ),
            **{
                f"{how}_subject_ms": _median_ms(
                    lambda one: _found(table, "WHERE subject = ?", str(one.subject)), some[:10]
                )
                for how, some in asked.items()
            },
        }

    def bare(self) -> dict[str, float]:
        """Return what PyArrow takes to write a day of the same rows, columns already, into one file."""
        day = self._log.scan(SERVICE, since=self._day).collect().to_arrow()
        buffer = io.BytesIO()
        cost = measure(lambda: pq.write_table(day, buffer, compression="zstd", compression_level=3))
        return {
            "compaction_cpu_us_each": cost.cpu_s / day.num_rows * 1e6,
            "bytes_each": buffer.tell() / day.num_rows,
        }

    def erased(self) -> tuple[dict[str, float], dict[str, float]]:
        """Erase one person of each sort; return our cost, and that of rewriting those files bare."""
        mine: dict[str, float] = {}
        bare: dict[str, float] = {}
        for how, some in reversed(self._asked.items()):
            subject = str(some[0].subject)
            held = self._log.holdings(subject).files
            bare_cost = self._rewritten(subject, held)
            cost = measure(lambda who=subject: self._log.erase_subjects([who]))
            for into, spent in ((mine, cost), (bare, bare_cost)):
                into[f"erase_{how}_ms"] = spent.wall_s * 1e3
                into[f"erase_{how}_cpu_ms"] = spent.cpu_s * 1e3
            mine[f"erase_{how}_files"] = float(len(held))
        return mine, bare

    def close(self) -> None:
        """Let go of the files."""
        self._table.close()
        self._database.close()

    def _write(self, records: Sequence[Decision | Label]) -> None:
        writer = SegmentWriter(SegmentDirectory(self._path))
        for start in range(0, len(records), 1000):
            frames = map(encode_frame, records[start : start + 1000])
            writer.append(b"".join(frames), urgent=False)
        writer.close()

    def _rewritten(self, subject: str, digests: Sequence[str]) -> Cost:
        def work() -> None:
            for digest in digests:
                with self._blobs.open_local(digest) as path:
                    rows = pq.read_table(path)
                if "subject" in rows.column_names:
                    rows = rows.filter(pc.field("subject") != subject)
                with (self._rows.parent / "bare.parquet").open("wb") as file:
                    pq.write_table(rows, file, compression="zstd", compression_level=3)
                    file.flush()
                    os.fsync(file.fileno())

        return measure(work)


def table_at(path: Path) -> sqlite3.Connection:
    """Open a table of decisions, a row each."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS decisions (id TEXT PRIMARY KEY, at INTEGER, subject TEXT, body TEXT)"
    )
    connection.execute("CREATE TABLE IF NOT EXISTS labels (id TEXT PRIMARY KEY, value REAL)")
    for column in ("at", "subject"):
        connection.execute(f"CREATE INDEX IF NOT EXISTS by_{column} ON decisions ({column})")
    return connection


def row_of(one: Decision) -> tuple[object, ...]:
    """Return a decision as its row."""
    return one.decision_id, one.at_us, one.subject, json.dumps(fields_of(one))


def fields_of(one: Decision) -> dict[str, Any]:
    """Return a decision as a JSON object."""
    return {name: getattr(one, name) for name in one.__struct_fields__}


def _moment(number: int) -> int:
    return _us(START) + number * (86_400_000_000 // PER_DAY)


def _us(when: datetime) -> int:
    return int(when.timestamp()) * 1_000_000


def _label(one: Decision) -> Label:
    day_us = 86_400_000_000
    return Label(
        decision_id=one.decision_id,
        value=float(one.latency_us % 2),
        at_us=one.at_us + day_us // 4,
        recorded_us=one.at_us + day_us // 4,
    )


def _found(table: sqlite3.Connection, condition: str, *values: object) -> list[Any]:
    query = f"SELECT body FROM decisions {condition}"
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
