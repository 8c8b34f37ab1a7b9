"""`towpath search …`: what was tried, what came of it, and what mattered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cyclopts import App

from towpath.build.tuning import SearchReader
from towpath.cli.options import Common
from towpath.cli.printing import err, out, print_facts, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.build.tuning import SearchView, TrialView

app = App(name="search", help="Searches: list, show, best.")

_POINTS = "▁▂▃▄▅▆▇█"


@app.command(name="list")
def list_searches(
    *,
    project: str | None = None,
    limit: int = 50,
    common: Common = Common(),
) -> int:
    """List searches, newest first.

    Args:
        project: Only those of this project.
        limit: How many.
    """
    with common.open() as home:
        found = SearchReader(home.ledger, home.blobs).list(project=project, limit=limit)
    if common.json:
        print_json(found)
        return 0
    rows = [
        (
            one.id,
            one.name,
            one.status,
            one.wanted,
            ", ".join(f"{goal.direction} {goal.metric}" for goal in one.objectives),
            ", ".join(
                f"{one.metrics[goal.metric]:.6g}"
                for goal in one.objectives
                if goal.metric in one.metrics
            ),
            f"{one.started_at:%Y-%m-%d %H:%M:%S}",
        )
        for one in found
    ]
    columns = ["search", "name", "status", "trials", "goal", "best", "began"]
    print_table(columns, rows, empty="nothing has been searched yet; see tp.search")
    return 0


@app.command
def show(run: str | None = None, /, *, trials: int = 30, common: Common = Common()) -> int:
    """Show a search: how far it is, what was tried, and which parameters decided.

    Args:
        run: Id of the search, or of the pipeline's run that holds it; the newest search by default.
        trials: Print so many of the newest trials.
    """
    with common.open() as home:
        view = SearchReader(home.ledger, home.blobs).show(run)
    if common.json:
        print_json(view)
        return 0
    print_facts(f"search {view.summary.id}", _facts(view))
    shown = view.trials[-trials:] if trials > 0 else ()
    if len(shown) < len(view.trials):
        err.print(f"{len(view.trials) - len(shown)} earlier trials are not shown; see --trials")
    _print_trials(view, shown)
    if view.importances:
        rows = [
            (name, f"{share:.0%}", "█" * round(share * 30))
            for name, share in view.importances.items()
        ]
        out.print()
        print_table(["what decided", "share", ""], rows, empty="")
    return 0


@app.command
def best(run: str | None = None, /, *, common: Common = Common()) -> int:
    """Print the trials that the gates may choose from, best first.

    Args:
        run: Id of the search, or of the pipeline's run that holds it; the newest search by default.
    """
    with common.open() as home:
        reader = SearchReader(home.ledger, home.blobs)
        view = reader.show(run)
        pool = reader.best(run)
    if common.json:
        print_json(pool)
        return 0
    _print_trials(view, pool)
    return 0


def _facts(view: SearchView) -> dict[str, Any]:
    summary = view.summary
    goals = ", ".join(f"{goal.direction} {goal.metric}" for goal in summary.objectives)
    return {
        "name": summary.name,
        "project": summary.project,
        "status": summary.status if summary.error is None else f"{summary.status}: {summary.error}",
        "run": summary.run,
        "goal": goals,
        "sampler": view.sampler,
        "prune": view.prune or "never",
        "trials": f"{len(view.trials)} of {summary.wanted}"
        + "".join(f", {count} {state}" for state, count in sorted(view.counts.items())),
        "best so far": _spark([value for _, value in view.best_so_far]) or None,
    }


def _print_trials(view: SearchView, trials: Sequence[TrialView]) -> None:
    metrics = [goal.metric for goal in view.summary.objectives]
    rows = [
        (
            one.number,
            one.state if one.allowed or one.state != "done" else "out of bounds",
            *(
                [f"{value:.6g}" for value in one.values]
                if one.state == "done" and one.values
                else [""] * len(metrics)
            ),
            *(_short(one.point.get(axis.name)) for axis in view.axes),
            f"{one.seconds:.1f}" if one.seconds else "",
            ("" if one.rank is None else f"{one.rank + 1}.") + ("*" if one.on_front else ""),
            one.why,
        )
        for one in trials
    ]
    columns = [
        "trial",
        "state",
        *metrics,
        *(axis.name for axis in view.axes),
        "seconds",
        "place",
        "",
    ]
    print_table(columns, rows, empty="no trial has begun yet")


def _short(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _spark(values: Sequence[float]) -> str:
    """Return a line of bars and the last value."""
    if not values:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    bars = "".join(_POINTS[round((value - low) / span * (len(_POINTS) - 1))] for value in values)
    return f"{bars} {values[-1]:.6g}"
