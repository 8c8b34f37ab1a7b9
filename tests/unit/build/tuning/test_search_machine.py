"""A search under every order of events that chance finds, killed between any two of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath.build.tuning.contract import Objective, SearchSpec
from towpath.build.tuning.declaring import Search
from towpath.build.tuning.reports import read_report
from towpath.build.tuning.space import Interval

TRIALS = 9
SPEC = SearchSpec(
    space={"x": Interval(low=0.0, high=1.0)},
    objectives=(Objective(metric="m", direction="maximize"),),
    trials=TRIALS,
    parallel=3,
    prune="asha",
    sampler="random",
)
WHICH = st.integers(0, 2)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("succeed"), WHICH),
        st.tuples(st.just("fail"), WHICH),
        st.tuples(st.just("report"), WHICH, st.integers(1, 5), st.floats(-5, 5)),
        st.tuples(st.just("stop"), WHICH),
        st.just(("kill",)),
    ),
    max_size=30,
)


class Story:
    """A theatre, and what has truly happened to each trial in it."""

    def __init__(self, theatre: Any, step: Any) -> None:
        self.theatre, self._step = theatre, step
        self.ended: dict[int, str] = {}
        self.points: dict[int, dict[str, Any]] = {}
        self.act: Any = self._open()

    def _open(self) -> Any:
        return self.theatre.play(Search(step=self._step, spec=SPEC, fixed={}))

    def tell(self, event: tuple[Any, ...]) -> None:
        if self.act.is_over:
            return
        if event[0] == "kill":
            self.act = self._open()
            return
        calls = list(self.act.calls)
        call = calls[event[1] % len(calls)]
        number = int(call.rpartition("-")[2])
        if event[0] == "succeed":
            self.ended[number] = "done"
            self.act.succeed(call, m=self.act.calls[call].params["x"])
        elif event[0] == "fail":
            self.ended[number] = "failed"
            self.act.break_down(call)
        elif event[0] == "report":
            self.act.report(call, event[2], event[3])
        elif call in self.act.cancelled:
            self.ended[number] = "pruned"
            self.act.stop(call)

    def check(self) -> None:
        assert all(times == 1 for times in self.theatre.executed.values())
        if self.act.is_over:
            return
        assert 1 <= len(self.act.calls) <= SPEC.parallel
        for call in self.act.calls.values():
            number = int(call.name.rpartition("-")[2])
            assert number not in self.ended, "it runs what had ended"
            assert self.points.setdefault(number, call.params) == call.params, "another point"


@settings(
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=EVENTS)
def test_nothing_is_done_twice_or_lost_whatever_happens(
    theatre: Any, step: Any, events: list[Any]
) -> None:
    theatre.code += 1
    fresh = replace(theatre, node=f"search-{theatre.code}", executed=type(theatre.executed)())
    story = Story(fresh, step)
    for event in events:
        story.tell(event)
        story.check()
    story.check()
    while not story.act.is_over:
        story.tell(("succeed", 0))
        story.check()
    if story.act.error is not None:
        assert list(story.ended.values()).count("failed") >= 5
        return
    with story.act.ledger.read() as tx:
        report = read_report(tx.runs.get(story.act.driver_run), story.act.blobs)
    assert report is not None
    assert {trial.number: trial.state for trial in report.trials} == story.ended
    xs = {trial.number: trial.params["x"] for trial in report.trials}
    best = max(xs[n] for n, state in story.ended.items() if state == "done")
    assert report.trials[report.ranking[0]].values == (best,)
