"""A search, moved event by event: what it spawns, gives up, remembers and picks."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from towpath.build.pipelines.formats import load_artifact
from towpath.build.tuning.contract import Objective, SearchSpec
from towpath.build.tuning.declaring import Search
from towpath.build.tuning.journal import trials_of
from towpath.build.tuning.reports import read_report
from towpath.build.tuning.space import Choice, Interval
from towpath.core.errors import BudgetRefused, StepFailed, StorageFull, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = SearchSpec(
    space={"x": Interval(low=0.0, high=1.0), "kind": Choice(values=("a", "b"))},
    objectives=(Objective(metric="m", direction="maximize"),),
    trials=6,
    parallel=2,
)


@pytest.fixture
def begin(theatre: Any, step: Any) -> Callable[..., Any]:
    def start(spec: SearchSpec = SPEC, **fixed: Any) -> Any:
        return theatre.play(Search(step=step, spec=spec, fixed=fixed))

    return start


def run_out(act: Any, score: Callable[[Any], float] = lambda call: call.params["x"]) -> Any:
    """Let every trial succeed, the oldest first."""
    while not act.is_over:
        name, call = next(iter(act.calls.items()))
        act.succeed(name, m=score(call))
    return act


def values(act: Any) -> list[float]:
    return [load_artifact(one, act.blobs) for one in act.results[:-1]]


def report(act: Any) -> Any:
    with act.ledger.read() as tx:
        return read_report(tx.runs.get(act.driver_run), act.blobs)


def test_it_keeps_as_many_going_as_asked_and_no_more(begin: Any) -> None:
    act = begin(replace(SPEC, parallel=3))
    assert list(act.calls) == [f"search-fit/trial-{n}" for n in range(3)]
    act.succeed("search-fit/trial-1", m=1.0)
    assert list(act.calls) == [f"search-fit/trial-{n}" for n in (0, 2, 3)]


def test_the_best_goes_on_first_and_the_pool_behind_it(begin: Any) -> None:
    act = run_out(begin(replace(SPEC, keep=3)))
    kept = report(act)
    xs = sorted((trial.params["x"] if trial.values else 0.0 for trial in kept.trials), reverse=True)
    assert values(act) == xs[:3]
    assert act.metrics == {"m": xs[0]}
    assert len(kept.trials) == 6
    assert [kept.trials[n].values[0] for n in kept.ranking] == xs[:3]


def test_minimising_turns_it_round(begin: Any) -> None:
    goal = Objective(metric="m", direction="minimize")
    act = run_out(begin(replace(SPEC, objectives=(goal,), keep=6)))
    assert values(act) == sorted(values(act))


def test_constants_and_points_to_begin_with_reach_the_trials(begin: Any) -> None:
    act = begin(replace(SPEC, first=({"x": 0.25, "kind": "b"}, {"x": 0.75})), times=7)
    first, second = act.calls.values()
    assert first.params == {"x": 0.25, "kind": "b", "times": 7}
    assert second.params["x"] == 0.75
    assert second.params["kind"] in ("a", "b")


def test_a_failed_trial_does_not_end_the_search(begin: Any) -> None:
    act = begin()
    act.break_down("search-fit/trial-0")
    run_out(act)
    trial = report(act).trials[0]
    assert act.error is None
    assert (trial.state, trial.why) == ("failed", "step 'fit' failed: ValueError in fit")


def test_a_trial_that_logs_no_objective_or_nan_has_failed(begin: Any) -> None:
    act = begin()
    act.succeed("search-fit/trial-0", other=1.0)
    act.succeed("search-fit/trial-1", m=float("nan"))
    run_out(act)
    first, second = report(act).trials[:2]
    assert (first.state, first.why) == ("failed", "it logged no metric 'm'")
    assert (second.state, second.why) == ("failed", "its m is not a finite number")


def test_a_search_in_which_nothing_works_is_given_up_early(begin: Any) -> None:
    act = begin(replace(SPEC, trials=50))
    for number in range(5):
        act.break_down(f"search-fit/trial-{number}")
    assert isinstance(act.error, StepFailed)
    assert "no trial has worked (5 failed)" in act.error.message
    assert "ValueError in fit" in act.error.remedy


@pytest.mark.parametrize("kind", [StorageFull, BudgetRefused])
def test_what_no_later_trial_would_survive_ends_the_search_at_once(begin: Any, kind: Any) -> None:
    act = begin()
    act.break_down("search-fit/trial-0", kind("no room"))
    assert isinstance(act.error, kind)


def test_what_the_machine_did_to_a_trial_is_not_held_against_its_setting(begin: Any) -> None:
    act = begin()
    setting = act.calls["search-fit/trial-0"].params
    act.break_down("search-fit/trial-0", Unavailable("killed by signal 9"))
    run_out(act)
    trial = report(act).trials[0]
    assert (trial.state, trial.why) == ("stopped", "killed by signal 9")
    again = begin()
    assert {name: call.params for name, call in again.calls.items()} == {
        "search-fit/trial-0": setting
    }
    run_out(again)
    assert [trial.state for trial in report(again).trials] == ["done"] * SPEC.trials


def test_what_lies_outside_the_bounds_never_wins(begin: Any) -> None:
    act = begin(replace(SPEC, within={"size": (None, 1.0)}, keep=6))
    while not act.is_over:
        name = next(iter(act.calls))
        number = int(name.rpartition("-")[2])
        act.succeed(name, m=float(number), size=number / 2)
    assert values(act) == [2.0, 1.0, 0.0]


def test_nothing_within_the_bounds_is_a_failure_that_counts_them(begin: Any) -> None:
    act = begin(replace(SPEC, within={"size": (None, 1.0)}))
    run_out(act)  # nobody logs a size
    assert "none of its trials may be chosen (6 outside the bounds)" in act.error.message


def test_several_objectives_make_a_front(begin: Any) -> None:
    goals = (
        Objective(metric="m", direction="maximize"),
        Objective(metric="cost", direction="minimize"),
    )
    act = begin(replace(SPEC, objectives=goals, keep=6))
    scores = [(1, 1), (2, 2), (3, 9), (0.9, 5), (0, 0), (1.9, 3)]
    while not act.is_over:
        name = next(iter(act.calls))
        m, cost = scores[int(name.rpartition("-")[2])]
        act.succeed(name, m=float(m), cost=float(cost))
    kept = report(act)
    assert kept.front == [0, 1, 2, 4]
    assert set(kept.ranking[:4]) == {0, 1, 2, 4}
    assert kept.ranking[0] == 1  # nearest to the best of both
    assert kept.ranking[4:] == [5, 3]


def test_equal_results_take_one_place_in_the_pool(begin: Any) -> None:
    act = begin(replace(SPEC, keep=3))
    for number, m in enumerate([1.0, 3.0, 3.0, 2.0, 3.0, 0.0]):
        act.succeed(f"search-fit/trial-{number}", m=m)
    assert values(act) == [3.0, 2.0, 1.0]
    assert report(act).ranking == [1, 3, 0]


def test_a_hopeless_trial_is_stopped_and_its_last_word_kept(begin: Any) -> None:
    act = begin(replace(SPEC, trials=8, prune="median"))
    for number in range(5):
        name = f"search-fit/trial-{number}"
        act.report(name, 0, 10.0)
        act.succeed(name, m=10.0)
    assert act.cancelled == {}
    act.report("search-fit/trial-5", 0, 1.0)
    assert act.cancelled["search-fit/trial-5"].startswith("pruned: worse at step 0")
    act.report("search-fit/trial-5", 1, 2.0)  # it is not dead yet
    act.stop("search-fit/trial-5")
    run_out(act)
    trial = report(act).trials[5]
    assert (trial.state, trial.points, trial.values) == ("pruned", ((0, 1.0), (1, 2.0)), (2.0,))
    assert trial.why.startswith("worse at step 0")
    assert 5 not in report(act).ranking


def test_a_trial_that_finished_before_it_could_be_stopped_counts_in_full(begin: Any) -> None:
    act = begin(replace(SPEC, trials=8, prune="median"))
    for number in range(5):
        act.report(f"search-fit/trial-{number}", 0, 10.0)
        act.succeed(f"search-fit/trial-{number}", m=10.0)
    act.report("search-fit/trial-5", 0, 1.0)
    act.succeed("search-fit/trial-5", m=99.0)
    run_out(act)
    assert report(act).trials[5].state == "done"
    assert report(act).ranking[0] == 5


def test_time_up_starts_nothing_more_and_picks_from_what_there_is(begin: Any) -> None:
    act = begin(replace(SPEC, timeout_s=10.0))
    act.succeed("search-fit/trial-0", m=1.0)
    act.tick(9.9)
    assert not act.is_over
    act.tick(10.0)
    assert list(act.calls) == ["search-fit/trial-1", "search-fit/trial-2"]
    act.succeed("search-fit/trial-1", m=3.0)
    act.succeed("search-fit/trial-2", m=2.0)
    assert values(act) == [3.0, 2.0, 1.0]


def test_time_up_before_any_result_is_a_failure(begin: Any) -> None:
    act = begin(replace(SPEC, timeout_s=0.0))
    act.break_down("search-fit/trial-0")
    act.tick(0.1)
    act.break_down("search-fit/trial-1")
    if not act.is_over:
        act.break_down("search-fit/trial-2")
    assert "none of its trials may be chosen" in act.error.message


def test_the_same_search_again_executes_nothing(begin: Any, theatre: Any) -> None:
    first = run_out(begin())
    executed = dict(theatre.executed)
    again = begin()
    assert again.is_over
    assert theatre.executed == executed
    assert values(again) == values(first)
    assert [(t.number, t.params, t.state, t.values) for t in report(again).trials] == [
        (t.number, t.params, t.state, t.values) for t in report(first).trials
    ]


def test_a_search_that_only_repeats_loads_no_proposer(
    begin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_out(begin())
    monkeypatch.setitem(sys.modules, "towpath.build.tuning.study", None)
    assert begin().is_over
    with pytest.raises(ImportError):
        begin(replace(SPEC, trials=7))


def test_more_trials_continue_the_search(begin: Any, theatre: Any) -> None:
    first = report(run_out(begin()))
    longer = begin(replace(SPEC, trials=9, parallel=1, keep=2))
    assert list(longer.calls) == ["search-fit/trial-6"]
    run_out(longer)
    assert [one.params for one in report(longer).trials[:6]] == [one.params for one in first.trials]
    assert sum(theatre.executed.values()) == 9


@pytest.mark.parametrize("change", ["code", "fixed", "seed"])
def test_another_search_begins_anew(begin: Any, theatre: Any, change: str) -> None:
    run_out(begin())
    spec = replace(SPEC, seed=9) if change == "seed" else SPEC
    theatre.code += change == "code"
    act = begin(spec, **({"times": 3} if change == "fixed" else {}))
    assert list(act.calls) == ["search-fit/trial-0", "search-fit/trial-1"]


def test_a_killed_search_goes_on_where_it_was(begin: Any, theatre: Any) -> None:
    spec = replace(SPEC, trials=10, prune="median")
    act = begin(spec)
    for number in range(5):
        act.report(f"search-fit/trial-{number}", 0, 10.0)
        if number == 2:
            act.break_down("search-fit/trial-2")
        else:
            act.succeed(f"search-fit/trial-{number}", m=10.0)
    act.report("search-fit/trial-5", 0, 1.0)
    act.report("search-fit/trial-6", 0, 11.0)
    going = act.calls["search-fit/trial-6"].params
    if "search-fit/trial-5" in act.cancelled:
        act.stop("search-fit/trial-5")
    executed = dict(theatre.executed)
    proposed = {name: call.params for name, call in act.calls.items()}

    again = begin(spec)

    assert theatre.executed == executed
    assert {name: call.params for name, call in again.calls.items()} == proposed
    assert again.calls["search-fit/trial-6"].params == going
    run_out(again)
    assert [trial.number for trial in report(again).trials] == list(range(10))
    assert report(again).trials[2].state == "failed"


def test_what_was_pruned_is_known_to_the_search_after_next(begin: Any, theatre: Any) -> None:
    spec = replace(SPEC, trials=10, prune="median", parallel=1)
    act = begin(spec)
    for number in range(6):
        act.report(f"search-fit/trial-{number}", 0, 10.0)
        act.succeed(f"search-fit/trial-{number}", m=10.0)
    act.report("search-fit/trial-6", 0, 1.0)
    act.stop("search-fit/trial-6")
    begin(spec)  # killed as well, having told nothing of the pruned one
    last = begin(spec)
    assert list(last.calls) == ["search-fit/trial-7"]
    run_out(last)
    assert report(last).trials[6].state == "pruned"
    again = begin(spec)
    assert again.is_over
    assert report(again).trials[6].points == ((0, 1.0),)


def test_warmth_tries_the_best_of_an_earlier_search_first(begin: Any, theatre: Any) -> None:
    earlier = report(run_out(begin()))
    theatre.code += 1
    act = begin(replace(SPEC, warm=2, first=({"x": 0.5, "kind": "a"},), parallel=3))
    told = [earlier.trials[n].params for n in earlier.ranking[:2]]
    assert [call.params for call in act.calls.values()] == [{"x": 0.5, "kind": "a"}, *told]


def test_warmth_takes_what_fits_from_another_space(begin: Any, theatre: Any) -> None:
    earlier = report(run_out(begin()))
    theatre.code += 1
    space = {"x": Interval(low=0.0, high=1.0), "times": Interval(low=1, high=9, whole=True)}
    act = begin(replace(SPEC, space=space, warm=1, parallel=1))
    (call,) = act.calls.values()
    assert call.params["x"] == earlier.trials[earlier.ranking[0]].params["x"]
    assert 1 <= call.params["times"] <= 9


def test_an_erasure_fits_the_pool_again_and_searches_no_further(begin: Any, theatre: Any) -> None:
    earlier = report(run_out(begin(replace(SPEC, keep=3))))
    pool = [earlier.trials[number].params for number in earlier.ranking]
    theatre.code += 1  # as if the rows had changed
    theatre.reason = "erasure:01"
    act = begin(replace(SPEC, keep=3))
    act.succeed("search-fit/trial-0", m=1.0)
    begin(replace(SPEC, keep=3))  # killed
    last = run_out(begin(replace(SPEC, keep=3)))
    assert [trial.params for trial in report(last).trials] == pool
    theatre.reason = "manual"
    assert len(report(run_out(begin(replace(SPEC, keep=3)))).trials) == SPEC.trials


def test_an_erasure_that_touched_nothing_takes_the_search_as_it_was(
    begin: Any, theatre: Any
) -> None:
    run_out(begin())
    theatre.reason = "erasure:01"
    act = begin()
    assert act.is_over
    assert len(report(act).trials) == SPEC.trials


def test_an_erasure_without_a_search_to_go_by_searches_in_full(begin: Any, theatre: Any) -> None:
    theatre.reason = "erasure:01"
    assert len(report(run_out(begin())).trials) == SPEC.trials


def test_without_an_earlier_search_warmth_changes_nothing(begin: Any) -> None:
    act = begin(replace(SPEC, warm=3))
    assert len(act.calls) == 2


def test_trials_can_be_read_while_the_search_goes_on(begin: Any) -> None:
    act = begin(replace(SPEC, prune="median"))
    act.report("search-fit/trial-0", 0, 10.0)
    act.succeed("search-fit/trial-0", m=10.0)
    act.break_down("search-fit/trial-1")
    with act.ledger.read() as tx:
        trials = trials_of(tx, tx.runs.get(act.driver_run), ["m"])
    assert [trial.state for trial in trials] == ["done", "failed", "running", "running"]
    assert trials[0].points == ((0, 10.0),)
    assert trials[0].values == (10.0,)


def test_choices_that_json_lacks_survive_the_report(begin: Any) -> None:
    space = {"x": Interval(low=0.0, high=1.0), "kind": Choice(values=((1, 2), 1.0, True, None))}
    act = run_out(begin(replace(SPEC, space=space, trials=12)))
    kinds = [trial.params["kind"] for trial in report(act).trials]
    assert {repr(kind) for kind in kinds} == {"(1, 2)", "1.0", "True", "None"}
    again = begin(replace(SPEC, space=space, trials=12))
    assert again.is_over
