"""Schedules, triggers, backfills and parts of runs, from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CODE = """
import towpath as tp

@tp.step
def one(*, times: int) -> int:
    return times

@tp.step
def two(before: int) -> int:
    return before + 1

@tp.pipeline
def train(times: int = 2):
    return two(one(times=times))

project = tp.Project(
    "mine",
    owner="you@example.org",
    pipelines=[train],
    schedules=[tp.Schedule("nightly", pipeline=train, cron="0 3 * * *", tz="Europe/Paris")],
    triggers=[tp.On(event="com.shop.order", pipeline=train, given={"times": "data.times"})],
)
"""
BACKFILL = "backfill train --from 2013-01-01 --to 2013-01-29 --every 7d"


@pytest.fixture
def applied(project: Path, towpath: Callable[..., Any]) -> Path:
    (project / "mine.py").write_text(CODE, encoding="utf-8")
    done = towpath("apply", "--json")
    assert done.code == 0, done.err
    changes = {(one["kind"], one["name"]) for one in last(done)["changes"]}
    assert {("schedule", "mine.nightly"), ("trigger", "mine.on-com.shop.order")} <= changes
    return project


def last(done: Any) -> Any:
    return json.loads(done.out.splitlines()[-1])


@pytest.mark.usefixtures("applied")
def test_a_schedule_is_listed_paused_and_resumed(towpath: Callable[..., Any]):
    assert "0 3 * * * Europe/Paris" in towpath("schedule", "list").out
    assert towpath("schedule", "pause", "mine.nightly").code == 0
    assert last(towpath("schedule", "show", "mine.nightly", "--json"))["paused"] is True
    assert last(towpath("apply", "--json"))["changes"] == []  # and still is
    assert last(towpath("schedule", "show", "mine.nightly", "--json"))["paused"] is True
    assert towpath("schedule", "resume", "mine.nightly").code == 0
    assert last(towpath("schedule", "show", "mine.nightly", "--json"))["paused"] is False
    wrong = towpath("schedule", "pause", "mine.nightli")
    assert wrong.code == 1
    assert "mine.nightly" in wrong.err


@pytest.mark.usefixtures("applied")
def test_a_trigger_says_what_it_waits_for(towpath: Callable[..., Any]):
    assert "com.shop.order" in towpath("trigger", "list").out
    shown = last(towpath("trigger", "show", "mine.on-com.shop.order", "--json"))
    assert (shown["event"], shown["given"]) == ("com.shop.order", {"times": "data.times"})
    assert towpath("trigger", "pause", "mine.on-com.shop.order").code == 0


def test_what_is_not_declared_any_more_is_removed(applied: Path, towpath: Callable[..., Any]):
    import sys

    code = CODE[: CODE.index("    schedules=")] + ")\n"
    (applied / "mine.py").write_text(code, encoding="utf-8")
    sys.modules.pop("mine")
    done = last(towpath("apply", "--json"))
    removed = {one["kind"] for one in done["changes"] if one["action"] == "remove"}
    assert removed == {"schedule", "trigger"}
    assert "no project declares a schedule" in towpath("schedule", "list").err


@pytest.mark.usefixtures("applied")
def test_a_backfill_is_started_shown_and_cancelled(towpath: Callable[..., Any]):
    assert towpath(*BACKFILL.split(), "--parallel", "2").out.splitlines()[-1] == "mine.train.1"
    assert "4 pending" in towpath("backfill", "list").out
    shown = last(towpath("backfill", "show", "mine.train.1", "--json"))
    assert (shown["phase"], shown["windows"], shown["every"]) == ("new", {"pending": 4}, "7d")
    assert towpath("backfill", "cancel", "mine.train.1").code == 0
    assert towpath("backfill", "retry", "mine.train.1").code == 0


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (f"{BACKFILL} --param times", 2, "name=value"),
        ("backfill train --from 2013-01-29 --to 2013-01-01 --every 7d", 2, "later than --from"),
        ("backfill train --from 2013-01-01 --to 2013-01-29 --every often", 2, "not a duration"),
        ("backfill trian --from 2013-01-01 --to 2013-01-29 --every 7d", 1, "train"),
        ("backfill show mine.train.9", 1, "mine.train.9"),
        ("run train --only one --until two", 2, "exclude each other"),
        ("run train --until three", 1, "three"),
        ("run train --only two", 1, "towpath run train --until one"),
    ],
)
@pytest.mark.usefixtures("applied")
def test_what_can_not_be_meant_is_refused(
    towpath: Callable[..., Any], line: str, code: int, said: str
):
    done = towpath(*line.split())
    assert (done.code, said in done.err) == (code, True), done.err
    assert last(towpath("runs", "--json")) == []


@pytest.mark.usefixtures("applied")
def test_a_dry_run_says_what_a_run_would_do(towpath: Callable[..., Any]):
    told = last(towpath("run", "--dry-run", "--json"))
    assert [(one["name"], one["expected"]) for one in told] == [("one", "run"), ("two", "run")]
    assert last(towpath("runs", "--json")) == []
    assert towpath("run", "--until", "one").code == 0
    told = last(towpath("run", "--dry-run", "--json"))
    assert [(one["name"], one["expected"]) for one in told] == [("one", "hit"), ("two", "run")]
    said = towpath("run", "--why", "--param", "times=3").out
    assert "changed: parameter times" in said
    assert said.count("it has never run") == 2  # before the run, and after it
