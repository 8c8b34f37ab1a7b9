"""`towpath run`: run a pipeline, and stop a run."""

from __future__ import annotations

from cyclopts import App

from towpath.build.pipelines import cancel_run
from towpath.build.pipelines.reading.logs import find_run
from towpath.cli.options import Common
from towpath.cli.printing import err, print_json
from towpath.cli.projects import run

app = App(name="run", help="Run a pipeline here and now; finished steps are not redone.")
app.default(run)


@app.command
def cancel(run: str, /, *, reason: str = "", common: Common = Common()) -> int:
    """Stop a run, wherever it is going on: its steps are killed, what they finished is kept.

    Args:
        run: A run's id, the beginning of one, or the name of what asked for it (`towpath runs`).
        reason: Kept with the run.
    """
    with common.open() as home:
        run_id = find_run(home.ledger, run)
        was_going = cancel_run(home.ledger, run_id, reason=reason)
    if common.json:
        print_json({"run": run_id, "cancelled": was_going})
    else:
        err.print(f"run {run_id} is being stopped" if was_going else f"run {run_id} is over")
    return 0
