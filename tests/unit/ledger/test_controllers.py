"""The controller loop: leases kept, failures put back, rows never done twice with effect."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from towpath.core.errors import FenceLost, Unavailable, UsageError
from towpath.ledger.controllers import ControllerLoop

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.ledger import Intent, Ledger


class Steps:
    """A reconciler made of one function."""

    kinds = ("task",)

    def __init__(self, act: Callable[[Intent], None]) -> None:
        self.reconcile = act


@pytest.fixture
def ledger(sqlite_ledger: Ledger) -> Ledger:
    """Return a ledger with one task that is due."""
    with sqlite_ledger.write() as tx:
        tx.intents.put("task", "one", project="p", spec={})
    return sqlite_ledger


def finish(ledger: Ledger) -> Callable[[Intent], None]:
    def act(held: Intent) -> None:
        with ledger.write() as tx:
            tx.events.append("task.done", f"task:{held.name}", fence=held.fence)
            tx.intents.advance(held, phase="done")

    return act


def task(ledger: Ledger, name: str = "one") -> Intent:
    with ledger.read() as tx:
        return tx.intents.get("task", name)


def done(ledger: Ledger) -> int:
    with ledger.read() as tx:
        return len(tx.events.read(types=["task.done"]))


def loop(ledger: Ledger, act: Callable[[Intent], None], **settings: float) -> ControllerLoop:
    return ControllerLoop(ledger, [Steps(act)], owner="tester", **settings)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.005)


def test_a_step_reconciles_one_due_row(ledger: Ledger) -> None:
    worker = loop(ledger, finish(ledger))
    assert worker.step()
    assert not worker.step()
    assert (task(ledger).phase, done(ledger)) == ("done", 1)


def test_idle_workers_do_not_stand_in_the_writers_line(ledger: Ledger) -> None:
    worker = loop(ledger, finish(ledger))
    worker.step()
    with ledger.write():  # a step that wanted to write would be told that blocks don't nest
        assert not worker.step()


def test_a_failed_step_is_put_back_for_later(ledger: Ledger) -> None:
    def fail(held: Intent) -> None:
        raise ValueError("about N12345")

    worker = loop(ledger, fail)
    with capture_logs() as logs:
        assert worker.step()
        assert not worker.step()
    row = task(ledger)
    assert (row.phase, row.owner) == ("new", None)
    assert row.due_at is not None
    assert row.due_at > row.updated_at
    (entry,) = [each for each in logs if each["event"] == "intent.failed"]
    assert "N12345" not in str(logs)
    assert (entry["error"], "in fail" in entry["at"]) == ("ValueError", True)


def test_failures_in_a_row_wait_longer(ledger: Ledger) -> None:
    waits: list[float] = []

    def fail(held: Intent) -> None:
        raise Unavailable("the sky")

    worker = loop(ledger, fail)
    for _ in range(6):
        with ledger.write() as tx:
            tx.intents.wake("task", "one")
        worker.step()
        row = task(ledger)
        assert row.due_at is not None
        waits.append((row.due_at - row.updated_at).total_seconds())
    assert waits[-1] > 4 * waits[0]
    assert waits[-1] <= 60


def test_a_step_that_forgets_to_advance_is_reported_and_put_back(ledger: Ledger) -> None:
    with capture_logs() as logs:
        loop(ledger, lambda _: None).step()
    assert "intent.unadvanced" in [entry["event"] for entry in logs]
    assert task(ledger).owner is None


def test_a_lease_is_renewed_while_a_step_takes_long(ledger: Ledger) -> None:
    started, release = threading.Event(), threading.Event()

    def slow(held: Intent) -> None:
        started.set()
        assert release.wait(20)
        finish(ledger)(held)

    worker = threading.Thread(target=loop(ledger, slow, lease_s=0.15).step)
    worker.start()
    assert started.wait(20)
    first = task(ledger).updated_at
    wait_until(lambda: (task(ledger).updated_at - first).total_seconds() > 0.5)
    assert not loop(ledger, finish(ledger)).step()
    release.set()
    worker.join()
    assert done(ledger) == 1


def test_a_worker_that_was_overtaken_does_nothing(ledger: Ledger) -> None:
    lost: list[bool] = []

    def overtaken(held: Intent) -> None:
        with ledger.write() as tx:
            tx.intents.release("tester")
            assert tx.intents.claim(["task"], owner="other", lease_s=60)
        try:
            finish(ledger)(held)
        except FenceLost:
            lost.append(True)
            raise

    assert loop(ledger, overtaken).step()
    assert lost == [True]
    assert task(ledger).owner == "other"
    assert done(ledger) == 0


def test_a_row_deleted_during_its_step_is_let_go(ledger: Ledger) -> None:
    def delete(held: Intent) -> None:
        with ledger.write() as tx:
            tx.intents.delete("task", held.name)

    loop(ledger, delete).step()
    with ledger.read() as tx:
        assert tx.intents.find("task", "one") is None


def test_many_loops_do_every_row_once(ledger: Ledger) -> None:
    with ledger.write() as tx:
        for number in range(20):
            tx.intents.put("task", str(number), project="p", spec={})
    stop = threading.Event()
    workers = [
        threading.Thread(
            target=ControllerLoop(
                ledger, [Steps(finish(ledger))], owner=f"w{number}", poll_s=0.01
            ).run,
            args=(stop,),
        )
        for number in range(3)
    ]
    for worker in workers:
        worker.start()
    wait_until(lambda: done(ledger) >= 21)
    stop.set()
    for worker in workers:
        worker.join()
    with ledger.read() as tx:
        subjects = [event.subject for event in tx.events.read(types=["task.done"])]
    assert len(subjects) == len(set(subjects)) == 21


def test_a_database_that_is_away_is_waited_for(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, outages = threading.Event(), [Unavailable("gone"), Unavailable("gone")]
    monkeypatch.setattr("towpath.ledger.controllers._FIRST_BACKOFF_S", 0.001)
    worker = loop(ledger, finish(ledger), poll_s=0.001)
    step = worker.step

    def flaky() -> bool:
        if outages:
            raise outages.pop()
        return step()

    monkeypatch.setattr(worker, "step", flaky)
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    wait_until(lambda: done(ledger) == 1)
    stop.set()
    thread.join()


def test_a_kind_has_one_reconciler(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="'task'"):
        ControllerLoop(ledger, [Steps(print), Steps(print)], owner="x")
