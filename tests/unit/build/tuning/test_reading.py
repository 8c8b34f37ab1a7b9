"""Searches as they are listed and drawn, while they go on and after."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from towpath.build.tuning.contract import Objective, SearchSpec
from towpath.build.tuning.declaring import Search
from towpath.build.tuning.reading import SearchReader
from towpath.build.tuning.space import Choice, Interval
from towpath.core.errors import NotFound, UsageError

SPEC = SearchSpec(
    space={
        "x": Interval(low=0.01, high=1.0, log=True),
        "kind": Choice(values=("a", (1, 2))),
    },
    objectives=(Objective(metric="m", direction="maximize"),),
    trials=12,
    prune="median",
    within={"size": (None, 5.0)},
    first=({"x": 0.1, "kind": (1, 2)},),
    keep=2,
)


@pytest.fixture
def reader(theatre: Any) -> SearchReader:
    return SearchReader(theatre.ledger, theatre.blobs)


def begin(theatre: Any, step: Any, spec: SearchSpec = SPEC) -> Any:
    return theatre.play(Search(step=step, spec=spec, fixed={}))


def run_out(act: Any) -> Any:
    while not act.is_over:
        name, call = next(iter(act.calls.items()))
        number = int(name.rpartition("-")[2])
        act.succeed(name, m=call.params["x"], size=9.0 if number == 3 else 1.0)
    return act


def test_a_search_can_be_watched(theatre: Any, step: Any, reader: SearchReader) -> None:
    act = begin(theatre, step)
    act.report("search-fit/trial-0", 1, 0.3)
    act.report("search-fit/trial-0", 2, 0.4)
    act.succeed("search-fit/trial-0", m=0.5, size=1.0)
    act.break_down("search-fit/trial-1")

    view = reader.show()

    assert view.summary.id == act.driver_run
    assert view.summary.status == "running"
    assert (view.summary.wanted, view.sampler, view.prune) == (12, "tpe", "median")
    assert view.counts == {"done": 1, "failed": 1, "running": 2}
    first = view.trials[0]
    assert first.curve == ((1, 0.3), (2, 0.4))
    assert first.point == {"x": 0.1, "kind": "(1, 2)"}
    assert first.places == {"x": pytest.approx(0.5), "kind": 1.0}
    assert (first.values, first.rank, first.allowed) == ((0.5,), 0, True)
    assert view.best_so_far == ((0, 0.5),)
    assert view.importances == {}
    assert view.within == {"size": (None, 5.0)}


def test_what_is_no_finite_number_is_left_out(
    theatre: Any, step: Any, reader: SearchReader
) -> None:
    act = begin(theatre, step)
    act.report("search-fit/trial-0", 1, 0.3)
    act.report("search-fit/trial-0", 2, math.nan)
    act.succeed("search-fit/trial-0", m=0.5, size=1.0, ratio=math.inf)

    first = reader.show().trials[0]

    assert first.curve == ((1, 0.3), (2, None))
    assert first.values == (0.5,)
    assert "ratio" not in first.metrics


def test_a_finished_search_tells_who_won_and_what_decided(
    theatre: Any, step: Any, reader: SearchReader
) -> None:
    act = run_out(begin(theatre, step))

    view = reader.show(act.driver_run)

    pool = reader.best(act.driver_run)
    allowed = [trial for trial in view.trials if trial.allowed]
    assert [trial.rank for trial in pool] == [0, 1]
    assert pool[0].values[0] == max(trial.values[0] for trial in allowed)
    assert view.summary.best == pool[0].number
    assert view.summary.metrics["m"] == pool[0].values[0]
    assert not view.trials[3].allowed
    assert view.trials[3].rank is None
    assert [trial.number for trial in view.trials if trial.on_front] == [pool[0].number]
    values = [value for _, value in view.best_so_far]
    assert values == sorted(values)
    assert values[-1] == pool[0].values[0]
    assert next(iter(view.importances)) == "x"
    assert [axis.name for axis in view.axes] == ["x", "kind"]
    assert view.axes[1].choices == ("a", "(1, 2)")
    assert view.axes[0].log


def test_a_view_is_json(theatre: Any, step: Any, reader: SearchReader) -> None:
    run_out(begin(theatre, step))
    found = msgspec.json.decode(msgspec.json.encode(reader.show()))
    assert found["trials"][0]["point"] == {"x": 0.1, "kind": "(1, 2)"}


def test_a_killed_search_shows_what_it_had(theatre: Any, step: Any, reader: SearchReader) -> None:
    act = begin(theatre, step)
    act.succeed("search-fit/trial-0", m=0.5, size=1.0)
    with theatre.ledger.write() as tx:
        for call in act.calls.values():
            tx.runs.finish(call.run_id, "killed", error="its process died")
        tx.runs.finish(act.driver_run, "killed", error="its process died")
    view = reader.show()
    assert view.counts == {"done": 1, "stopped": 2}
    assert view.summary.status == "killed"


def test_a_report_that_is_gone_leaves_what_the_runs_tell(
    theatre: Any, step: Any, reader: SearchReader
) -> None:
    act = run_out(begin(theatre, step))
    whole = reader.show()
    theatre.blobs.delete(act.tags["report"])
    again = reader.show()
    assert [trial.point for trial in again.trials] == [trial.point for trial in whole.trials]
    assert again.best_so_far == whole.best_so_far


def test_several_goals_have_a_front_and_no_best_so_far(
    theatre: Any, step: Any, reader: SearchReader
) -> None:
    goals = (
        Objective(metric="m", direction="maximize"),
        Objective(metric="size", direction="minimize"),
    )
    act = begin(theatre, step, replace(SPEC, objectives=goals, prune=None, within={}))
    for number, (m, size) in enumerate([(1, 1), (2, 2), (0, 5)]):
        act.succeed(f"search-fit/trial-{number}", m=float(m), size=float(size))
    view = reader.show()
    assert [trial.on_front for trial in view.trials[:3]] == [True, True, False]
    assert view.best_so_far == ()


def test_searches_are_found_by_their_own_run_by_the_pipelines_and_in_a_list(
    theatre: Any, step: Any, reader: SearchReader
) -> None:
    older = run_out(begin(theatre, step))
    newer = begin(theatre, step, replace(SPEC, seed=1))
    assert reader.show(older.run_id).summary.id == older.driver_run
    assert reader.show(f"run:{older.driver_run}").summary.id == older.driver_run
    assert [one.id for one in reader.list()] == [newer.driver_run, older.driver_run]
    assert [one.id for one in reader.list(limit=1)] == [newer.driver_run]
    assert [one.id for one in reader.list(before=newer.driver_run)] == [older.driver_run]
    assert reader.list(project="other") == []


def test_what_is_no_search_is_refused_by_name(theatre: Any, reader: SearchReader) -> None:
    with pytest.raises(NotFound, match="nothing has been searched"):
        reader.show()
    with theatre.ledger.write() as tx:
        run = tx.runs.start(kind="pipeline", name="train", project="toy")
    with pytest.raises(UsageError, match="holds none"):
        reader.show(run.id)
    with pytest.raises(NotFound):
        reader.show("0" * 32)
