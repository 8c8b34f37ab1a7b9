"""A search is continued from its trials' runs, whatever database and blob store hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_theatre import Theatre, fit

from towpath.build.tuning import SearchReader
from towpath.build.tuning.contract import Objective, SearchSpec
from towpath.build.tuning.declaring import Search
from towpath.build.tuning.space import Choice, Interval

if TYPE_CHECKING:
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore

SPEC = SearchSpec(
    space={"x": Interval(low=0.0, high=1.0), "kind": Choice(values=("a", (1, 2.5), None))},
    objectives=(Objective(metric="m", direction="maximize"),),
    trials=9,
    prune="median",
)


def begin(theatre: Theatre) -> Any:
    return theatre.play(Search(step=fit, spec=SPEC, fixed={}))


def test_a_killed_search_goes_on_over_every_backend(ledger: Ledger, blobs: BlobStore) -> None:
    theatre = Theatre(ledger, blobs)
    act = begin(theatre)
    for number in range(6):
        call = f"search-fit/trial-{number}"
        act.report(call, 0, 5.0 + number)
        if number == 3:
            act.break_down(call)
        else:
            act.succeed(call, m=5.0 + number)
    act.report("search-fit/trial-6", 0, 1.0)
    act.stop("search-fit/trial-6")
    going = {name: call.params for name, call in act.calls.items()}

    again = begin(theatre)

    assert {name: call.params for name, call in again.calls.items()} == going
    for name in list(again.calls):
        again.succeed(name, m=1.0)
    assert again.is_over
    assert set(theatre.executed.values()) == {1}
    view = SearchReader(ledger, blobs).show(again.run_id)
    states = [trial.state for trial in view.trials]
    assert states == ["done"] * 3 + ["failed"] + ["done"] * 2 + ["pruned"] + ["done"] * 2
    assert view.best_so_far[-1] == (5, 10.0)
    assert [trial.number for trial in SearchReader(ledger, blobs).best(again.run_id)] == [5, 4, 2]
