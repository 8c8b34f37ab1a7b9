"""Takes withdrawals: suppresses at once, asks for the erasure, tells how it stands."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import msgspec
import structlog

from towpath.core.clock import SystemClock
from towpath.core.errors import NotFound
from towpath.core.ids import new_id
from towpath.trace.erasure.gathering import driver_of, gather, newest_of, note_newest
from towpath.trace.erasure.planning import Planner
from towpath.trace.erasure.state import (
    FINISHED,
    KIND,
    PROJECT,
    RIDING,
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
    from towpath.ledger.records import Intent
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring
    from towpath.trace.erasure.contract import Erasure, ErasurePlan
    from towpath.trace.erasure.copies import Copies

_log = structlog.get_logger(__name__)
DEADLINE = timedelta(days=30)  # a month, as GDPR article 12(3) has it


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
        deadline: timedelta = DEADLINE,
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._datasets = datasets
        self._decisions = decisions
        self._copies = copies
        self._wall = wall or SystemClock()
        self._deadline = deadline

    def plan(self, field: str, value: str, *, actor: str = "towpath") -> ErasurePlan:
        """Compute what an erasure would touch, and record that a subject was looked up."""
        subject = self._keyring.subject_hash(field, value)
        planner = Planner(
            self._ledger, self._blobs, self._datasets, self._decisions, self._copies()
        )
        plan = planner.plan(field, value, subject=subject)
        with self._ledger.read() as tx:
            driver = driver_of(tx, field)
        plan = replace(
            plan,
            due_by=self._wall.now() + self._deadline,
            rides_on=None if driver is None else driver.name,
        )
        with self._ledger.write(actor=actor) as tx:
            tx.events.append("subject.read", f"subject:{subject}", field=field)
        return plan

    def submit(self, field: str, value: str, *, actor: str = "towpath") -> str:
        """Suppress the subject at once and ask for the erasure; return its id."""
        subject = self._keyring.subject_hash(field, value)
        erasure_id = new_id()
        with self._ledger.write(actor=actor) as tx:
            under_way = _under_way(tx, subject)
            if under_way is not None:
                return under_way
            driver = driver_of(tx, field)
            if driver is None:  # who rides on one is as known as that
                require_known(tx, field)
            key = erasure_id if driver is None else driver.name
            # The key lies in a file; one whose transaction fails is harmless.
            sealed = self._keyring.seal(key, value.encode())
            self._declare(tx, erasure_id, key, field=field, subject=subject, sealed=sealed)
        _log.info("erasure.requested", erasure=erasure_id, field=field, rides_on=key)
        return erasure_id

    def get(self, erasure_id: str) -> Erasure:
        """Return where a request stands."""
        with self._ledger.read() as tx:
            intent = tx.intents.get(KIND, erasure_id)
            return erasure_of(intent, _driver(tx, intent))

    def list(self, *, limit: int = 1000) -> list[Erasure]:
        """Return requests, newest first."""
        with self._ledger.read() as tx:
            intents = tx.intents.list(KIND, newest_first=True, limit=limit)
            drivers = {one.name: one for one in intents}
            for one in intents:
                name = state_of(one).rides_on
                if name is not None and name not in drivers:
                    drivers[name] = tx.intents.get(KIND, name)
        return [erasure_of(one, drivers.get(state_of(one).rides_on or "")) for one in intents]

    def retry(self, erasure_id: str) -> None:
        """Let a blocked request try again."""
        with self._ledger.write() as tx:
            intent = tx.intents.get(KIND, erasure_id)
            intent = _driver(tx, intent) or intent
            if intent.phase == "blocked":
                tx.intents.wake(KIND, intent.name)

    def certificate(self, erasure_id: str) -> bytes:
        """Return the signed certificate as it was stored."""
        with self._ledger.read() as tx:
            intent = tx.intents.get(KIND, erasure_id)
            intent = _driver(tx, intent) or intent
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
        self,
        tx: Transaction,
        erasure_id: str,
        driver: str,
        *,
        field: str,
        subject: str,
        sealed: bytes,
    ) -> None:
        now = self._wall.now()
        request = Request(
            field=field,
            subject=subject,
            sealed=base64.b64encode(sealed).decode(),
            suppression=tx.withdrawals.add(subject),
            requested_at=now,
            due_by=now + self._deadline,
        )
        rides = driver != erasure_id
        state = State(steps=({"phase": "suppressed", "at": now.isoformat()},))
        tx.intents.put(
            KIND,
            erasure_id,
            project=PROJECT,
            spec=cast("dict[str, object]", msgspec.to_builtins(request)),
            phase=RIDING if rides else "suppressed",
            status=msgspec.to_builtins(State(rides_on=driver) if rides else state),
            due=not rides,
        )
        gather(tx, request, driver=driver, rides=rides)
        note_newest(tx, subject, erasure_id)
        if not rides:
            tx.runs.start(
                kind=KIND,
                name=f"erase one {field}",
                project=PROJECT,
                run_id=erasure_id,
                tags={"field": field, "subject": subject},
            )
        payload = {"rides_on": driver} if rides else {}
        tx.events.append(
            "erasure.suppressed", f"erasure:{erasure_id}", field=field, hash=subject, **payload
        )


def _under_way(tx: Transaction, subject: str) -> str | None:
    """Return the id of the subject's request that is not finished yet."""
    newest = newest_of(tx, subject)
    return None if newest is None or newest.phase in FINISHED else newest.name


def _driver(tx: Transaction, intent: Intent) -> Intent | None:
    """Return what a request rides on; None where it is an erasure of its own."""
    name = state_of(intent).rides_on
    return None if name is None else tx.intents.get(KIND, name)
