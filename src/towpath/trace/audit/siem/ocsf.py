"""Entries as OCSF 1.3 events of the class Entity Management (3004).

Source: Open Cybersecurity Schema Framework, schema 1.3.0, `events/iam/entity_management.json` and
`events/base_event.json`. The class is the one for "create, read, update and delete on a managed entity",
which is what entries are: something was done to a reference. ECS would do as well; OCSF has attributes
that are required and codes that are enumerated, so a reader can hold us to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from towpath.core.clock import to_micros
from towpath.trace.audit.siem.telling import Deed, deed_of, is_grave

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.records import Event
    from towpath.trace.audit.siem.telling import Teller

SCHEMA: Final = "1.3.0"
_CLASS, _CATEGORY = 3004, 3
_ACTIVITIES: Final[Mapping[Deed, tuple[int, str]]] = {
    "create": (1, "Create"),
    "read": (2, "Read"),
    "update": (3, "Update"),
    "delete": (4, "Delete"),
}
_INFORMATIONAL, _MEDIUM = (1, "Informational"), (3, "Medium")
_SYSTEM, _USER = 3, 1


def as_ocsf(event: Event, teller: Teller, *, version: str) -> dict[str, Any]:
    """Return an entry as an OCSF event; `version` is the program's."""
    activity, activity_name = _ACTIVITIES[deed_of(event)]
    severity, severity_name = _MEDIUM if is_grave(event) else _INFORMATIONAL
    actor, ours = teller.actor(event)
    kind = event.subject.partition(":")[0]
    return {
        "activity_id": activity,
        "activity_name": activity_name,
        "actor": {
            "user": {"uid": actor, "type_id": _SYSTEM if ours else _USER},
            "app_name": "towpath",
        },
        "category_name": "Identity & Access Management",
        "category_uid": _CATEGORY,
        "class_name": "Entity Management",
        "class_uid": _CLASS,
        "entity": {"uid": event.subject, "type": kind},
        "message": f"{event.type} {event.subject}",
        "metadata": {
            "event_code": event.type,
            "log_name": "towpath",
            "product": {"name": "Towpath", "vendor_name": "Towpath", "version": version},
            "sequence": event.seq,
            "uid": teller.uid(event),
            "version": SCHEMA,
        },
        "severity": severity_name,
        "severity_id": severity,
        "status": "Success",
        "status_id": 1,
        "time": to_micros(event.at) // 1000,
        "type_name": f"Entity Management: {activity_name}",
        "type_uid": _CLASS * 100 + activity,
        "unmapped": {"leaf": event.leaf, "payload": event.payload},
    }
