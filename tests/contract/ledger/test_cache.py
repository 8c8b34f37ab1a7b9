"""Every ledger gives one step key to one worker, and finds executions again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from towpath.core.clock import ManualClock
from towpath.core.errors import FenceLost
from towpath.ledger import open_ledger

if TYPE_CHECKING:
    from towpath.ledger import Execution, Ledger
    from towpath.storage.database import Database
    from towpath.storage.keys import Keyring

KEY, ROWS, TABLE, MODEL = "k" * 64, "1" * 64, "2" * 64, "3" * 64


@pytest.fixture
def wall() -> ManualClock:
    return ManualClock(datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
def ledger(database: Database, keyring: Keyring, wall: ManualClock) -> Ledger:
    return open_ledger(database, keyring, wall=wall)


def claim(ledger: Ledger, run_id: str = "r1", *, key: str = KEY, step: str = "fit") -> Execution:
    parts = {"code": "c", "rows": ROWS}
    with ledger.write() as tx:
        return tx.cache.claim(
            key, step=step, parts=parts, run_id=run_id, owner=f"worker-{run_id}", lease_s=10
        )


def fill(ledger: Ledger, held: Execution, outputs: dict[str, object]) -> Execution:
    with ledger.write() as tx:
        return tx.cache.fill(held.key, fence=held.fence, outputs=outputs)


def look(ledger: Ledger, key: str = KEY) -> Execution | None:
    with ledger.read() as tx:
        return tx.cache.look(key)


def test_the_first_claims_the_second_waits_and_both_see_the_result(ledger: Ledger) -> None:
    mine, theirs = claim(ledger, "r1"), claim(ledger, "r2")
    assert (mine.state, mine.run_id) == ("running", "r1")
    assert theirs == mine
    assert look(ledger) is None
    done = fill(ledger, mine, {"model": {"digest": MODEL}})
    assert (done.state, done.outputs) == ("done", {"model": {"digest": MODEL}})
    assert look(ledger) == claim(ledger, "r3") == done


def test_a_dead_claim_is_taken_over_and_fenced(ledger: Ledger, wall: ManualClock) -> None:
    old = claim(ledger, "r1")
    wall.advance(timedelta(seconds=11))
    new = claim(ledger, "r2")
    assert (new.run_id, new.fence) == ("r2", old.fence + 1)
    with pytest.raises(FenceLost):
        fill(ledger, old, {})
    with pytest.raises(FenceLost), ledger.write() as tx:
        tx.cache.renew(KEY, fence=old.fence, lease_s=10)
    with ledger.write() as tx:
        tx.cache.drop(KEY, fence=old.fence)
    assert fill(ledger, new, {}).state == "done"


def test_renewing_keeps_a_claim(ledger: Ledger, wall: ManualClock) -> None:
    mine = claim(ledger, "r1")
    wall.advance(timedelta(seconds=9))
    with ledger.write() as tx:
        tx.cache.renew(KEY, fence=mine.fence, lease_s=10)
    wall.advance(timedelta(seconds=9))
    assert claim(ledger, "r2").run_id == "r1"


def test_a_dropped_key_is_executed_again(ledger: Ledger) -> None:
    fill(ledger, claim(ledger, "r1"), {"model": MODEL})
    with ledger.write() as tx:
        tx.cache.drop(KEY)
        tx.cache.drop(KEY)
        assert tx.cache.using([MODEL]) == []
    assert claim(ledger, "r2").run_id == "r2"


def test_a_key_that_is_dropped_and_claimed_again_fences_the_first_off(
    ledger: Ledger, wall: ManualClock
) -> None:
    old = claim(ledger, "r1")
    wall.advance(timedelta(seconds=1))
    with ledger.write() as tx:
        tx.cache.drop(KEY)
    with pytest.raises(FenceLost):
        fill(ledger, old, {})
    claim(ledger, "r2")
    with pytest.raises(FenceLost):
        fill(ledger, old, {})


def test_the_claims_of_the_dead_are_free(ledger: Ledger) -> None:
    claim(ledger, "r1")
    fill(ledger, claim(ledger, "r1", key="other"), {})
    with ledger.write() as tx:
        assert tx.cache.release("worker-r1") == 1
    assert claim(ledger, "r2").run_id == "r2"
    assert look(ledger, "other") is not None


def test_the_last_execution_explains_a_miss(ledger: Ledger, wall: ManualClock) -> None:
    with ledger.read() as tx:
        assert tx.cache.last("fit") is None
    for key in ("old", "new"):
        fill(ledger, claim(ledger, key=key), {})
        wall.advance(timedelta(seconds=1))
    claim(ledger, key="unfinished")
    fill(ledger, claim(ledger, key="elsewhere", step="prepare"), {})
    with ledger.read() as tx:
        last = tx.cache.last("fit")
    assert last is not None
    assert (last.key, last.parts) == ("new", {"code": "c", "rows": ROWS})


def test_executions_are_found_by_what_they_read_and_made(ledger: Ledger) -> None:
    outputs = {"table": {"digest": TABLE, "parts": [f"artifact:{MODEL}"]}}
    done = fill(ledger, claim(ledger), outputs)
    claim(ledger, key="unfinished")
    with ledger.read() as tx:
        for digest in (ROWS, TABLE, MODEL):
            assert tx.cache.using([digest, "9" * 64]) == [done]
        assert tx.cache.using(["9" * 64]) == []
        assert tx.cache.using([]) == []
