"""A part of a pipeline, and what a run would do before it does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from towpath.build.pipelines.planning.choosing import Part
from towpath.core.errors import NotFound, UsageError

if TYPE_CHECKING:
    from towpath.build.pipelines.planning.explaining import StepForecast


def statuses(result: Any) -> dict[str, str]:
    return {step.name: step.status for step in result.steps}


def forecast(workshop: Any, part: Part | None = None, **options: Any) -> dict[str, StepForecast]:
    runner = workshop.runner()
    pipeline = workshop.load("train")
    plan = runner.plan(pipeline, code=workshop.snapshot().ref, part=part, **options)
    found = runner.forecast(plan, project="toy", pipeline="train")
    return {one.name: one for one in found}


def expected(workshop: Any, **options: Any) -> dict[str, str]:
    return {name: one.expected for name, one in forecast(workshop, **options).items()}


def test_before_the_first_run_everything_is_to_be_executed(workshop: Any) -> None:
    found = forecast(workshop)
    assert {name: one.expected for name, one in found.items()} == dict.fromkeys(
        ("prepare", "total", "describe"), "run"
    )
    assert found["prepare"].why == "it has never run"


def test_what_is_forecast_is_what_happens(workshop: Any) -> None:
    workshop.run()
    assert expected(workshop) == dict.fromkeys(("prepare", "total", "describe"), "hit")
    assert expected(workshop, params={"times": 3}) == {
        "prepare": "hit",
        "total": "run",
        "describe": "depends",
    }
    assert statuses(workshop.run(params={"times": 3})) == {
        "prepare": "hit",
        "total": "done",
        "describe": "done",
    }


def test_a_forecast_writes_nothing(workshop: Any) -> None:
    workshop.run()
    with workshop.ledger.read() as tx:
        before = tx.events.size()
    forecast(workshop, params={"times": 3})
    with workshop.ledger.read() as tx:
        assert tx.events.size() == before


def test_the_change_that_made_a_step_stale_is_named(workshop: Any) -> None:
    workshop.run()
    assert forecast(workshop, params={"times": 2})["total"].why == "changed: parameter times"
    workshop.commit_trips(3, first=48)
    stale = forecast(workshop)["prepare"].why
    assert stale == "changed: input rows (dataset:trips@1 → dataset:trips@2)"
    workshop.change("x * 2", "x * 3", path="helpers.py")
    assert "code of helpers" in forecast(workshop)["prepare"].why


def test_a_step_behind_a_stale_one_says_what_it_waits_for_or_what_is_new_of_its_own(
    workshop: Any,
) -> None:
    workshop.run()
    workshop.commit_trips(3, first=48)
    found = forecast(workshop)
    assert found["total"].expected == "depends"
    assert found["total"].why == "on what prepare will give"
    own = forecast(workshop, params={"times": 5})["total"]
    assert (own.expected, own.why) == ("run", "changed: parameter times")


def test_a_step_that_depends_is_a_hit_when_its_input_comes_out_the_same(workshop: Any) -> None:
    workshop.run()
    workshop.change('print("preparing")', 'print("preparing more")')
    assert expected(workshop) == {"prepare": "run", "total": "depends", "describe": "depends"}
    assert statuses(workshop.run()) == {"prepare": "done", "total": "hit", "describe": "hit"}


def test_until_runs_what_a_step_needs_and_no_more(workshop: Any) -> None:
    result = workshop.run(part=Part(until="total"))
    assert statuses(result) == {"prepare": "done", "total": "done"}
    assert result.outputs == {}


def test_only_runs_one_step_on_what_is_there(workshop: Any) -> None:
    with pytest.raises(NotFound, match="'prepare' is not in the cache"):
        workshop.run(part=Part(only="total"))
    with workshop.ledger.read() as tx:
        assert tx.runs.list(kind="pipeline") == []
    workshop.run(part=Part(until="prepare"))
    assert statuses(workshop.run(part=Part(only="total"))) == {"prepare": "hit", "total": "done"}


def test_from_does_a_step_and_what_follows_anew(workshop: Any) -> None:
    with pytest.raises(NotFound, match="towpath run train --until prepare"):
        workshop.run(part=Part(start="total"))
    workshop.run()
    result = workshop.run(part=Part(start="total"))
    assert statuses(result) == {"prepare": "hit", "total": "done", "describe": "done"}
    assert result.steps[1].why == "it was asked for anew"
    assert statuses(workshop.run()) == dict.fromkeys(("prepare", "total", "describe"), "hit")


def test_a_step_that_is_asked_for_anew_is_executed_once_more(workshop: Any) -> None:
    workshop.run()
    anew = Part(anew=("prepare",))
    assert forecast(workshop, part=anew)["prepare"].expected == "run"
    result = workshop.run(part=anew)
    # what it gives is what it gave: whatever reads it is a hit
    assert statuses(result) == {"prepare": "done", "total": "hit", "describe": "hit"}


def test_inside_a_map_all_calls_are_done_anew(workshop: Any) -> None:
    workshop.write(
        "toy.py",
        """
        import towpath as tp
        from towpath.build.pipelines.authoring.mapping import map as fan_out

        @tp.step
        def numbers() -> list[int]:
            return [1, 2, 3]

        @tp.step(inline=True)
        def double(number: int) -> int:
            return number * 2

        @tp.pipeline
        def train():
            return fan_out(double, numbers())
        """,
    )
    first = statuses(workshop.run())
    node = workshop.load("train").graph().nodes[-1].name
    calls = {name for name in first if name.startswith(f"{node}/")}
    assert len(calls) == 3
    assert forecast(workshop)[node].expected == "depends"
    again = statuses(workshop.run())
    assert {again[name] for name in calls} == {"hit"}
    anew = statuses(workshop.run(part=Part(anew=(node,))))
    assert {anew[name] for name in calls} == {"done"}
    assert anew["numbers"] == "hit"


@pytest.mark.parametrize(
    ("part", "error"),
    [
        (Part(only="prepare", until="total"), UsageError),
        (Part(until="totals"), NotFound),
        (Part(anew=("nothing",)), NotFound),
    ],
)
def test_what_can_not_be_meant_is_refused(
    workshop: Any, part: Part, error: type[Exception]
) -> None:
    with pytest.raises(error):
        workshop.run(part=part)
