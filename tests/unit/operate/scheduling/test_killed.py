"""Killed in every write, before its commit and after: each moment and window has one run, and ends."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from towpath.app.clock import ReplayClock
from towpath.operate.scheduling import BackfillRequest

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.fixture
def work(dying: Callable[[Path], Callable[[str], int]]) -> Callable[[str], int]:
    """Run a worker that is killed at its nth write, and return its exit code."""
    return dying(Path(__file__).with_name("dying_scheduler.py"))


def test_every_moment_and_window_is_run_for_once_wherever_the_worker_is_killed(
    shop: Any, work: Callable[[str], int]
):
    clock = ReplayClock(shop.ledger)
    clock.advance_to(JANUARY)
    shop.declare(
        catch_up=True
    )  # the schedule is first looked at on 1 March, by the test's own clock
    until = JANUARY + timedelta(days=28)
    every = timedelta(days=7)
    shop.backfills.start(
        BackfillRequest(
            project="flights",
            pipeline="train",
            since=JANUARY,
            until=until,
            every=every,
            parallel=2,
        )
    )
    clock.advance_to(datetime(2013, 3, 4, 12, tzinfo=UTC))
    kills = 0
    for write in range(1, 40):
        # each worker dies a write later than the one before it, before the commit and then after
        for place in (f"{write}", f"{write}+"):
            code = work(place)
            kills += code == -signal.SIGKILL
        if code == 0:
            break
    assert code == 0, "the work never came to its end"
    assert kills > 10
    with shop.ledger.read() as tx:
        ran = Counter(event.subject for event in tx.events.read(types=["test.ran"], limit=1000))
    windows = {f"pipeline_run:backfill.flights.train.1.0000{index}" for index in range(4)}
    moments = {
        f"pipeline_run:schedule.flights.nightly.2013030{day}t030000z" for day in (1, 2, 3, 4)
    }
    assert ran == Counter(windows | moments)
    assert shop.backfills.get("flights.train.1").phase == "done"
