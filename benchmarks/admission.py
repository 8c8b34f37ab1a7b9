"""Decisions of admission, beside the bare transactions that they can't do without.

A decision is one attempt asked for, granted, and settled: two write transactions that read the line,
the budgets and their balances, decide by priority, fair share and backfill, and append to the account
and to the event log. In front of those who ask stands a queue that is full, with so many attempts
waiting in it. Workers are processes, and the budget is one for all of them.

The peer is the floor under any such design: two write transactions of the same database that change
one row each.

A scheduler does better than one at a time: what ended in a turn is settled, and what may begin is
granted, in one transaction. `in-turns` asks for sixteen at once and settles the sixteen before with
them; its floor is one transaction that changes one row.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import secrets
import shutil
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from benchmarks.databases import empty_database
from benchmarks.harness import Result
from towpath.build.capacity import (
    Budget,
    Granted,
    LedgerPermits,
    PermitRequest,
    Queue,
    Usage,
    budget_specs,
)
from towpath.build.compute import Resources
from towpath.core.clock import SystemClock
from towpath.ledger import open_ledger
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from towpath.ledger import Ledger

SIZES = {"100-queued": 100, "1k-queued": 1_000, "10k-queued": 10_000}
WORKERS = (1, 2, 4, 8)
DECISIONS = 48
TURN = 16
TURNS = 3
ROUNDS = 1
PROJECT = "bench"


def run(sizes: Sequence[str] = tuple(SIZES), workers: Sequence[int] = WORKERS) -> Result:
    """Measure each length of the line with each number of workers, on each database."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours: dict[str, Any] = {}
    limit: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    notes = [
        "a decision is asked for, granted and settled; the bare peer commits two one-row updates",
        "the bare peer decides nothing and keeps no account: a ratio below 1 is the price of deciding",
        (
            f"in-turns: {TURN} attempts are granted and the {TURN} before them settled in one "
            "transaction, as a scheduler's turn does it; its ratio is to one bare transaction per turn"
        ),
    ]
    for database in ("sqlite", "postgresql"):
        with _database(database) as url:
            if url is None:
                notes.append(f"{database}: it can't be started here")
                continue
            for size in sizes:
                _queue_up(url, SIZES[size])
                for count in workers:
                    key = f"{database}/{size}/{count}-workers"
                    rates = _measure(url, count)
                    ours[key] = {
                        "decisions_per_s": rates["ours"],
                        "in_turns_decisions_per_s": rates["turns"] * TURN,
                    }
                    limit[key] = {
                        "decisions_per_s": rates["bare"],
                        "transactions_per_s": rates["bare"] * 2,
                    }
                    ratios[f"bare/{key}"] = rates["ours"] / rates["bare"]
                    ratios[f"bare/{key}-in-turns"] = rates["turns"] / (rates["bare"] * 2)
    return Result(
        name="admission",
        sizes=list(sizes),
        ours=ours,
        peers={},
        limit=limit,
        ratios=ratios,
        growth={
            f"{database}-{count}-workers-ms": {
                size: 1000 / ours[f"{database}/{size}/{count}-workers"]["decisions_per_s"]
                for size in sizes
            }
            for database in ("sqlite", "postgresql")
            for count in workers
            if f"{database}/{sizes[0]}/{count}-workers" in ours
        },
        notes=notes,
    )


def _measure(url: str, workers: int) -> dict[str, float]:
    """Return the median rounds a second of each contestant, taking turns."""
    each = DECISIONS // workers
    rounds = {"ours": each, "bare": each, "turns": TURNS}
    rates: dict[str, list[float]] = {name: [] for name in rounds}
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.admission"])
    barrier = context.Barrier(workers + 1)
    crowd = [
        context.Process(target=_work, args=(url, number, each, barrier, ROUNDS))
        for number in range(workers)
    ]
    for one in crowd:
        one.start()
    for turn in range(ROUNDS + 1):
        for name, count in rounds.items():
            barrier.wait()
            began = time.perf_counter()
            barrier.wait()
            if turn:
                rates[name].append(count * workers / (time.perf_counter() - began))
    for one in crowd:
        one.join()
    return {name: sorted(found)[len(found) // 2] for name, found in rates.items()}


def _work(url: str, number: int, each: int, barrier: Any, rounds: int) -> None:
    """Be one worker: every round once by the book, once bare, once a turn at a time."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ledger, database = _open(url), open_database(url)
    permits = LedgerPermits(ledger, SystemClock(), owner=f"worker-{number}", is_dead=_lives)
    for turn in range(rounds + 1):
        barrier.wait()
        for decision in range(each):
            _decide(permits, f"{secrets.token_hex(4)}-{number}-{turn}-{decision}")
        barrier.wait()
        barrier.wait()
        for _ in range(2 * each):
            with database.write() as connection:
                connection.exec_driver_sql(
                    f"UPDATE shares SET micros = micros + 1 WHERE project = 'bare{number}'"
                )
        barrier.wait()
        barrier.wait()
        _take_turns(permits, f"{secrets.token_hex(4)}-{number}-{turn}")
        barrier.wait()


def _take_turns(permits: LedgerPermits, name: str) -> None:
    over: dict[str, Usage] = {}
    for turn in range(TURNS):
        requests = [_request(f"{name}-{turn}-{place}", "free") for place in range(TURN)]
        answers = permits.ask(requests, settled=over)
        assert all(isinstance(one, Granted) for one in answers), answers
        over = {one.id: Usage(seconds=0.5, outcome="done") for one in answers}
    permits.ask([], settled=over)


def _decide(permits: LedgerPermits, name: str) -> None:
    (answer,) = permits.ask([_request(name, "free")])
    assert isinstance(answer, Granted), answer
    permits.settle(answer.id, Usage(seconds=0.5, outcome="done"))


def _queue_up(url: str, waiting: int) -> None:
    """Fill a queue, and let so many stand in front of it."""
    ledger = _open(url)
    budget = Budget(usd_per_month=1_000_000)
    queues = [Queue("full", steps=1, priority=1), Queue("free")]
    with ledger.write() as tx:
        for name, spec in budget_specs(PROJECT, budget, queues).items():
            tx.account.put_budget(name, project=PROJECT, spec=spec)
        for number in range(max(WORKERS)):
            tx.line.set_share(f"bare{number}", 0, SystemClock().now())
    permits = LedgerPermits(ledger, SystemClock(), owner="crowd", is_dead=_lives)
    permits.ask([_request(f"crowd-{number}", "full") for number in range(waiting + 1)])
    with ledger.write() as tx:
        until = SystemClock().now() + timedelta(days=1)
        tx.line.put([replace(one, seen_until=until) for one in tx.line.waiting_for(["crowd"])])
    ledger.close()


def _request(name: str, queue: str) -> PermitRequest:
    return PermitRequest(
        id=f"{name}/fit/1",
        project=PROJECT,
        pipeline="train",
        run_id=name,
        step="fit",
        resources=Resources(timeout_s=3600.0, grace_s=10.0),
        queue=queue,
    )


def _lives(owner: str) -> bool:
    del owner
    return False


def _open(url: str) -> Ledger:
    folder = Path(tempfile.gettempdir()) / "towpath-bench-keys"
    return open_ledger(open_database(url), FileKeyring(folder))


@contextlib.contextmanager
def _database(name: str) -> Iterator[str | None]:
    folder = Path(tempfile.mkdtemp(prefix="towpath-admission-"))
    try:
        with empty_database(name, folder) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)
