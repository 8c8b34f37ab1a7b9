"""Carries anchoring out: on schedule, the log is signed and the statement put where it is anchored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from towpath.core.clock import SystemClock
from towpath.core.digests import digest_bytes
from towpath.core.errors import IntegrityError, Unavailable, UsageError
from towpath.trace.audit.anchoring.contract import KIND, AnchorState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from towpath.core.clock import Clock
    from towpath.ledger import Checkpoint
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent
    from towpath.trace.audit.anchoring.contract import Anchor

_log = structlog.get_logger(__name__)
_POLL_S = 2.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 2.0, 3600.0


class AnchorReconciler:
    """Reconciles intents of kind `anchor`, one for each place, for ever.

    The log is signed when it has grown and the last statement is `every` old; an idle log is left in
    peace. Putting is idempotent and comes before the row moves on, so a worker that is killed in between
    puts the same statement again. Before it adds a statement, it holds the log to the last one that the
    place keeps: a log that no longer contains it gets no further statement, and says so.

    Args:
        ledger: Where the log is.
        anchors: By address.
        every: Least wall time between two statements in one place.
        wall: Wall time.
    """

    kinds: tuple[str, ...] = (KIND,)

    def __init__(
        self,
        ledger: Ledger,
        anchors: Mapping[str, Anchor],
        *,
        every: timedelta,
        wall: Clock | None = None,
    ) -> None:
        self._ledger = ledger
        self._anchors = {anchor_name(address): one for address, one in anchors.items()}
        self._addresses = {anchor_name(address): address for address in anchors}
        self._every = every
        self._wall = wall or SystemClock()

    def declare(self, tx: Transaction) -> None:
        """Ask for statements in each place, and no longer in places that are not set any more."""
        for row in tx.intents.list(KIND, limit=None):
            if row.name not in self._anchors:
                tx.intents.delete(KIND, row.name)
        for name, address in self._addresses.items():
            tx.intents.put(KIND, name, project="towpath", spec={"address": address})

    def reconcile(self, held: Intent) -> None:
        """Put one statement, if it is time."""
        state = msgspec.convert(held.status or {}, AnchorState)
        anchor = self._anchors.get(held.name)
        phase, wait_s = "anchoring", _POLL_S
        due_s = self._rest_s(state)
        with self._ledger.read() as tx:
            grown = tx.events.size() > state.size
        if anchor is None:  # another worker's settings name it; this one's do not
            wait_s = self._every.total_seconds()
        elif due_s > 0:
            wait_s = min(due_s, _POLL_S)
        elif grown:
            try:
                state = self._put(anchor, state)
            except (Unavailable, UsageError, IntegrityError) as error:
                failures = state.failures + 1
                state = msgspec.structs.replace(state, failures=failures, error=error.message)
                wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(failures - 1, 20))
                phase = "broken" if isinstance(error, IntegrityError) else "failing"
                _log.warning("anchor.failing", anchor=held.name, error=error.message)
        with self._ledger.write(actor="anchor") as tx:
            tx.intents.advance(
                held, phase=phase, status=msgspec.to_builtins(state), due_in_s=wait_s
            )

    def _put(self, anchor: Anchor, state: AnchorState) -> AnchorState:
        kept = anchor.read()
        with self._ledger.write(actor="anchor") as tx:
            if kept:
                require_contained(tx, kept[-1])
            checkpoint = tx.events.checkpoint()
        anchor.put(checkpoint)
        return AnchorState(size=checkpoint.size, at=self._wall.now(), taken=state.taken + 1)

    def _rest_s(self, state: AnchorState) -> float:
        if state.at is None:
            return 0.0
        return (state.at + self._every - self._wall.now()).total_seconds()


def require_contained(tx: Transaction, anchored: Checkpoint) -> None:
    """Refuse a log that is not a continuation of what was stated about it elsewhere.

    Raises:
        IntegrityError: It has fewer entries, or others.
    """
    size = tx.events.size()
    if anchored.size > size:
        raise IntegrityError(
            f"the log has {size:,} entries, and {anchored.size:,} are anchored",
            remedy="Its tail was deleted, or an old backup restored: towpath audit verify.",
        )
    if tx.events.root(anchored.size) != anchored.root:
        raise IntegrityError(
            f"the log's first {anchored.size:,} entries are not those that are anchored",
            remedy="See what was changed: towpath audit verify.",
        )


def anchor_name(address: str) -> str:
    """Return the name of an anchor's row."""
    return digest_bytes(address.encode())[:16]


__all__ = ["AnchorReconciler", "anchor_name", "require_contained"]
