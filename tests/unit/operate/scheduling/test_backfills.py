"""A backfill runs for each window once, so many at a time, however it is interrupted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from towpath.core.errors import InvalidName, NotFound
from towpath.operate.scheduling import BackfillRequest
from towpath.operate.scheduling.windows import count_windows, window

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)


def request(days: int = 28, **fields: Any) -> BackfillRequest:
    until = JANUARY + timedelta(days=days)
    common = {"project": "flights", "pipeline": "train", "since": JANUARY, "until": until}
    return BackfillRequest(**{**common, "every": timedelta(days=7), **fields})


def finish(shop: Any, phase: str = "done") -> int:
    """End whatever is started, until nothing is; return how many runs that were."""
    ended = 0
    shop.look()
    while shop.runs("new"):
        shop.end(phase)
        ended += 1
        shop.look()
    return ended


def test_windows_cover_the_stretch_without_gap_or_overlap():
    until = JANUARY + timedelta(days=20)
    every = timedelta(days=7)
    spans = [window(JANUARY, until, every, index) for index in range(3)]
    assert count_windows(JANUARY, until, every) == 3
    assert spans[0].since == JANUARY
    assert [one.until for one in spans[:-1]] == [one.since for one in spans[1:]]
    assert spans[-1].until == until


def test_each_window_has_a_run_as_of_its_end(shop: Any):
    started = shop.backfills.start(request())
    assert (started.name, started.phase, started.windows) == ("flights.train.1", "new", 4)
    assert started.counts == {"pending": 4}
    assert finish(shop) == 4
    days = [moment[:10] for moment in shop.moments()]
    assert days == ["2013-01-08", "2013-01-15", "2013-01-22", "2013-01-29"]
    ended = shop.backfills.get("flights.train.1")
    assert (ended.phase, ended.counts) == ("done", {"done": 4})


def test_its_runs_propose_no_models_unless_asked_to(shop: Any):
    shop.backfills.start(request(7))
    shop.backfills.start(request(7, candidates=True))
    shop.look()
    assert [run.spec.get("candidates", True) for run in shop.runs()] == [False, True]


def test_parameters_may_speak_of_the_window(shop: Any):
    shop.backfills.start(request(7, params={"begin": "{since}", "leaves": 7}))
    shop.look()
    (run,) = shop.runs()
    assert run.spec["params"] == {"begin": "2013-01-01T00:00:00+00:00", "leaves": 7}


def test_so_many_runs_at_a_time(shop: Any):
    shop.backfills.start(request(70, parallel=3))
    shop.look()
    assert len(shop.runs("new")) == 3
    held = shop.begin()
    shop.look()
    assert len(shop.runs("new", "running")) == 3
    shop.end(held=held)
    shop.look()
    assert len(shop.runs("new", "running")) == 3
    assert len(shop.runs()) == 4


def test_a_failed_window_does_not_stop_the_others_and_can_be_run_again(shop: Any):
    shop.backfills.start(request())
    shop.look()
    shop.end("failed")
    assert finish(shop) == 3
    failed = shop.backfills.get("flights.train.1")
    assert (failed.phase, failed.counts) == ("failed", {"done": 3, "failed": 1})
    shop.backfills.retry("flights.train.1")
    assert finish(shop) == 1
    again = shop.backfills.get("flights.train.1")
    assert (again.phase, again.counts) == ("done", {"done": 4})
    assert [one.span.since for one in shop.backfills.windows("flights.train.1")] == [
        JANUARY + timedelta(days=7 * index) for index in range(4)
    ]


def test_cancelling_takes_back_what_nobody_has_begun(shop: Any):
    shop.backfills.start(request(parallel=3))
    shop.look()
    going_on = shop.begin()
    shop.backfills.cancel("flights.train.1")
    shop.look()
    status = shop.backfills.get("flights.train.1")
    assert (status.phase, status.counts) == ("running", {"running": 1, "pending": 3})
    shop.end(held=going_on)
    assert finish(shop) == 0
    assert shop.backfills.get("flights.train.1").phase == "cancelled"


def test_cancelling_now_asks_its_runs_to_stop_and_no_others(shop: Any):
    name = shop.backfills.start(request()).name
    shop.look()
    with shop.ledger.write() as tx:
        for run_id, reason in (("a", f"backfill:{name}"), ("b", "backfill:flights.train.11")):
            tags = {"reason": reason, "owner": "elsewhere"}
            tx.runs.start(
                kind="pipeline", name="train", project="flights", run_id=run_id * 32, tags=tags
            )
    shop.backfills.cancel(name, now=True)
    with shop.ledger.read() as tx:
        assert tx.runs.get("a" * 32).tags["cancel"] == f"backfill {name} was cancelled"
        assert "cancel" not in tx.runs.get("b" * 32).tags


def test_what_was_cancelled_can_go_on_where_it_was(shop: Any):
    shop.backfills.start(request(parallel=2))
    shop.look()
    shop.end()
    shop.backfills.cancel("flights.train.1")
    shop.look()
    shop.backfills.retry("flights.train.1")
    assert finish(shop) == 3
    assert shop.backfills.get("flights.train.1").counts == {"done": 4}


def test_what_is_over_stays_as_it_is(shop: Any):
    shop.backfills.start(request(7))
    finish(shop)
    shop.backfills.cancel("flights.train.1")
    assert finish(shop) == 0
    assert shop.backfills.get("flights.train.1").phase == "done"


def test_backfills_are_told_apart_by_number(shop: Any):
    names = [shop.backfills.start(request(7)).name for _ in range(11)]
    assert names[-1] == "flights.train.11"
    finish(shop)
    told = shop.backfills.list()
    assert [one.name for one in told] == names[::-1], "newest first"
    assert {one.name: dict(one.counts) for one in told} == {name: {"done": 1} for name in names}


@pytest.mark.parametrize(
    "fields", [{"until": JANUARY}, {"every": timedelta(seconds=1)}], ids=["empty", "too many"]
)
def test_a_stretch_that_can_not_be_meant_is_refused(shop: Any, fields: dict[str, Any]):
    with pytest.raises(InvalidName):
        shop.backfills.start(request(**fields))
    assert shop.backfills.list() == []


def test_a_project_that_was_never_applied_has_no_code_to_run(shop: Any):
    with pytest.raises(NotFound):
        shop.backfills.start(request(project="loans"))
