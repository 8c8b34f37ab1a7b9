"""Finds versions that a trigger brought about itself: answering them would never end.

A pipeline that is started by new versions of a data set, and commits to it, makes the next version; so
does a circle of triggers and data sets. What started what is in the ledger: a version names the run
that made it, a run its reason, and a reason of the form `trigger:DATASET@N` the version before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.build.pipelines.planning.wanting import KIND
from towpath.core.errors import InvalidName
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Run

REASON = "trigger:"
_STEPS_BACK_MOST = 100
"""How far back causes are followed. A circle is found the first time it closes, so it is never longer."""


def run_name(trigger: str, what: str) -> str:
    """Return the name of the `pipeline_run` that a trigger puts for a version or an event."""
    return f"trigger.{trigger}.{what}"


def started_by(tx: Transaction, trigger: str, version: Ref) -> Run | None:
    """Return the run by which a trigger brought a version about, directly or through others.

    Costs two look-ups for each step back; versions that no triggered run made take one or two steps.

    Args:
        tx: Where to look.
        trigger: The trigger's name, `PROJECT.NAME`.
        version: A version of a data set.
    """
    for _ in range(_STEPS_BACK_MOST):
        found = tx.versions.find(version)
        if found is None or found.made_by is None:
            return None
        run = _whole_run(tx, found.made_by)
        cause = _cause(run)
        if cause is None:
            return None
        wanted = tx.intents.find(KIND, run_name(trigger, f"{cause.name}@{cause.version}"))
        if wanted is not None and wanted.spec["pipeline"] == run.tags.get("pipeline"):
            return run
        version = cause
    return None


def _whole_run(tx: Transaction, run_id: str) -> Run:
    """Return the run that a run is part of in the end."""
    run = tx.runs.get(run_id)
    while run.parent is not None:
        run = tx.runs.get(run.parent)
    return run


def _cause(run: Run) -> Ref | None:
    """Return the version that a run was started for, if one was its reason."""
    reason = run.tags.get("reason", "")
    if not reason.startswith(REASON):
        return None
    try:
        cause = Ref.parse(reason.removeprefix(REASON), "dataset")
    except InvalidName:  # an alert or an event
        return None
    return cause if cause.version is not None else None
