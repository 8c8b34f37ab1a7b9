"""Why steps were executed rather than taken from the cache: worked out from their keys, when asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.build.pipelines.keys import explain_miss
from towpath.server.resources.runs import StepReason

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Execution, Run

_STEPS_MOST = 50
_BACK = 20


def reasons_of(tx: Transaction, run_id: str) -> list[StepReason]:
    """Return why a step was executed, or why those of a pipeline's run were, oldest first.

    Hits have no reason, and neither have steps that are still running: their keys are kept once they
    gave something. Of a large run the first 50 steps are told.

    Cost: a handful of look-ups by key for each step that was executed.

    Raises:
        NotFound: There is no such run.
    """
    run = tx.runs.get(run_id)
    steps = [run] if run.kind == "step" else tx.runs.list(parent=run_id, kind="step")[::-1]
    executed = [one for one in steps if one.key and one.tags.get("cached") != "true"]
    found = [(one, _reason(tx, one)) for one in executed[:_STEPS_MOST]]
    return [StepReason(run=one.id, step=one.name, why=why) for one, why in found if why]


def _reason(tx: Transaction, run: Run) -> str:
    if run.tags.get("attempt"):
        return f"attempt {run.tags['attempt']}"
    own = None if run.key is None else tx.cache.look(run.key)
    return "" if own is None else explain_miss(own.parts, _before(tx, run))


def _before(tx: Transaction, run: Run) -> Execution | None:
    """Return the newest execution of the same step before a run that is still known."""
    earlier = tx.runs.list(
        project=run.project, kind="step", name=run.name, before=run.id, limit=_BACK
    )
    for key in dict.fromkeys(one.key for one in earlier if one.key):
        execution = tx.cache.look(key)
        if execution is not None:
            return execution
    return None
