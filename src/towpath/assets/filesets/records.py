"""The rows in the ledger by which the bytes of files come and go; see `announcing` for the rules.

- `file_add/ID` is an add under way, with a heartbeat and the generation of the suppression list that
  it obeys. It and `file_add/ID.N` list the digests that the add relies on.
- `file_deletion/ID` lists digests that are being deleted.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from towpath.core.clock import parse_time
from towpath.core.errors import Conflict
from towpath.core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent, Json

ADD = "file_add"
DELETION = "file_deletion"
DIGESTS_PER_ROW = 4096
_DEAD_AFTER = timedelta(seconds=15)
_WAIT_S = 60.0
_POLL_S = 0.02
_PROJECT = "towpath"  # file sets of many projects may share bytes


def announced(tx: Transaction, *, wall: Clock) -> set[str]:
    """Return the digests that living adds rely on."""
    rows = tx.intents.list(ADD, limit=None)
    living = {row.name for row in rows if _is_head(row) and not _is_dead(row, wall)}
    found: set[str] = set()
    for row in rows:
        if row.name.partition(".")[0] in living:
            found.update(row.spec.get("blobs", ()))
    return found


def bury(tx: Transaction, *, wall: Clock) -> int:
    """Remove the rows of dead adds; return how many adds that were."""
    dead = [
        row for row in tx.intents.list(ADD, limit=None) if _is_head(row) and _is_dead(row, wall)
    ]
    for row in dead:
        drop(tx, row.name)
    return len(dead)


def await_obedience(ledger: Ledger, generation: int, *, wall: Clock) -> None:
    """Return when every living add obeys the suppression list at a generation.

    Raises:
        Conflict: One did not within a minute.
    """
    wait = patience("an add of files has not obeyed the suppression list")
    while True:
        with ledger.read() as tx:
            rows = tx.intents.list(ADD, limit=None)
        heads = [row for row in rows if _is_head(row) and not _is_dead(row, wall)]
        if all(row.spec["suppression"] >= generation for row in heads):
            return
        wait()


def going(tx: Transaction) -> set[str]:
    """Return the digests that are being deleted."""
    rows = tx.intents.list(DELETION, limit=None)
    return set[str]().union(*(row.spec["blobs"] for row in rows))


def retire(tx: Transaction, digests: Sequence[str]) -> None:
    """List digests for deletion."""
    for start in range(0, len(digests), DIGESTS_PER_ROW):
        spec: Json = {"blobs": list(digests[start : start + DIGESTS_PER_ROW])}
        tx.intents.put(DELETION, new_id(), project=_PROJECT, spec=spec)


def drop(tx: Transaction, add: str) -> None:
    """Remove the rows of an add, if it has any."""
    for row in tx.intents.list(ADD, prefix=f"{add}.", limit=None):
        tx.intents.delete(ADD, row.name)
    tx.intents.delete(ADD, add)


def _is_head(row: Intent) -> bool:
    return "." not in row.name


def _is_dead(row: Intent, wall: Clock) -> bool:
    at = row.status.get("at")
    seen = row.updated_at if at is None else parse_time(at)
    return wall.now() - seen > _DEAD_AFTER


def patience(what: str) -> Callable[[], None]:
    """Return a function that sleeps a little, and raises once a minute has passed."""
    until = time.monotonic() + _WAIT_S

    def wait() -> None:
        if time.monotonic() > until:
            raise Conflict(what, remedy="Try again when it is done; a running worker finishes it.")
        time.sleep(_POLL_S)

    return wait
