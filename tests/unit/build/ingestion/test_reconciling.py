"""Declared ingests again and again: when it is time, and what becomes of failures."""

from __future__ import annotations

import sys
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from towpath.build.ingestion import IngestReconciler

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import json, pathlib, sys, time
time.sleep(float(sys.argv[3]))
runs = pathlib.Path(sys.argv[1])
runs.write_text(runs.read_text() + "x")
print("noise")
print(json.dumps({"version": "dataset:orders@1", "rows": 5}))
sys.exit(int(sys.argv[2]))
"""


class Schedule:
    """A row that wants an ingest, and the reconciler that sees to it."""

    def __init__(self, bench: Any, every: str | None) -> None:
        self.bench = bench
        self.exit_code = 0
        self.takes_s = 0.0
        self.counted: Path = bench.folder / "runs"
        self.counted.write_text("")
        self.stop = threading.Event()
        self.reconciler = IngestReconciler(
            bench.ledger, bench.clock, self._command, stop=self.stop, poll_s=0.0
        )
        with bench.ledger.write() as tx:
            spec = {"project": "shop", "ingest": "orders", "every": every}
            tx.intents.put("ingest", "shop.orders", project="shop", spec=spec)

    def _command(self, held: Any) -> list[str]:
        assert held.spec["ingest"] == "orders"
        return [
            sys.executable,
            "-c",
            SCRIPT,
            str(self.counted),
            str(self.exit_code),
            str(self.takes_s),
        ]

    def step(self) -> Any:
        """Take one step, if the row is due; return the row."""
        with self.bench.ledger.write() as tx:
            held = tx.intents.claim(["ingest"], owner="me", lease_s=60)
        if held is not None:
            self.reconciler.reconcile(held)
        with self.bench.ledger.read() as tx:
            return tx.intents.get("ingest", "shop.orders")

    @property
    def runs(self) -> int:
        return len(self.counted.read_text())


@pytest.fixture
def hourly(bench: Any) -> Schedule:
    return Schedule(bench, "1h")


def test_it_runs_at_once_and_then_whenever_the_span_has_passed(hourly: Schedule):
    row = hourly.step()
    assert hourly.runs == 1
    assert row.phase == "waiting"
    assert row.status["version"] == "dataset:orders@1"
    hourly.step()
    assert hourly.runs == 1
    hourly.bench.clock.advance(timedelta(minutes=59))
    hourly.step()
    assert hourly.runs == 1
    hourly.bench.clock.advance(timedelta(minutes=1))
    hourly.step()
    assert hourly.runs == 2


def test_times_that_were_missed_are_not_made_up_for(hourly: Schedule):
    hourly.step()
    hourly.bench.clock.advance(timedelta(days=2))
    hourly.step()
    hourly.step()
    assert hourly.runs == 2


def test_trouble_is_tried_again_before_its_time(hourly: Schedule):
    hourly.exit_code = 5
    row = hourly.step()
    assert (row.status["failures"], row.status["next"]) == (1, None)
    assert row.due_at is not None, "it comes back by itself, with back-off"
    with hourly.bench.ledger.write() as tx:
        tx.intents.wake("ingest", "shop.orders")
    hourly.exit_code = 0
    row = hourly.step()
    assert (hourly.runs, row.status["failures"]) == (2, 0)


def test_bad_data_waits_for_the_next_time(hourly: Schedule):
    hourly.exit_code = 1
    row = hourly.step()
    assert (row.phase, row.status["exit_code"]) == ("waiting", 1)
    hourly.step()
    assert hourly.runs == 1
    hourly.bench.clock.advance(timedelta(hours=1))
    hourly.step()
    assert hourly.runs == 2


def test_what_nobody_scheduled_sleeps(bench: Any):
    idle = Schedule(bench, None)
    row = idle.step()
    assert (row.phase, row.due_at, idle.runs) == ("idle", None, 0)


def test_a_worker_that_is_told_to_stop_gives_the_row_back(hourly: Schedule):
    hourly.stop.set()
    hourly.takes_s = 60.0
    row = hourly.step()
    assert row.phase == "running"
    assert row.owner is None
    assert row.due_at is not None
    hourly.stop.clear()
    hourly.takes_s = 0.0
    assert hourly.step().phase == "waiting"
