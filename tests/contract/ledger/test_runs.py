"""Every ledger keeps runs, parameters, tags and metrics as the contract says."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from towpath.core.errors import Conflict, NotFound, UsageError
from towpath.core.ids import new_id
from towpath.ledger import Metric

if TYPE_CHECKING:
    from towpath.ledger import Ledger, Run

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def start(ledger: Ledger, name: str = "train", **changes: object) -> Run:
    settings: dict = {"kind": "pipeline", "project": "flights"} | changes
    with ledger.write() as tx:
        return tx.runs.start(name=name, **settings)


def point(value: float, step: int = 0, *, key: str = "auc", at: datetime = NOON) -> Metric:
    return Metric(key=key, value=value, step=step, at=at)


def test_a_run_reads_back_whole(ledger: Ledger) -> None:
    parent = start(ledger)
    run = start(
        ledger,
        "fit",
        kind="step",
        parent=parent.id,
        key="k",
        params={"leaves": 31},
        tags={"a": "b"},
    )
    assert (run.status, run.parent, run.key, run.ended_at) == ("running", parent.id, "k", None)
    assert (run.params, run.tags, run.metrics) == ({"leaves": "31"}, {"a": "b"}, {})
    with ledger.read() as tx:
        assert tx.runs.get(run.id) == run


def test_starting_the_same_run_again_is_harmless(ledger: Ledger) -> None:
    run_id = new_id()
    first = start(ledger, run_id=run_id)
    assert start(ledger, run_id=run_id) == first
    with ledger.read() as tx:
        assert len(tx.events.read(types=["run.started"])) == 1


def test_a_finished_run_stays_as_it_is(ledger: Ledger) -> None:
    run = start(ledger)
    with ledger.write() as tx:
        ended = tx.runs.finish(run.id, "failed", error="boom")
        assert tx.runs.finish(run.id, "finished") == ended
    assert (ended.status, ended.error) == ("failed", "boom")
    assert ended.ended_at is not None
    with ledger.write() as tx, pytest.raises(UsageError, match="can't finish as 'running'"):
        tx.runs.finish(run.id, "running")


def test_a_parameter_is_written_once(ledger: Ledger) -> None:
    run = start(ledger, params={"a": 1})
    with ledger.write() as tx:
        tx.runs.log_params(run.id, {"a": 1, "b": "x" * 6000})
    with pytest.raises(Conflict, match=r"'a' of run \w+ is '1'"), ledger.write() as tx:
        tx.runs.log_params(run.id, {"a": 2})
    with pytest.raises(UsageError, match="6001 characters"), ledger.write() as tx:
        tx.runs.log_params(run.id, {"c": "x" * 6001})


def test_tags_change_and_go(ledger: Ledger) -> None:
    run = start(ledger, tags={"a": "1", "b": "2"})
    with ledger.write() as tx:
        tx.runs.set_tags(run.id, {"a": "", "b": "3"})
        assert tx.runs.get(run.id).tags == {"b": "3"}
    with pytest.raises(UsageError, match="8001"), ledger.write() as tx:
        tx.runs.set_tags(run.id, {"c": "x" * 8001})


def test_history_is_ordered_and_holds_a_point_once(ledger: Ledger) -> None:
    run = start(ledger)
    later = NOON + timedelta(seconds=1)
    points = [point(0.2, 2), point(0.1, 1), point(0.15, 1, at=later), point(0.2, 2)]
    with ledger.write() as tx:
        tx.runs.log_metrics(run.id, points)
        tx.runs.log_metrics(run.id, points[:1])
        tx.runs.log_metrics(run.id, [])
    with ledger.read() as tx:
        assert tx.runs.history(run.id, "auc") == [points[1], points[2], points[0]]
        assert tx.runs.history(run.id, "auc", since_step=2) == [points[0]]
        assert tx.runs.history(run.id, "loss") == []


def test_numbers_that_are_not_finite_are_kept(ledger: Ledger) -> None:
    run = start(ledger)
    values = [math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, -0.0]
    with ledger.write() as tx:
        tx.runs.log_metrics(run.id, [point(value, step) for step, value in enumerate(values)])
    with ledger.read() as tx:
        kept = [each.value for each in tx.runs.history(run.id, "auc")]
    assert math.isnan(kept[0])
    assert kept[1:] == values[1:]


def test_the_latest_metric_is_that_of_the_highest_step(ledger: Ledger) -> None:
    run = start(ledger)
    with ledger.write() as tx:
        tx.runs.log_metrics(run.id, [point(0.3, 3), point(0.1, 1), point(1.0, key="loss")])
        tx.runs.log_metrics(run.id, [point(0.2, 2)])
        assert tx.runs.get(run.id).metrics == {"auc": 0.3, "loss": 1.0}
        tx.runs.log_metrics(run.id, [point(math.nan, 4)])
        assert math.isnan(tx.runs.get(run.id).metrics["auc"])
        tx.runs.log_metrics(run.id, [point(0.4, 4)])
        assert tx.runs.get(run.id).metrics["auc"] == 0.4


def test_runs_are_listed_newest_first_and_filtered(ledger: Ledger) -> None:
    parent = start(ledger)
    steps = [start(ledger, name, kind="step", parent=parent.id) for name in ("a", "b", "a")]
    start(ledger, project="other")
    with ledger.write() as tx:
        tx.runs.finish(steps[0].id, "finished")
    with ledger.read() as tx:
        listed = tx.runs.list(parent=parent.id)
        assert [run.id for run in listed] == [step.id for step in reversed(steps)]
        assert len(tx.runs.list()) == 5
        assert len(tx.runs.list(limit=2)) == 2
        assert [run.name for run in tx.runs.list(kind="step", name="b")] == ["b"]
        assert [run.id for run in tx.runs.list(status="finished")] == [steps[0].id]
        assert len(tx.runs.list(project="other")) == 1


def test_runs_are_listed_a_page_at_a_time(ledger: Ledger) -> None:
    parent = start(ledger)
    ids = [start(ledger, kind="step", parent=parent.id).id for _ in range(7)]
    found: list[str] = []
    with ledger.read() as tx:
        while page := tx.runs.list(parent=parent.id, before=found[-1] if found else None, limit=3):
            found += [run.id for run in page]
        with pytest.raises(NotFound, match="no run 'nobody'"):
            tx.runs.list(before="nobody")
    assert found == ids[::-1]


def test_an_unknown_run_is_named(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="no run 'nobody'"), ledger.read() as tx:
        tx.runs.get("nobody")
    with pytest.raises(NotFound), ledger.write() as tx:
        tx.runs.log_metrics("nobody", [point(1)])


def test_more_runs_may_be_asked_for_than_a_statement_has_marks(ledger: Ledger) -> None:
    mine = start(ledger)
    with ledger.write() as tx:
        tx.runs.set_tags(mine.id, {"why": "once"})
    with ledger.read() as tx:
        found = tx.runs.some([*(f"{number:032x}" for number in range(70_000)), mine.id])
    assert {run.id: run.tags for run in found.values()} == {mine.id: {"why": "once"}}
