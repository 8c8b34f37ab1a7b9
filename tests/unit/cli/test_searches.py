"""Searches from the command line, on a home in which one has run and one is running."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from search_theatre import Theatre, fit

from towpath.app.home import open_home
from towpath.app.place import resolve_place
from towpath.build.tuning.contract import Objective, SearchSpec
from towpath.build.tuning.declaring import Search
from towpath.build.tuning.space import Choice, Interval

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPEC = SearchSpec(
    space={"x": Interval(low=0.0, high=1.0), "kind": Choice(values=("a", "b"))},
    objectives=(Objective(metric="m", direction="maximize"),),
    trials=10,
    within={"size": (None, 2.0)},
)


@pytest.fixture
def searched(tmp_path: Path) -> list[str]:
    """Run one search to its end, and begin another; return their ids, the finished one first."""
    place = resolve_place(tmp_path, flags={"home": str(tmp_path)}, environ={})
    with open_home(place) as home:
        theatre = Theatre(home.ledger, home.blobs)
        act = theatre.play(Search(step=fit, spec=SPEC, fixed={}))
        act.break_down("search-fit/trial-0")
        while not act.is_over:
            name, call = next(iter(act.calls.items()))
            act.succeed(name, m=call.params["x"], size=3.0 if name.endswith("-1") else 1.0)
        theatre.code += 1
        going = theatre.play(Search(step=fit, spec=SPEC, fixed={}))
    return [act.driver_run, going.driver_run]


@pytest.fixture
def ask(towpath: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    return lambda *words: towpath("search", *words, "--home", tmp_path)


def test_searches_are_listed_newest_first(ask: Any, searched: list[str]) -> None:
    listed = ask("list")
    lines = listed.out.splitlines()
    assert listed.code == 0
    assert [line.split()[0] for line in lines[1:]] == searched[::-1]
    assert "maximize m" in listed.out
    found = json.loads(ask("list", "--json").out)
    assert [one["status"] for one in found] == ["running", "finished"]


def test_a_search_is_shown_with_its_trials_and_what_decided(ask: Any, searched: list[str]) -> None:
    shown = ask("show", searched[0])
    assert shown.code == 0
    assert "10 of 10, 9 done, 1 failed" in shown.out
    assert "ValueError in fit" in shown.out
    assert "out of bounds" in shown.out
    assert "what decided" in shown.out
    few = ask("show", searched[0], "--trials", 2)
    assert "8 earlier trials are not shown" in few.err
    whole = json.loads(ask("show", searched[0], "--json").out)
    assert [trial["number"] for trial in whole["trials"]] == list(range(10))
    assert json.loads(ask("show", "--json").out)["summary"]["id"] == searched[1]


def test_the_pool_is_printed_best_first(ask: Any, searched: list[str]) -> None:
    pool = json.loads(ask("best", searched[0], "--json").out)
    values = [trial["values"][0] for trial in pool]
    assert values == sorted(values, reverse=True)
    assert len(pool) == 3
    printed = ask("best", searched[0])
    assert [line.split()[0] for line in printed.out.splitlines()[1:]] == [
        str(trial["number"]) for trial in pool
    ]


def test_a_home_without_searches_says_how_to_begin(ask: Any, tmp_path: Path) -> None:
    with open_home(resolve_place(tmp_path, flags={"home": str(tmp_path)}, environ={})):
        pass
    assert "tp.search" in ask("list").err
    missing = ask("show")
    assert missing.code == 1
    assert "nothing has been searched yet" in missing.err
