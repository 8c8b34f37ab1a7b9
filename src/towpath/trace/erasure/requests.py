"""Takes withdrawals: suppresses at once, asks for the erasure, tells how it stands."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import msgspec
import structlog

from towpath.core.clock import SystemClock
from towpath.core.errors import NotFound, UsageError
from towpath.core.ids import new_id
from towpath.trace.erasure.calls import Call
from towpath.trace.erasure.contract import BATCH_MOST
from towpath.trace.erasure.gathering import driver_of, gather, newest_of, note_newest
from towpath.trace.erasure.planning import Planner
from towpath.trace.erasure.rating import Rate
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
    from collections.abc import Callable, Collection, Mapping, Sequence

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
_VALUE_CHARS_MOST = 1_000
DEADLINE = timedelta(days=30)  # a month, as GDPR article 12(3) has it


class LedgerErasures:
    """Implements `Erasures` over the intents of an open home.

    Args:
        ledger: Where requests are.
        blobs: Where certificates are.
        keyring: Hashes and seals subjects.
        datasets: What a plan looks into.
        decisions: Likewise.
        copies: Likewise, whatever else there is.
        wall: When requests come.
        deadline: Within what time they must be fulfilled.
        per_minute: How many one caller may bring; 0 is no limit. See `rating`.
    """

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
        per_minute: int = 0,
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._datasets = datasets
        self._decisions = decisions
        self._copies = copies
        self._wall = wall or SystemClock()
        self._deadline = deadline
        self._rate = Rate(per_minute, BATCH_MOST)

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
        return self.submit_all(field, [value], actor=actor)[0]

    def submit_all(
        self, field: str, values: Sequence[str], *, actor: str = "towpath", key: str | None = None
    ) -> list[str]:
        """Suppress many subjects at once and ask for their erasures, in one transaction."""
        _check_batch(values)
        hashes = [self._keyring.subject_hash(field, one) for one in values]
        subjects = dict(zip(hashes, values, strict=True))
        call = None if key is None else Call.of(actor, key, field, hashes)
        with self._ledger.write(actor=actor) as tx:
            answered = None if call is None else call.answered(tx)
            if answered is not None:
                return answered
            self._rate.take(tx, actor, len(subjects), now=self._wall.now())
            under_way = _under_way(tx, subjects)
            fresh = {one: value for one, value in subjects.items() if one not in under_way}
            taken = self._take(tx, field, fresh) if fresh else {}
            ids = [(under_way | taken)[one] for one in hashes]
            if call is not None:
                call.note(tx, ids)
        _log.info("erasure.requested", field=field, requests=len(taken), known=len(under_way))
        return ids

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

    def _take(self, tx: Transaction, field: str, subjects: Mapping[str, str]) -> dict[str, str]:
        """Suppress subjects and declare their requests; return the requests' ids, by keyed hash."""
        found = driver_of(tx, field)
        if found is None:  # who rides on one is as known as that
            require_known(tx, field)
        ids = {subject: new_id() for subject in subjects}
        driver = next(iter(ids.values())) if found is None else found.name
        places = tx.withdrawals.add_all(subjects)
        now = self._wall.now()
        requests = {
            ids[subject]: Request(
                field=field,
                subject=subject,
                # The key lies in a file; one whose transaction fails is harmless.
                sealed=base64.b64encode(self._keyring.seal(driver, value.encode())).decode(),
                suppression=places[subject],
                requested_at=now,
                due_by=now + self._deadline,
            )
            for subject, value in subjects.items()
        }
        riders = {name: one for name, one in requests.items() if name != driver}
        if found is None:
            _declare_driver(tx, driver, requests[driver])
        riding = msgspec.to_builtins(State(rides_on=driver))
        rows = {name: (_spec(one), RIDING, riding) for name, one in riders.items()}
        tx.intents.add_all(KIND, rows, project=PROJECT, due=False)
        newest = max(requests.values(), key=lambda one: one.suppression)
        gather(tx, newest, driver=driver, riders=len(riders))
        note_newest(tx, ids)
        for name, one in requests.items():
            payload = {"rides_on": driver} if name in riders else {}
            tx.events.append(
                "erasure.suppressed", f"erasure:{name}", field=field, hash=one.subject, **payload
            )
        return ids


def _check_batch(values: Sequence[str]) -> None:
    if not 1 <= len(values) <= BATCH_MOST:
        raise UsageError(
            f"{len(values)} subjects can't be asked for at once; 1 to {BATCH_MOST} can"
        )
    if not all(0 < len(one) <= _VALUE_CHARS_MOST for one in values):
        raise UsageError(f"a subject's value has 1 to {_VALUE_CHARS_MOST} characters")


def _spec(request: Request) -> dict[str, object]:
    return cast("dict[str, object]", msgspec.to_builtins(request))


def _declare_driver(tx: Transaction, erasure_id: str, request: Request) -> None:
    """Begin the erasure that whoever comes next will ride on."""
    state = State(steps=({"phase": "suppressed", "at": request.requested_at.isoformat()},))
    tx.intents.put(
        KIND,
        erasure_id,
        project=PROJECT,
        spec=_spec(request),
        phase="suppressed",
        status=msgspec.to_builtins(state),
    )
    tx.runs.start(
        kind=KIND,
        name=f"erase one {request.field}",
        project=PROJECT,
        run_id=erasure_id,
        tags={"field": request.field, "subject": request.subject},
    )


def _under_way(tx: Transaction, subjects: Collection[str]) -> dict[str, str]:
    """Return the ids of the subjects' requests that are not finished yet."""
    newest = newest_of(tx, subjects)
    return {subject: one.name for subject, one in newest.items() if one.phase not in FINISHED}


def _driver(tx: Transaction, intent: Intent) -> Intent | None:
    """Return what a request rides on; None where it is an erasure of its own."""
    name = state_of(intent).rides_on
    return None if name is None else tx.intents.get(KIND, name)
