"""Stopping a run from elsewhere: a label on its row, which its runner looks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.errors import UsageError
from towpath.ledger.owners import is_dead

if TYPE_CHECKING:
    from towpath.ledger import Ledger
    from towpath.ledger.contract import Transaction

CANCEL_TAG = "cancel"


def cancel_run(ledger: Ledger, run_id: str, *, reason: str = "") -> bool:
    """Ask for a pipeline run to be stopped.

    Its runner sees it within about a second, kills what runs, records that it was killed and ends the
    run as `killed`. Finished steps stay in the cache. A run whose process is dead on this machine is
    closed here and now. Idempotent.

    Args:
        ledger: Where the run is.
        run_id: The pipeline's run, or that of one of its steps, which means the same.
        reason: Who wants it and why, for the record.

    Returns:
        Whether the run was still going.

    Raises:
        NotFound: There is no such run.
        UsageError: It is no run of a pipeline.
    """
    with ledger.write(actor="pipelines") as tx:
        run = tx.runs.get(run_id)
        if run.kind != "pipeline" and run.parent is not None:
            run = tx.runs.get(run.parent)
        if run.kind != "pipeline":
            raise UsageError(
                f"run {run_id} is a run of kind {run.kind!r}",
                remedy="Only runs of pipelines can be cancelled: towpath run list.",
            )
        if run.status != "running":
            return False
        words = reason or "cancelled"
        tx.runs.set_tags(run.id, {CANCEL_TAG: words})
        owner = run.tags.get("owner", "")
        if is_dead(owner):
            tx.cache.release(owner)
            for one in [*tx.runs.list(parent=run.id, status="running", limit=100_000), run]:
                tx.runs.finish(one.id, "killed", error=words)
        return True


def asked_to_stop(tx: Transaction, run_id: str) -> str | None:
    """Return why a run is to stop, None while nobody asked for it."""
    return tx.runs.get(run_id).tags.get(CANCEL_TAG)
