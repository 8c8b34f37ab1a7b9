"""A schedule runs for each of its moments once, or says why it does not."""

from __future__ import annotations

from typing import Any

import pytest

from towpath.build.pipelines import pipeline
from towpath.core.errors import FenceLost, InvalidName, InvalidProject, NotFound
from towpath.operate.scheduling import Schedule, pause, resume


def test_a_moment_that_passes_is_run_for_as_of_that_moment(shop: Any):
    shop.declare(params={"window": "8 weeks"})
    assert shop.runs() == []
    shop.turn("2013-03-01T03:00:20")
    (run,) = shop.runs()
    assert run.name == "schedule.flights.nightly.20130301t030000z"
    assert run.spec == {
        "project": "flights",
        "pipeline": "train",
        "params": {"window": "8 weeks"},
        "code": "code:flights@1",
        "at": "2013-03-01T03:00:00+00:00",
        "pins": {},
        "reason": "schedule:flights.nightly",
        "wakes": ["schedule", "flights.nightly"],
    }
    assert shop.schedule().status["next"] == "2013-03-02T03:00:00+00:00"


def test_looking_again_starts_nothing_again(shop: Any):
    shop.declare()
    shop.turn("2013-03-01T03:00")
    shop.look()
    shop.turn("2013-03-02T02:59:59")
    assert len(shop.runs()) == 1


def test_without_catching_up_only_the_newest_missed_moment_is_run_for(shop: Any):
    shop.declare()
    shop.turn("2013-03-04T12:00")
    assert shop.moments() == ["2013-03-04T03:00:00+00:00"]
    assert shop.verdicts() == [
        ("2013-03-01", "skipped"),
        ("2013-03-02", "skipped"),
        ("2013-03-03", "skipped"),
        ("2013-03-04", "started"),
    ]


def test_without_catching_up_a_moment_that_finds_a_run_going_on_is_skipped(shop: Any):
    shop.declare()
    shop.turn("2013-03-01T03:00")
    shop.turn("2013-03-02T03:00")
    assert shop.verdicts()[-1] == ("2013-03-02", "skipped")
    shop.end()
    shop.turn("2013-03-03T03:00")
    assert shop.verdicts()[-1] == ("2013-03-03", "started")
    assert len(shop.runs()) == 2


def test_catching_up_runs_for_every_moment_one_after_the_other(shop: Any):
    shop.declare(catch_up=True)
    shop.turn("2013-03-03T12:00")
    for done in range(1, 4):
        assert len(shop.runs()) == done
        shop.look()
        assert len(shop.runs("new")) == 1  # the next one waits for it
        shop.end()
        shop.look()
    assert [moment[:10] for moment in shop.moments()] == ["2013-03-01", "2013-03-02", "2013-03-03"]
    assert shop.verdicts() == [(f"2013-03-0{day}", "started") for day in (1, 2, 3)]


def test_a_changed_expression_counts_from_where_the_schedule_stands(shop: Any):
    shop.declare()
    shop.turn("2013-03-01T03:00")
    shop.end()
    shop.declare(cron="0 1 * * *")
    assert len(shop.runs()) == 1
    assert shop.schedule().status["next"] == "2013-03-02T01:00:00+00:00"


def test_what_passes_during_a_pause_is_not_made_up_for(shop: Any):
    shop.declare(catch_up=True)
    with shop.ledger.write() as tx:
        pause(tx, "schedule", "flights.nightly")
    shop.turn("2013-03-05T12:00")
    assert shop.schedule().phase == "paused"
    assert shop.runs() == []
    with shop.ledger.write() as tx:
        resume(tx, "schedule", "flights.nightly")
    shop.turn("2013-03-06T03:00")
    assert [moment[:10] for moment in shop.moments()] == ["2013-03-06"]


def test_only_what_exists_can_be_paused(shop: Any):
    with pytest.raises(NotFound), shop.ledger.write() as tx:
        pause(tx, "schedule", "flights.hourly")


def test_a_worker_that_lost_its_lease_starts_nothing(shop: Any):
    shop.declare()
    with shop.ledger.write() as tx:
        tx.intents.wake("schedule", "flights.nightly")
        lost = tx.intents.claim(["schedule"], owner="slow", lease_s=0)
    shop.turn("2013-03-01T03:00")
    with pytest.raises(FenceLost):
        shop._schedules.reconcile(lost)
    assert len(shop.runs()) == 1


@pipeline
def train_small() -> None: ...


def test_a_pipeline_is_kept_by_its_name():
    assert Schedule("nightly", pipeline=train_small, cron="0 3 * * *").pipeline == "train-small"


@pytest.mark.parametrize(
    ("name", "fields", "error"),
    [
        ("nightly", {"cron": "often"}, InvalidProject),
        ("nightly", {"cron": "0 3 * * *", "tz": "Paris"}, InvalidProject),
        ("Every Night", {"cron": "0 3 * * *"}, InvalidName),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, fields: dict[str, str], error: type[Exception]):
    with pytest.raises(error):
        Schedule(name, pipeline="train", **fields)
