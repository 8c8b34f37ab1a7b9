"""What people are told of an event: a title, lines, and nothing personal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Event, Json

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one message says.

    Attributes:
        id: The same however often it is sent, so that a receiver can tell a repetition.
        severity: Of the alert, or `info`.
        title: One line.
        lines: Label and text, in order.
        link: Where to see more; empty where nobody said where the pages are.
    """

    id: str
    severity: str
    title: str
    lines: tuple[tuple[str, str], ...]
    link: str = ""

    def plain(self) -> str:
        """Return it as plain text."""
        lines = [f"{label}: {text}" for label, text in self.lines]
        return "\n".join([self.title, "", *lines, *(["", self.link] if self.link else [])])


def message_of(tx: Transaction, event: Event, *, log: str, pages: str) -> Message:
    """Return what is told of one entry of the log.

    Args:
        tx: Where the alert is that it may be about.
        event: The entry.
        log: Names the log.
        pages: Address of the pages, or empty.
    """
    told = f"{log}-{event.seq}"
    if not event.type.startswith("alert."):
        lines = tuple((key, _text(value)) for key, value in sorted(event.payload.items()))
        return Message(
            id=told, severity="info", title=f"{event.type}: {event.subject}", lines=lines
        )
    name = str(event.payload["alert"])
    row = tx.intents.find("alert", name)
    spec: Json = row.spec if row is not None else dict(event.payload)
    status: Json = row.status if row is not None else {}
    severity = str(event.payload.get("severity", "warning"))
    word = event.type.partition(".")[2]
    lines = [
        ("What", _text(spec.get("summary"))),
        *(("Stands out", _feature(one)) for one in _features(spec)[:_NAMED]),
        ("Since", _text(spec.get("since"))),
        ("Decisions", _text(spec.get("rows"))),
        ("Cost", _text((status.get("cost") or spec.get("cost") or {}).get("words"))),
        ("Alarms", _text(status.get("alarms"))),
        ("Why", _text(event.payload.get("why"))),
        ("Model", _text(spec.get("model"))),
        ("Alert", name),
    ]
    return Message(
        id=told,
        severity=severity,
        title=f"[{severity}] {spec['monitor']}: {word}",
        lines=tuple((label, text) for label, text in lines if text),
        link=f"{pages.rstrip('/')}/alerts/{name}" if pages else "",
    )


def digest_of(messages: Sequence[Message], *, pages: str) -> Message:
    """Return several messages as one, the most severe first."""
    order = {"critical": 0, "warning": 1, "info": 2}
    ordered = sorted(messages, key=lambda one: order.get(one.severity, 2))
    lines = tuple((one.title, dict(one.lines).get("What", "")) for one in ordered)
    first, last = messages[0].id, messages[-1].id.rpartition("-")[2]
    return Message(
        id=f"{first}-{last}",
        severity=ordered[0].severity,
        title=f"[{ordered[0].severity}] {len(messages)} alerts and other news",
        lines=lines,
        link=f"{pages.rstrip('/')}/alerts" if pages else "",
    )


def _features(spec: Json) -> list[Json]:
    return [one for one in spec.get("features", ()) if isinstance(one, dict)]


def _feature(one: Json) -> str:
    before, after = one.get("before"), one.get("after")
    moved = ""
    if before is not None and after is not None:
        moved = f": {one.get('what') or one.get('statistic')} {before:.4g} → {after:.4g}"
    return f"{one['name']}{moved}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)


__all__ = ["Message", "digest_of", "message_of"]
