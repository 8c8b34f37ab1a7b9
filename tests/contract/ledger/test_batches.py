"""What many facts recorded together leave: the same rows, edges and events as one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.clock import ManualClock
from towpath.core.errors import UsageError
from towpath.core.ids import new_id
from towpath.core.refs import Ref
from towpath.ledger import open_ledger
from towpath.ledger.records import Claim, EndedRun, Filling, NewRun

if TYPE_CHECKING:
    from towpath.ledger import Ledger
    from towpath.storage.database import Database
    from towpath.storage.keys import Keyring

KEYS = ["a" * 64, "b" * 64, "c" * 64]
DIGEST = "d" * 64


@pytest.fixture
def wall() -> ManualClock:
    return ManualClock(datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
def ledger(database: Database, keyring: Keyring, wall: ManualClock) -> Ledger:
    return open_ledger(database, keyring, wall=wall)


def new(name: str, **more: Any) -> NewRun:
    return NewRun(id=new_id(), kind="step", name=name, project="p", **more)


def claims(run_id: str, keys: list[str]) -> list[Claim]:
    return [Claim(key=key, step="fit", parts={"rows": DIGEST}, run_id=run_id) for key in keys]


def take(ledger: Ledger, run_id: str, keys: list[str]) -> Any:
    with ledger.write() as tx:
        return tx.cache.claim_all(claims(run_id, keys), owner=f"worker-{run_id}", lease_s=10)


def test_runs_started_together_read_like_runs_started_alone(ledger: Ledger) -> None:
    runs = [new("a", params={"n": "1"}, tags={"t": "x"}, key="k"), new("b")]
    with ledger.write() as tx:
        tx.runs.start_all(runs)
        tx.runs.start_all([])
        alone = tx.runs.start(
            kind="step", name="a", project="p", params={"n": "1"}, tags={"t": "x"}, key="k"
        )
        tx.runs.finish_all(
            [
                EndedRun(id=runs[0].id, status="failed", error="why"),
                EndedRun(id=runs[1].id, status="finished"),
            ]
        )
        tx.runs.finish(alone.id, "failed", error="why")
    with ledger.read() as tx:
        one, two, three = (tx.runs.get(run_id) for run_id in (runs[0].id, runs[1].id, alone.id))
        events = {run.id: tx.events.read(subject=str(run.ref)) for run in (one, three)}
    fields = ("kind", "name", "project", "status", "parent", "key", "error", "params", "tags")
    assert [getattr(one, name) for name in fields] == [getattr(three, name) for name in fields]
    assert (two.status, two.params, two.error) == ("finished", {}, None)
    assert [(one.type, one.payload) for one in events[one.id]] == [
        (one.type, one.payload) for one in events[three.id]
    ]


def test_a_finished_run_stays_as_it_is(ledger: Ledger) -> None:
    run = new("a")
    with ledger.write() as tx:
        tx.runs.start_all([run])
        tx.runs.finish_all([EndedRun(id=run.id, status="killed", error="first")])
        tx.runs.finish_all([EndedRun(id=run.id, status="finished")])
    with ledger.read() as tx:
        assert (tx.runs.get(run.id).status, tx.runs.get(run.id).error) == ("killed", "first")
        assert [one.type for one in tx.events.read(subject=f"run:{run.id}")] == [
            "run.started",
            "run.finished",
        ]


def test_reused_runs_are_finished_children_and_one_event(ledger: Ledger) -> None:
    with ledger.write() as tx:
        parent = tx.runs.start(kind="pipeline", name="train", project="p")
        runs = [new(name, parent=parent.id, tags={"executed_by": "e"}) for name in ("a", "b")]
        tx.runs.reuse_all(parent.id, runs)
        tx.runs.reuse_all(parent.id, [])
    with ledger.read() as tx:
        found = {one.name: one for one in tx.runs.list(parent=parent.id)}
        events = [one for one in tx.events.read(subject=str(parent.ref)) if "reused" in one.type]
    assert {name: one.status for name, one in found.items()} == {"a": "finished", "b": "finished"}
    assert all(one.ended_at == one.started_at for one in found.values())
    assert [one.payload["runs"] for one in events] == [{one.id: one.name for one in runs}]


def test_labels_that_are_too_long_record_nothing(ledger: Ledger) -> None:
    run = new("a", params={"n": "x" * 6001})
    with pytest.raises(UsageError, match="6001 characters"), ledger.write() as tx:
        tx.runs.start_all([run])
    with ledger.read() as tx:
        assert tx.runs.list() == []


def test_points_of_many_runs_are_kept_with_the_latest_of_each(
    ledger: Ledger, wall: ManualClock
) -> None:
    from towpath.ledger.records import Metric

    runs = [new("a"), new("b"), new("c")]
    at = wall.now()
    with ledger.write() as tx:
        tx.runs.start_all(runs)
        tx.runs.log_all_metrics(
            {
                runs[0].id: [Metric(key="m", value=float(n), step=n, at=at) for n in (2, 0, 1)],
                runs[1].id: [Metric(key="m", value=9.0, at=at), Metric(key="n", value=1.0, at=at)],
                runs[2].id: [],
            }
        )
    with ledger.read() as tx:
        assert [tx.runs.get(run.id).metrics for run in runs] == [
            {"m": 2.0},
            {"m": 9.0, "n": 1.0},
            {},
        ]
        assert [one.step for one in tx.runs.history(runs[0].id, "m")] == [0, 1, 2]


def test_links_made_together_are_linked_once(ledger: Ledger) -> None:
    a, b, run = Ref("dataset", "d", 1), Ref("artifact", DIGEST), Ref("run", "r")
    with ledger.write() as tx:
        tx.graph.link(run, "used", a)
        before = tx.events.size()
        tx.graph.link_all([(run, "used", a), (b, "made", run), (b, "made", run)])
        tx.graph.link_all([])
        assert tx.events.size() == before + 1
    with ledger.read() as tx:
        assert set(tx.graph.trace(b).nodes) == {b, run, a}
        assert [one.payload for one in tx.events.read(subject=str(b))] == [
            {"relation": "made", "parent": "run:r"}
        ]


def test_claims_are_granted_or_tell_who_is_on_it(ledger: Ledger, wall: ManualClock) -> None:
    take(ledger, "r1", KEYS[:2])
    found = take(ledger, "r2", KEYS[1:])
    assert {key: one.run_id for key, one in found.items()} == {KEYS[1]: "r1", KEYS[2]: "r2"}
    wall.advance(timedelta(seconds=11))
    again = take(ledger, "r2", KEYS[:2])
    assert {one.run_id for one in again.values()} == {"r2"}


def test_what_is_filled_together_is_found_and_what_was_lost_is_told(
    ledger: Ledger, wall: ManualClock
) -> None:
    mine = take(ledger, "r1", KEYS)
    wall.advance(timedelta(seconds=11))
    take(ledger, "r2", KEYS[:1])
    with ledger.write() as tx:
        lost = tx.cache.fill_all(
            [
                Filling(key=key, fence=one.fence, outputs={"digest": DIGEST})
                for key, one in mine.items()
            ]
        )
    with ledger.read() as tx:
        found = tx.cache.look_all([*KEYS, "e" * 64])
        using = {one.key for one in tx.cache.using([DIGEST])}
        cached = [one.payload["key"] for one in tx.events.read(types=["step.cached"])]
    assert lost == KEYS[:1]
    assert set(found) == using == set(cached) == set(KEYS[1:])
    assert found[KEYS[1]].outputs == {"digest": DIGEST}
    # A filled key is nobody's: another owner finds it done.
    assert take(ledger, "r3", KEYS[1:])[KEYS[1]].state == "done"


def test_a_run_s_keys_are_found_by_the_names_of_its_children(ledger: Ledger) -> None:
    held = take(ledger, "r1", KEYS[:2])
    with ledger.write() as tx:
        parent = tx.runs.start(kind="pipeline", name="train", project="p")
        tx.cache.fill_all([Filling(key=KEYS[0], fence=held[KEYS[0]].fence, outputs={"n": 1})])
        tx.runs.start_all(
            [new(name, parent=parent.id, key=key) for name, key in zip("ab", KEYS, strict=False)]
        )
    with ledger.read() as tx:
        found = tx.cache.look_ahead(parent.id)
        results = tx.cache.results_of(parent.id)
    assert {name: one.key for name, one in found.items()} == {"a": KEYS[0]}
    assert list(results) == ["a"]
    for name in ("key", "run_id", "outputs", "fence"):
        assert getattr(results["a"], name) == getattr(found["a"], name)


def test_children_that_stand_for_one_execution_share_its_result(ledger: Ledger) -> None:
    held = take(ledger, "r1", KEYS[:1])
    with ledger.write() as tx:
        parent = tx.runs.start(kind="pipeline", name="train", project="p")
        tx.cache.fill_all([Filling(key=KEYS[0], fence=held[KEYS[0]].fence, outputs={"n": 1})])
        tx.runs.reuse_all(parent.id, [new(name, parent=parent.id, key=KEYS[0]) for name in "ab"])
    with ledger.read() as tx:
        results = tx.cache.results_of(parent.id)
    assert results["a"] is results["b"]


def test_what_a_run_consists_of_is_told_without_what_is_noted_about_it(
    ledger: Ledger, wall: ManualClock
) -> None:
    with ledger.write() as tx:
        parent = tx.runs.start(kind="pipeline", name="train", project="p")
        first, second = new("a", parent=parent.id, tags={"t": "x"}), new("b", parent=parent.id)
        tx.runs.start_all([first, second, new("elsewhere")])
    wall.advance(timedelta(seconds=3))
    with ledger.write() as tx:
        tx.runs.finish_all([EndedRun(id=first.id, status="failed", error="why")])
        tx.runs.reuse_all(parent.id, [new("c", parent=parent.id, tags={"cached": "true"})])
    wall.advance(timedelta(seconds=2))
    with ledger.read() as tx:
        parts = tx.runs.parts(parent.id, limit=10)
        listed = tx.runs.list(parent=parent.id)
        assert tx.runs.parts(parent.id, limit=1) == parts[:1]
    assert [(one.id, one.ref) for one in parts] == [(one.id, one.ref) for one in listed]
    told = [(one.name, one.kind, one.status, one.cached, one.seconds) for one in parts]
    assert sorted(told) == [
        ("a", "step", "failed", False, 3.0),
        ("b", "step", "running", False, 5.0),
        ("c", "step", "finished", True, 0.0),
    ]
