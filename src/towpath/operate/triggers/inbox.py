"""Events from outside, taken in once each, and nothing of them kept but what a trigger asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

from towpath.core.errors import InvalidRequest
from towpath.operate.triggers.declaration import On

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent
    from towpath.storage.keys import Keyring

KIND = "cloud_event"
_KEPT = timedelta(days=30)
_SWEPT_AT_ONCE = 100
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,199}")

Verdict = Literal["taken", "repeated", "unwanted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An event as it arrived, in the terms of CloudEvents 1.0.

    Attributes:
        id: With `source` it names the event: a sender that is not sure sends it again, unchanged.
        attributes: All attributes by name, extensions too.
        data: What it carries, decoded where it is JSON, else None.
    """

    id: str
    source: str
    type: str
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    data: Any = None


class EventInbox:
    """Takes events in. Thread-safe and process-safe.

    An event that no trigger waits for leaves no trace. Of one that is waited for the ledger keeps its
    type, a keyed hash of source and id, and the values that triggers name; never its data. That hash is
    kept for 30 days, and so long a repetition is told from news.
    """

    def __init__(self, ledger: Ledger, keyring: Keyring) -> None:
        self._ledger = ledger
        self._keyring = keyring

    def take(self, arrivals: Iterable[Arrival]) -> list[Verdict]:
        """Take in events, all of them or none, and say of each what became of it.

        When this returns they are durable, and the triggers that wait for them are awake.

        Raises:
            InvalidRequest: An event lacks what a trigger wants of it, or has it in another form.
        """
        with self._ledger.write(actor="events") as tx:
            _sweep(tx, datetime.now(UTC) - _KEPT)
            waiting = [row for row in tx.intents.list("trigger") if row.spec.get("event")]
            return [self._take(tx, one, waiting) for one in arrivals]

    def _take(self, tx: Transaction, arrival: Arrival, waiting: list[Intent]) -> Verdict:
        wanting = [row for row in waiting if _waits_for(On.from_spec(row.spec), arrival)]
        if not wanting:
            return "unwanted"
        key = self._keyring.subject_hash("cloud event", f"{arrival.source}\n{arrival.id}")
        if tx.intents.find(KIND, key) is not None:
            return "repeated"
        values = {row.name: _values(On.from_spec(row.spec), arrival) for row in wanting}
        tx.intents.put(
            KIND,
            key,
            project=wanting[0].project,
            spec={"type": arrival.type, "values": values},
            phase="taken",
            due=False,
        )
        tx.events.append(
            "event.received", f"{KIND}:{key}", event=arrival.type, triggers=sorted(values)
        )
        for row in wanting:
            tx.intents.wake("trigger", row.name)
        return "taken"


def _waits_for(trigger: On, arrival: Arrival) -> bool:
    return trigger.event == arrival.type and trigger.source in (None, arrival.source)


def _values(trigger: On, arrival: Arrival) -> dict[str, Any]:
    """Return the parameters that an event gives."""
    whole = {**arrival.attributes, "data": arrival.data}
    values: dict[str, Any] = {}
    for parameter, path in trigger.given.items():
        found: Any = whole
        for part in path.split("."):
            found = cast("dict[str, Any]", found).get(part) if isinstance(found, dict) else None
        if isinstance(found, datetime):
            found = found.isoformat()
        if isinstance(found, str) and not _WORD.fullmatch(found):
            found = None
        if not isinstance(found, str | int | float):
            raise InvalidRequest(
                f"the event has no number or word at {path!r}, which {trigger.name!r} waits for",
                remedy="Send a number, a truth value or a word of at most 200 letters there.",
                path=path,
            )
        values[parameter] = found
    return values


def _sweep(tx: Transaction, before: datetime) -> None:
    """Forget events that came so long ago that nobody sends them again."""
    for row in tx.intents.list(KIND, limit=_SWEPT_AT_ONCE):
        if row.created_at < before:
            tx.intents.delete(KIND, row.name)


__all__ = ["Arrival", "EventInbox", "Verdict"]
