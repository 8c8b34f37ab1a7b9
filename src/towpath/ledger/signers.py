"""Who may sign the log: a history of keys that is itself in the log, each signed by the one before.

The log's first key introduces itself (`key.introduced`). A successor is announced by `key.rotated`,
which carries two signatures over one statement: that of the key before, who hands over, and that of the
key that follows, who shows that it exists. A key signs the checkpoints of more entries than there were
when it was announced, up to those at which the next one was. So a key that nobody announced signs
nothing that would be believed, and one that was taken out signs nothing new.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from towpath.core.digests import canonical_json
from towpath.core.errors import IntegrityError, UsageError
from towpath.storage.keys import key_id_of, verify_signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.contract import Events, Ledger
    from towpath.ledger.records import Event
    from towpath.storage.keys import Keyring, Signer

INTRODUCED, ROTATED = "key.introduced", "key.rotated"
KEY_EVENTS = (INTRODUCED, ROTATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKey:
    """A key that signs the log, and from which entry on."""

    key_id: str
    public_key_pem: bytes
    since: int


@dataclass(slots=True)
class KeyHistory:
    """The keys that a log names, as they are met in it. Not thread-safe."""

    keys: list[LogKey] = field(default_factory=list)

    @property
    def current(self) -> LogKey | None:
        """The key that signs now; None for a log that was never signed."""
        return self.keys[-1] if self.keys else None

    @property
    def public_keys_pem(self) -> bytes:
        """Every key, newest first, as one text."""
        return b"".join(one.public_key_pem for one in reversed(self.keys))

    def at(self, size: int) -> LogKey | None:
        """Return the key that signs a log of so many entries.

        Checkpoints may be older than the first introduction: logs were signed before their keys
        introduced themselves.
        """
        held = [one for one in self.keys if one.since < size]
        return held[-1] if held else (self.keys[0] if self.keys else None)

    def add(self, event: Event) -> str | None:
        """Take an entry of one of `KEY_EVENTS` in; return what is wrong with it, or None."""
        try:
            pem = str(event.payload["public_key"]).encode()
            problem = self._problem(event, pem)
            if problem is None:
                self.keys.append(LogKey(key_id=key_id_of(pem), public_key_pem=pem, since=event.seq))
        except (KeyError, ValueError, UsageError):
            return f"entry {event.seq} announces a key in no form that can be read"
        return problem

    def _problem(self, event: Event, pem: bytes) -> str | None:
        payload = event.payload
        key_id = key_id_of(pem)
        if event.subject != f"key:{key_id}":
            return f"entry {event.seq} is about {event.subject} and carries the key {key_id}"
        statement = _statement(payload, seq=event.seq)
        if not verify_signature(pem, statement, bytes.fromhex(payload["possession"])):
            return f"the key {key_id} of entry {event.seq} did not sign its own announcement"
        before = self.current
        if event.type == INTRODUCED:
            return (
                None
                if before is None
                else f"entry {event.seq} introduces the key {key_id}, though {before.key_id} signs"
            )
        if before is None or payload["former"] != before.key_id:
            return f"entry {event.seq} follows the key {payload['former']}, which did not sign then"
        if not verify_signature(
            before.public_key_pem, statement, bytes.fromhex(payload["handover"])
        ):
            return (
                f"the key {key_id} of entry {event.seq} was not handed over to by {before.key_id}"
            )
        return None


def key_history(events: Events) -> KeyHistory:
    """Return the log's keys, as its entries name them. Reads those entries alone.

    Raises:
        IntegrityError: One of them is not what its predecessor signed.
    """
    history = KeyHistory()
    for event in events.read(types=KEY_EVENTS, limit=None):
        problem = history.add(event)
        if problem is not None:
            raise IntegrityError(problem, remedy="See what else is wrong: towpath audit verify.")
    return history


def settle_signer(events: Events, keyring: Keyring) -> Signer:
    """Return the key that is to sign the log as it is now; introduce it to a log that has none.

    A rotation that was killed between its entry and the keyring's change is finished here.

    Raises:
        IntegrityError: The keyring's key is not the one that the log names.
    """
    current = key_history(events).current
    signer = keyring.signer()
    if current is None:
        payload = {"public_key": signer.public_key_pem.decode()}
        statement = _statement(payload, seq=events.size())
        possession = signer.sign(statement).hex()
        events.append(INTRODUCED, f"key:{signer.key_id}", **payload, possession=possession)
        return signer
    if signer.key_id != current.key_id:
        if keyring.prepare().key_id != current.key_id:
            raise IntegrityError(
                f"the key {signer.key_id} is not the one that signs this log, {current.key_id}",
                remedy="Restore keys/signing.pem from a backup, and find out who changed it.",
            )
        keyring.succeed(current.key_id)
        signer = keyring.signer()
    return signer


def rotate_key(ledger: Ledger, keyring: Keyring, *, actor: str) -> LogKey:
    """Let a new key sign from now on, handed over to by the present one. Event: `key.rotated`.

    The entry comes first, then the keyring's change. Killed in between, whoever signs next makes it.
    What the former key has signed stays verifiable; its private half is destroyed.

    Raises:
        IntegrityError: The keyring's key is not the one that the log names.
    """
    with ledger.write(actor=actor) as tx:
        former = settle_signer(tx.events, keyring)
        following = keyring.prepare()
        payload = {"former": former.key_id, "public_key": following.public_key_pem.decode()}
        seq = tx.events.size()
        statement = _statement(payload, seq=seq)
        tx.events.append(
            ROTATED,
            f"key:{following.key_id}",
            **payload,
            handover=former.sign(statement).hex(),
            possession=following.sign(statement).hex(),
        )
    keyring.succeed(following.key_id)
    return LogKey(key_id=following.key_id, public_key_pem=following.public_key_pem, since=seq)


def _statement(payload: Mapping[str, Any], *, seq: int) -> bytes:
    """Return what the signatures of an announcement are over: keys, and the place in the log."""
    return canonical_json(
        {
            "statement": "towpath.key.v1",
            "former": payload.get("former"),
            "public_key": payload["public_key"],
            "seq": seq,
        }
    )


__all__ = ["KEY_EVENTS", "KeyHistory", "LogKey", "key_history", "rotate_key", "settle_signer"]
