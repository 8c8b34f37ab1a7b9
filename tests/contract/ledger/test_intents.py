"""Every ledger keeps desired state and its leases as the contract says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from towpath.core.clock import ManualClock
from towpath.core.errors import Conflict, FenceLost, NotFound
from towpath.ledger import open_ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.ledger import Intent, Ledger
    from towpath.storage.database import Database
    from towpath.storage.keys import Keyring


@pytest.fixture
def wall() -> ManualClock:
    return ManualClock(datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
def ledger(database: Database, keyring: Keyring, wall: ManualClock) -> Ledger:
    """Return a ledger whose leases run on a clock that the test moves."""
    return open_ledger(database, keyring, wall=wall)


def put(ledger: Ledger, name: str = "m", **changes: object) -> Intent:
    settings: dict = {"project": "flights", "spec": {"window": "1d"}} | changes
    with ledger.write() as tx:
        return tx.intents.put("monitor", name, **settings)


def claim(ledger: Ledger, owner: str = "a", lease_s: float = 10) -> Intent | None:
    with ledger.write() as tx:
        return tx.intents.claim(["monitor"], owner=owner, lease_s=lease_s)


def advance(ledger: Ledger, held: Intent | None, **changes: object) -> Intent:
    assert held is not None
    with ledger.write() as tx:
        return tx.intents.advance(held, **changes)  # type: ignore[arg-type]


def row(ledger: Ledger, name: str = "m") -> Intent:
    with ledger.read() as tx:
        return tx.intents.get("monitor", name)


def is_due(ledger: Ledger) -> bool:
    with ledger.read() as tx:
        return tx.intents.is_due(["monitor"])


def test_a_new_row_is_due_and_reads_back(ledger: Ledger, wall: ManualClock) -> None:
    made = put(ledger, phase="waiting", status={"n": 0})
    assert (made.generation, made.phase, made.status, made.due_at) == (
        1,
        "waiting",
        {"n": 0},
        wall.now(),
    )
    assert made == row(ledger)


def test_the_same_spec_again_changes_nothing(ledger: Ledger) -> None:
    first = put(ledger, spec={"b": 1, "a": [1, 2]})
    assert put(ledger, spec={"a": [1, 2], "b": 1}, phase="x", status={"y": 1}) == first
    with ledger.read() as tx:
        assert len(tx.events.read(types=["intent.declared"])) == 1


def test_a_new_spec_raises_the_generation_and_wakes_the_row(ledger: Ledger) -> None:
    put(ledger)
    advance(ledger, claim(ledger), phase="done")
    assert not is_due(ledger)
    changed = put(ledger, spec={"window": "2d"})
    assert (changed.generation, changed.phase) == (2, "done")
    assert is_due(ledger)


def test_plain_state_is_never_claimed(ledger: Ledger) -> None:
    put(ledger, due=False)
    put(ledger, due=False, spec={"window": "2d"})
    assert claim(ledger) is None
    assert not is_due(ledger)


def test_a_held_row_is_nobody_elses(ledger: Ledger, wall: ManualClock) -> None:
    put(ledger)
    held = claim(ledger, "a")
    assert held is not None
    assert held.owner == "a"
    assert claim(ledger, "b") is None
    wall.advance(timedelta(seconds=10))
    taken = claim(ledger, "b")
    assert taken is not None
    assert (taken.owner, taken.fence) == ("b", held.fence + 1)


def test_an_overtaken_worker_changes_nothing(ledger: Ledger, wall: ManualClock) -> None:
    put(ledger)
    old = claim(ledger, "a")
    assert old is not None
    wall.advance(timedelta(seconds=11))
    new = claim(ledger, "b")
    with pytest.raises(FenceLost), ledger.write() as tx:
        tx.events.append("effect.done", "run:1")
        tx.intents.advance(old, phase="done")
    with pytest.raises(FenceLost), ledger.write() as tx:
        tx.intents.renew(old, lease_s=10)
    with ledger.read() as tx:
        assert tx.events.read(types=["effect.done"]) == []
    assert row(ledger) == new


def test_a_late_worker_may_finish_while_nobody_took_over(ledger: Ledger, wall: ManualClock) -> None:
    put(ledger)
    held = claim(ledger)
    wall.advance(timedelta(seconds=60))
    assert advance(ledger, held, phase="done").phase == "done"


def test_renewing_keeps_the_row(ledger: Ledger, wall: ManualClock) -> None:
    put(ledger)
    held = claim(ledger, "a")
    assert held is not None
    wall.advance(timedelta(seconds=9))
    with ledger.write() as tx:
        tx.intents.renew(held, lease_s=10)
    wall.advance(timedelta(seconds=9))
    assert claim(ledger, "b") is None


def test_advancing_releases_and_sets_the_next_time(ledger: Ledger, wall: ManualClock) -> None:
    put(ledger)
    held = claim(ledger)
    after = advance(ledger, held, phase="running", status={"seen": 1}, due_in_s=5)
    assert (after.owner, after.phase, after.status) == (None, "running", {"seen": 1})
    assert after.due_at == wall.now() + timedelta(seconds=5)
    assert claim(ledger) is None
    wall.advance(timedelta(seconds=5))
    assert claim(ledger) is not None
    with pytest.raises(FenceLost), ledger.write() as tx:
        tx.intents.advance(after)


def test_only_a_change_of_phase_is_an_event(ledger: Ledger) -> None:
    put(ledger)
    advance(ledger, claim(ledger), phase="new", status={"n": 1}, due_in_s=0)
    advance(ledger, claim(ledger), phase="done")
    with ledger.read() as tx:
        moves = tx.events.read(types=["intent.moved"])
    assert [(e.subject, e.payload) for e in moves] == [
        ("monitor:m", {"before": "new", "after": "done"})
    ]


def test_keeping_the_lease_goes_on_step_by_step(ledger: Ledger, wall: ManualClock) -> None:
    put(ledger)
    kept = advance(ledger, claim(ledger, "a"), phase="one", keep=True)
    assert kept.owner == "a"
    assert claim(ledger, "b") is None
    assert advance(ledger, kept, phase="two", keep=True).phase == "two"
    wall.advance(timedelta(seconds=11))
    taken = claim(ledger, "b")
    assert taken is not None
    assert taken.phase == "two"


@pytest.mark.parametrize("disturb", ["spec", "wake"])
def test_what_happens_during_a_step_is_not_slept_through(ledger: Ledger, disturb: str) -> None:
    put(ledger)
    held = claim(ledger)
    if disturb == "spec":
        put(ledger, spec={"window": "7d"})
    else:
        with ledger.write() as tx:
            tx.intents.wake("monitor", "m")
    assert claim(ledger, "b") is None
    advance(ledger, held, phase="done")
    again = claim(ledger, "b")
    assert again is not None
    advance(ledger, again)
    assert claim(ledger, "b") is None


def test_waking_makes_a_sleeping_row_due(ledger: Ledger) -> None:
    put(ledger)
    advance(ledger, claim(ledger), due_in_s=3600)
    with ledger.write() as tx:
        tx.intents.wake("monitor", "m")
        tx.intents.wake("monitor", "nobody")
    assert claim(ledger) is not None


def test_the_row_due_longest_comes_first(ledger: Ledger, wall: ManualClock) -> None:
    for name in ("b", "a", "c"):
        put(ledger, name)
        wall.advance(timedelta(seconds=1))
    claimed = [claim(ledger), claim(ledger), claim(ledger)]
    assert [held.name for held in claimed if held] == ["b", "a", "c"]


def test_only_the_asked_kinds_are_claimed(ledger: Ledger) -> None:
    put(ledger)
    with ledger.write() as tx:
        assert tx.intents.claim(["rollout"], owner="a", lease_s=1) is None
        assert tx.intents.claim([], owner="a", lease_s=1) is None
        assert not tx.intents.is_due(["rollout"])


def test_the_leases_of_the_dead_are_given_back(ledger: Ledger) -> None:
    put(ledger, "one")
    put(ledger, "two")
    dead, alive = claim(ledger, "dead"), claim(ledger, "alive")
    assert dead is not None
    with ledger.write() as tx:
        assert tx.intents.release("dead") == 1
    again = claim(ledger, "new")
    assert again is not None
    assert (again.name, again.fence) == (dead.name, dead.fence + 1)
    advance(ledger, alive)
    with pytest.raises(FenceLost):
        advance(ledger, dead)


def test_reporting_changes_the_status_alone(ledger: Ledger) -> None:
    before = put(ledger, due=False)
    with ledger.write() as tx:
        size = tx.events.size()
        tx.intents.report("monitor", "m", status={"beat": 1})
        assert tx.events.size() == size
    after = row(ledger)
    assert (after.status, after.generation) == ({"beat": 1}, before.generation)
    with pytest.raises(NotFound), ledger.write() as tx:
        tx.intents.report("monitor", "nobody", status={})


def test_reporting_another_phase_is_an_event_and_the_same_is_none(ledger: Ledger) -> None:
    put(ledger, due=False, phase="open")
    for phase in ("open", "settled", "settled"):
        with ledger.write() as tx:
            tx.intents.report("monitor", "m", status={"said": phase}, phase=phase)
    after = row(ledger)
    assert (after.phase, after.status) == ("settled", {"said": "settled"})
    with ledger.read() as tx:
        (moved,) = tx.events.read(types=["intent.moved"])
    assert moved.payload == {"before": "open", "after": "settled"}


def test_nobody_reports_on_a_held_row(ledger: Ledger) -> None:
    put(ledger)
    claim(ledger)
    with pytest.raises(Conflict, match="holds"), ledger.write() as tx:
        tx.intents.report("monitor", "m", status={})


@pytest.mark.parametrize("act", ["delete", "recreate"])
def test_a_row_deleted_under_a_worker_is_lost_to_it(ledger: Ledger, act: str) -> None:
    put(ledger)
    held = claim(ledger)
    with ledger.write() as tx:
        tx.intents.delete("monitor", "m")
        tx.intents.delete("monitor", "m")
        assert tx.intents.find("monitor", "m") is None
        assert len(tx.events.read(types=["intent.deleted"])) == 1
    if act == "recreate":
        put(ledger)
    with pytest.raises(FenceLost):
        advance(ledger, held)


def test_rows_are_listed_oldest_first_and_filtered(ledger: Ledger, wall: ManualClock) -> None:
    for name in ("z", "y"):
        put(ledger, name)
        wall.advance(timedelta(seconds=1))
    put(ledger, "x", project="other", phase="done")
    with ledger.read() as tx:
        names: Callable[..., list[str]] = lambda *a, **k: [i.name for i in tx.intents.list(*a, **k)]  # noqa: E731
        assert names("monitor") == ["z", "y", "x"]
        assert names("monitor", limit=1) == ["z"]
        assert names(phases=["done"]) == ["x"]
        assert names(project="flights", phases=["new"]) == ["z", "y"]
        assert names("rollout") == []


def test_rows_are_found_and_counted_by_how_their_name_begins(ledger: Ledger) -> None:
    for name in ("ab.1", "ab.2", "ab", "abc", "a_b.1", "AB.1", "b"):
        put(ledger, name)
    put(ledger, "ab.3", phase="done")
    with ledger.read() as tx:
        found = [one.name for one in tx.intents.list("monitor", prefix="ab.")]
        turned = tx.intents.list("monitor", prefix="ab.", newest_first=True)
        assert [one.name for one in turned] == found[::-1]
        assert tx.intents.list("monitor", prefix="ab.", newest_first=True, limit=1) == turned[:1]
        assert sorted(found) == ["ab.1", "ab.2", "ab.3"]
        assert tx.intents.count("monitor", prefix="ab.") == {"new": 2, "done": 1}
        assert tx.intents.count("monitor") == {"new": 7, "done": 1}
        assert tx.intents.count("rollout") == {}


def test_an_unknown_row_is_named_with_its_neighbours(ledger: Ledger) -> None:
    put(ledger, "drift")
    with pytest.raises(NotFound, match="Did you mean 'drift'"), ledger.read() as tx:
        tx.intents.get("monitor", "drft")
