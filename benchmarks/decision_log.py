"""The decision log: appending, compacting and reading, beside the disk itself and what people use instead.

Appending is one decision a request: `ack` waits for the disk, with as many requests in flight as the
size says, `relaxed` does not. The limit is a bare `write` and `fdatasync` of the same bytes in the same
groups; peers are a row per decision in SQLite (WAL, synchronous=FULL, one transaction per group), and
JSON lines through Python's logging, which flushes but never syncs.

Reading is over logs of three sizes (`grown_log`): one decision by its id, one day with three columns, and
joined with the labels that came later, all decisions of one person: of one of whom every file has rows, and
of one who came once or so in all; then both are erased. The peer is SQLite with an index for each question.
The limit of compaction is PyArrow writing the same rows, which are columns already, into one file, that of
an erasure PyArrow rewriting the same files.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from benchmarks.grown_log import INSERT, GrownLog, decisions_of, fields_of, row_of, table_at
from benchmarks.harness import Result, interleave, measure
from towpath.operate.decisions import (
    Decision,
    DecisionIds,
    SegmentDirectory,
    SegmentWriter,
    encode_frame,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.harness import Cost

SIZES = {"100k": 100_000, "1m": 1_000_000, "3m": 3_000_000}
IN_FLIGHT = {"c1": 1, "c8": 8, "c64": 64}
APPENDED = 6_400
ROUNDS = 3


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
            mine, theirs, bare = _grown(folder, SIZES[size])
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


def _grown(folder: Path, count: int) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Grow a log of `count` decisions; return our figures, SQLite's and PyArrow's."""
    log = GrownLog(folder, count)
    mine, theirs, bare = log.ours(), log.theirs(), log.bare()
    erased, rewritten = log.erased()
    log.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return mine | erased | {"peak_rss_mb": peak}, theirs, bare | rewritten


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
    connection = table_at(path)

    def work() -> None:
        for group in groups:
            with connection:
                connection.executemany(INSERT, map(row_of, group))

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
                logger.info(json.dumps(fields_of(one)))

    try:
        return measure(work)
    finally:
        logger.removeHandler(handler)
        handler.close()


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="towpath-decision-log-") as folder:
        yield Path(folder)
