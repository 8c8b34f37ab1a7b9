"""Entries as ArcSight's Common Event Format, revision 25, within syslog lines after RFC 5424."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from towpath.core.clock import to_micros
from towpath.core.digests import canonical_json
from towpath.trace.audit.siem.telling import deed_of, is_grave

if TYPE_CHECKING:
    from towpath.ledger.records import Event
    from towpath.trace.audit.siem.telling import Teller

_AUDIT: Final = 13  # facility "log audit" (RFC 5424, table 1)
_NOTICE, _INFORMATIONAL = 5, 6
_MSGID_MOST = 32
_MESSAGE_MOST = 1023  # CEF's length of `msg`


def as_syslog(event: Event, teller: Teller, *, version: str) -> str:
    """Return an entry as one line, without its end.

    `meta` is the structured data that IANA has registered for sequence numbers. Host is the log's id:
    an entry belongs to a log, not to the machine that happens to export it.
    """
    grave = is_grave(event)
    priority = _AUDIT * 8 + (_NOTICE if grave else _INFORMATIONAL)
    stamp = f"{event.at:%Y-%m-%dT%H:%M:%S.%f}Z"
    code = event.type[:_MSGID_MOST]
    header = f"<{priority}>1 {stamp} {teller.log} towpath - {code}"
    return f'{header} [meta sequenceId="{event.seq % (1 << 31)}"] {_cef(event, teller, version)}'


def _cef(event: Event, teller: Teller, version: str) -> str:
    actor, ours = teller.actor(event)
    head = (
        "CEF:0",
        "Towpath",
        "Towpath",
        version,
        event.type,
        f"{event.type} {event.subject.partition(':')[0]}",
        "5" if is_grave(event) else "2",
    )
    fields = {
        "rt": str(to_micros(event.at) // 1000),
        "externalId": teller.uid(event),
        "act": deed_of(event),
        "suid": actor,
        "spriv": "System" if ours else "User",
        "cs1Label": "entity",
        "cs1": event.subject,
        "cs2Label": "leaf",
        "cs2": event.leaf,
        "msg": canonical_json(event.payload).decode()[:_MESSAGE_MOST],
    }
    header = "|".join(_in_header(part) for part in head)
    return header + "|" + " ".join(f"{name}={_in_field(text)}" for name, text in fields.items())


def _in_header(text: str) -> str:
    return " ".join(text.splitlines()).replace("\\", "\\\\").replace("|", "\\|")


def _in_field(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=")
    return escaped.replace("\r", "\\r").replace("\n", "\\n")
