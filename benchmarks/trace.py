"""Trace and impact in graphs of 100 thousand to a million edges, beside the bare recursive query.

A graph of trainings: each run uses code, two versions of data sets and the champion it is weighed against,
has six steps that hand artefacts on, and makes a model; every tenth model is in a release. One data set is
used by every run, so that its fan-out grows with the graph. Beside it lies a log of 100 thousand decisions.

Asked is what people ask: the way back from a decision, from a model, what a version of a data set reaches,
and what the version that every run used reaches. Each answer is whole: read by whoever asked, with names,
facts and counts, as the API and the command give it.

The limit is the same database with nothing around it: one recursive query, over the driver itself, that
returns the numbers of the nodes reached, without their names. For the widest it is asked for the first two
hundred, which is as many as our answer shows.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from benchmarks.databases import empty_database
from benchmarks.harness import Result
from towpath.core.clock import to_micros
from towpath.ledger import open_ledger
from towpath.operate.decisions import (
    Compactor,
    Decision,
    DecisionIds,
    SegmentDecisionLog,
    SegmentDirectory,
    SegmentWriter,
    encode_frame,
)
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database, tables
from towpath.storage.keys import FileKeyring
from towpath.trace.lineage import LedgerTracer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from towpath.ledger import Ledger
    from towpath.operate.decisions import DecisionLog
    from towpath.storage.database import Database

SIZES = {"100k-edges": 100_000, "300k-edges": 300_000, "1m-edges": 1_000_000}
DATABASES = ("sqlite", "postgresql")
DECISIONS = 100_000
ROUNDS = 15
STEPS = 6
BATCH = 50_000
START = to_micros(datetime(2013, 1, 1, tzinfo=UTC))
SHOWN = 200


def run(
    sizes: Sequence[str] = tuple(SIZES),
    databases: Sequence[str] = DATABASES,
    decisions: int = DECISIONS,
) -> Result:
    """Ask each question of each size on each database, ours and the bare query in turn."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours: dict[str, Any] = {}
    limit: dict[str, Any] = {}
    growth: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    notes = [
        "milliseconds; ours is the whole answer: names, facts, totals, decisions made; bare is ids alone",
        "the way back from a decision also finds it in the log and records that it was read: a commit",
        "hot: the data set that every run used; ours shows 200 nodes and counts the rest of its edges",
    ]
    for database in databases:
        for size in sizes:
            with _home(database, SIZES[size], decisions) as home:
                if home is None:
                    notes.append(f"{database} could not be started here")
                    break
                for name, (ask, bare) in home.questions().items():
                    mine, theirs = _in_turn(ask, bare)
                    key = f"{size}-{database}-{name}"
                    ours[key], limit[key] = mine, theirs
                    ratios[f"50ms/{key}"] = 50.0 / mine["p50_ms"]
                    if theirs:
                        ratios[f"limit/{key}"] = theirs["p50_ms"] / mine["p50_ms"]
                    growth.setdefault(f"{database}-{name}", {})[size] = mine["p50_ms"]
    return Result(
        name="trace",
        sizes=list(sizes),
        ours=ours,
        peers={},
        limit=limit,
        ratios=ratios,
        growth=growth,
        notes=notes,
    )


def _in_turn(
    ask: Callable[[], object], bare: Callable[[], object] | None
) -> tuple[dict[str, float], dict[str, float]]:
    """Time both, turn by turn, after one that warms up; nothing is kept between turns but pages."""
    mine: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for turn in range(ROUNDS + 1):
        for work, taken in ((ask, mine), (bare, theirs)):
            if work is not None:
                wall, cpu = time.perf_counter(), time.process_time()
                work()
                cost = (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3
                if turn:
                    taken.append(cost)
    return _summary(mine), _summary(theirs)


def _summary(taken: Sequence[tuple[float, float]]) -> dict[str, float]:
    if not taken:
        return {}
    walls = sorted(wall for wall, _ in taken)
    return {
        "p50_ms": round(statistics.median(walls), 3),
        "max_ms": round(walls[-1], 3),
        "cpu_ms": round(statistics.median(cpu for _, cpu in taken), 3),
    }


class _Home:
    """A graph, a log, and what is asked of them."""

    def __init__(
        self, database: Database, ledger: Ledger, log: DecisionLog, trainings: int, last: str
    ) -> None:
        self._database = database
        self._tracer = LedgerTracer(ledger, log)
        self._trainings = trainings
        self._last = last

    def questions(self) -> dict[str, tuple[Callable[[], object], Callable[[], object] | None]]:
        """Return each question, by name, with the bare query for the same."""
        middle, tracer = self._trainings // 2, self._tracer
        few = ("dataset", "flights", middle // 100 + 1)
        return {
            "trace-decision": (
                lambda: tracer.ask(f"decision:{self._last}", "back").to_json(),
                None,
            ),
            "trace-model": (
                lambda: tracer.ask(f"model:late@{middle}", "back").to_json(),
                lambda: self._bare("model", "late", middle, back=True, most=100),
            ),
            "impact-dataset": (
                lambda: tracer.ask(f"dataset:flights@{few[2]}", "forth").to_json(),
                lambda: self._bare(*few, back=False, most=None),
            ),
            "impact-hot": (
                lambda: tracer.ask("dataset:hot@1", "forth").to_json(),
                lambda: self._bare("dataset", "hot", 1, back=False, most=SHOWN),
            ),
        }

    def _bare(self, kind: str, name: str, number: int, *, back: bool, most: int | None) -> object:
        near, far = ("child", "parent") if back else ("parent", "child")
        mark = "?" if self._database.is_sqlite else "%s"
        text = (
            f"WITH RECURSIVE reached(id) AS (SELECT id FROM nodes WHERE kind = {mark} AND name = {mark} "
            f"AND version = {mark} UNION SELECT e.{far} FROM edges e JOIN reached r ON e.{near} = r.id) "
            f"SELECT id FROM reached" + ("" if most is None else f" LIMIT {most}")
        )
        with self._database.read() as connection:
            return connection.exec_driver_sql(text, (kind, name, number)).fetchall()


@contextlib.contextmanager
def _home(kind: str, edges: int, decisions: int) -> Iterator[_Home | None]:
    """Give a home with a graph of about so many edges; None where the database can't be had."""
    folder = Path(tempfile.mkdtemp(prefix="towpath-trace-"))
    try:
        with empty_database(kind, folder) as url:
            if url is None:
                yield None
                return
            database = open_database(url)
            ledger = open_ledger(database, FileKeyring(folder / "keys"))
            trainings = _fill(database, folder, edges)
            blobs = open_blobs(f"file://{folder}/blobs")
            last = _decide(ledger, blobs, folder / "decisions", trainings, decisions)
            log = SegmentDecisionLog(ledger, blobs, folder / "decisions")
            yield _Home(database, ledger, log, trainings, last)
            ledger.close()
            database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Rows:
    """Rows of the graph's tables, as plain tuples."""

    def __init__(self) -> None:
        self.nodes: list[tuple[Any, ...]] = []
        self.edges: list[tuple[Any, ...]] = []
        self.runs: list[tuple[Any, ...]] = []
        self.assets: list[tuple[Any, ...]] = []
        self.versions: list[tuple[Any, ...]] = []
        self._ids: dict[tuple[str, str, int], int] = {}
        self._assets: dict[tuple[str, str], int] = {}

    def node(self, kind: str, name: str, version: int = 0) -> int:
        key = (kind, name, version)
        if key not in self._ids:
            self._ids[key] = len(self._ids) + 1
            self.nodes.append((self._ids[key], *key))
            if version:
                self._version(kind, name, version)
        return self._ids[key]

    def run(self, run_id: str, kind: str, name: str, parent: str | None, at: int) -> int:
        self.runs.append(
            (run_id, kind, name, "flights", "finished", parent, None, at, at + 9, None)
        )
        return self.node("run", run_id)

    def _version(self, kind: str, name: str, number: int) -> None:
        if (kind, name) not in self._assets:
            self._assets[kind, name] = len(self._assets) + 1
            self.assets.append((self._assets[kind, name], kind, name, "flights", "", START))
        body = '{"bytes":4096,"metrics":{"roc_auc":0.74},"rows":27000,"verdict":"pass"}'
        asset, at = self._assets[kind, name], START + number
        row = (len(self.versions) + 1, asset, number, "ab" * 32, body, 1, "ready", None, at, at)
        self.versions.append(row)


def _training(rows: _Rows, number: int) -> None:
    """Add one training: its run, steps, artefacts, model, and every tenth time a release."""
    at = START + number * 60_000_000
    data = rows.node("dataset", "flights", number // 100 + 1)
    hot, code = rows.node("dataset", "hot", 1), rows.node("code", "flights", number // 20 + 1)
    run_id = f"{number:032x}"
    training = rows.run(run_id, "pipeline", "train", None, at)
    rows.edges += [(training, one, "used") for one in (data, hot, code)]
    if number > 1:
        rows.edges.append((training, rows.node("model", "late", number - 1), "used"))
    before = data
    for step in range(STEPS):
        step_id = f"{number:024x}f{step:07x}"
        node = rows.run(step_id, "step", f"step-{step}", run_id, at + step)
        rows.edges.append((node, before, "used"))
        if step == 0:
            rows.edges.append((node, hot, "used"))
        before = rows.node("artifact", f"{step_id}aa")
        rows.edges.append((before, node, "made"))
    model = rows.node("model", "late", number)
    rows.edges.append((model, training, "made"))
    if number % 10 == 0:
        release = rows.node("release", "production", number // 10)
        rows.edges += [(release, model, "includes"), (release, code, "includes")]


def _fill(database: Database, folder: Path, edges: int) -> int:
    """Write the graph straight into the tables; through the ledger it would take an hour."""
    rows, number = _Rows(), 0
    while len(rows.edges) < edges:
        number += 1
        _training(rows, number)
    filled = [
        (tables.nodes, rows.nodes),
        (tables.edges, rows.edges),
        (tables.runs, rows.runs),
        (tables.assets, rows.assets),
        (tables.versions, rows.versions),
    ]
    if database.is_sqlite:
        with contextlib.closing(sqlite3.connect(folder / "towpath.db")) as raw:
            for table, values in filled:
                marks = ", ".join("?" * len(table.columns))
                raw.executemany(f"INSERT INTO {table.name} VALUES ({marks})", values)
            raw.commit()  # without ANALYZE, as the program leaves it
        return number
    with database.write() as connection:
        cursor = connection.connection.cursor()
        for table, values in filled:
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            with cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
    with database.write() as connection:
        connection.exec_driver_sql("ANALYZE")
    return number


def _decide(ledger: Ledger, blobs: Any, folder: Path, trainings: int, decisions: int) -> str:
    """Record decisions of the last releases' models over a year; return the last one's id."""
    directory = SegmentDirectory(folder)
    writer, ids, last = SegmentWriter(directory), DecisionIds(), ""
    step = timedelta(days=360) // max(decisions, 1)
    released = trainings // 10
    for number in range(decisions):
        last = ids.next()
        release = max(1, released - 9 + number * 10 // decisions)
        at = START + number * (step // timedelta(microseconds=1))
        decision = Decision(
            decision_id=last,
            at_us=at,
            recorded_us=at,
            service="delay-board",
            release=f"release:production@{release}",
            model=f"model:late@{release * 10}",
            arm="champion",
            inputs={"distance": 733.0, "origin": "JFK"},
            outputs={"late": 0.3},
        )
        appended = writer.append(encode_frame(decision))
        if number % BATCH == BATCH - 1 or number == decisions - 1:
            appended.result(60)
    writer.close()
    Compactor(ledger, blobs, folder).compact()
    return last
