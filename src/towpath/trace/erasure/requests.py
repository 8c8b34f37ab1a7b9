"""Takes withdrawals: suppresses at once, asks for the erasure, tells how it stands."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, cast, get_args

import msgspec
import structlog

from towpath.core.clock import SystemClock
from towpath.core.errors import NotFound
from towpath.core.ids import new_id
from towpath.trace.erasure.contract import Phase
from towpath.trace.erasure.planning import Planner
from towpath.trace.erasure.state import (
    FINISHED,
    KIND,
    PROJECT,
    Request,
    State,
    erasure_of,
    state_of,
)
from towpath.trace.erasure.subjects import require_known

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from towpath.assets.datasets.contract import DatasetStore
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring
    from towpath.trace.erasure.contract import Erasure, ErasurePlan
    from towpath.trace.erasure.copies import Copies

_log = structlog.get_logger(__name__)
_UNDER_WAY = tuple(phase for phase in get_args(Phase) if phase not in FINISHED)


class LedgerErasures:
    """Implements `Erasures` over the intents of an open home."""

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        keyring: Keyring,
        datasets: DatasetStore,
        decisions: DecisionLog,
        *,
        copies: Callable[[], Sequence[Copies]] = tuple,
        wall: Clock | None = None,
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._datasets = datasets
        self._decisions = decisions
        self._copies = copies
        self._wall = wall or SystemClock()

    def plan(self, field: str, value: str, *, actor: str = "towpath") -> ErasurePlan:
        """Compute what an erasure would touch, and record that a subject was looked up."""
        subject = self._keyring.subject_hash(field, value)
        planner = Planner(
            self._ledger, self._blobs, self._datasets, self._decisions, self._copies()
        )
        plan = planner.plan(field, value, subject=subject)
        with self._ledger.write(actor=actor) as tx:
            tx.events.append("subject.read", f"subject:{subject}", field=field)
        return plan

    def submit(self, field: str, value: str, *, actor: str = "towpath") -> str:
        """Suppress the subject at once and ask for the erasure; return its id."""
        subject = self._keyring.subject_hash(field, value)
        erasure_id = new_id()
        # The key lies in a file, outside the transaction; one that no request uses is harmless.
        sealed = self._keyring.seal(erasure_id, value.encode())
        with self._ledger.write(actor=actor) as tx:
            require_known(tx, field)
            under_way = _under_way(tx, subject)
            if under_way is None:
                self._declare(tx, erasure_id, field=field, subject=subject, sealed=sealed)
        if under_way is not None:
            self._keyring.shred(erasure_id)
            return under_way
        _log.info("erasure.requested", erasure=erasure_id, field=field)
        return erasure_id

    def get(self, erasure_id: str) -> Erasure:
        """Return where a request stands."""
        with self._ledger.read() as tx:
            return erasure_of(tx.intents.get(KIND, erasure_id))

    def list(self, *, limit: int = 1000) -> list[Erasure]:
        """Return requests, newest first."""
        with self._ledger.read() as tx:
            found = [erasure_of(intent) for intent in tx.intents.list(KIND, limit=None)]
        return found[::-1][:limit]

    def retry(self, erasure_id: str) -> None:
        """Let a blocked request try again."""
        with self._ledger.write() as tx:
            if tx.intents.get(KIND, erasure_id).phase == "blocked":
                tx.intents.wake(KIND, erasure_id)

    def certificate(self, erasure_id: str) -> bytes:
        """Return the signed certificate as it was stored."""
        with self._ledger.read() as tx:
            intent = tx.intents.get(KIND, erasure_id)
        digest = state_of(intent).certificate
        if digest is None:
            raise NotFound(
                f"erasure {erasure_id} has no certificate yet; it is {intent.phase}",
                remedy="Ask again when it is certified.",
                kind="certificate",
                name=erasure_id,
            )
        return self._blobs.get(digest)

    def _declare(
        self, tx: Transaction, erasure_id: str, *, field: str, subject: str, sealed: bytes
    ) -> None:
        now = self._wall.now()
        request = Request(
            field=field,
            subject=subject,
            sealed=base64.b64encode(sealed).decode(),
            suppression=tx.withdrawals.add(subject),
            requested_at=now,
        )
        state = State(steps=({"phase": "suppressed", "at": now.isoformat()},))
        tx.intents.put(
            KIND,
            erasure_id,
            project=PROJECT,
            spec=cast("dict[str, object]", msgspec.to_builtins(request)),
            phase="suppressed",
            status=cast("dict[str, object]", msgspec.to_builtins(state)),
        )
        tx.runs.start(
            kind=KIND,
            name=f"erase one {field}",
            project=PROJECT,
            run_id=erasure_id,
            tags={"field": field, "subject": subject},
        )
        tx.events.append("erasure.suppressed", f"erasure:{erasure_id}", field=field, hash=subject)


def _under_way(tx: Transaction, subject: str) -> str | None:
    """Return the id of the subject's request that is not finished yet."""
    for intent in tx.intents.list(KIND, phases=_UNDER_WAY, limit=None):
        if intent.spec["subject"] == subject:
            return intent.name
    return None
