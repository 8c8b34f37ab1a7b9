"""What an entry of the log says to outsiders: whose hand, what was done, to what, how grave."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from towpath.ledger.records import Event
    from towpath.storage.keys import Keyring

Deed = Literal["create", "read", "update", "delete"]

_PARTS = frozenset(
    {
        *("towpath", "cli", "server", "gateway", "worker", "script", "apply", "demo", "clock"),
        *("code", "ingest", "features", "storage", "bundle"),
        *("pipelines", "pipeline_run", "run", "capacity", "checkpoints", "budget"),
        *("service", "releases", "rollout", "cases", "labelling", "monitor"),
        *("backfills", "events"),
        *("incident", "erasure", "erasures", "audit", "anchor"),
    }
)
_OF_PARTS = re.compile(
    r"(run|webhook|channel|erasure|monitor|trigger|schedule|backfill|pipeline):[\w.:@-]+"
)
_READ = frozenset({"read", "explained", "replayed", "exported", "traced", "shown", "looked_up"})
_MADE = frozenset(
    {
        *("committed", "introduced", "declared", "registered", "created", "raised", "started"),
        *("fired", "opened", "kept", "judged", "signed"),
    }
)
_GONE = frozenset({"deleted", "purged", "redacted", "erased", "retired", "dropped", "collected"})
_GRAVE = frozenset({"alert.raised", "key.rotated", "erasure.blocked", "waiver.signed"})


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells entries without naming people.

    The log names no data subject but by keyed hash. Those who did something may be people (annotators,
    by their handles): they are hashed here under the field `actor`, so that a monitor can tell them apart
    and nobody outside can tell who they are.
    """

    keyring: Keyring

    @property
    def log(self) -> str:
        """Names the log."""
        return self.keyring.origin

    def actor(self, event: Event) -> tuple[str, bool]:
        """Return whose hand it was, and whether that is a part of the program."""
        if event.actor in _PARTS or _OF_PARTS.fullmatch(event.actor):
            return event.actor, True
        return self.keyring.subject_hash("actor", event.actor), False

    def uid(self, event: Event) -> str:
        """Return the entry's id: the same however often it is sent."""
        return f"{self.log}-{event.seq}"


def deed_of(event: Event) -> Deed:
    """Return what was done, as far as its type says."""
    verb = event.type.rpartition(".")[2]
    if verb in _READ:
        return "read"
    if verb in _MADE:
        return "create"
    gone = verb == "moved" and event.payload.get("after") in _GONE
    return "delete" if verb in _GONE or gone else "update"


def is_grave(event: Event) -> bool:
    """Tell whether somebody on duty may want to look."""
    return event.type in _GRAVE
