"""Proofs as documents: that an entry is in the log, and that the log only ever grew.

Each is one JSON document that is checked with the public key alone; see `verify_proof`. RFC 9162,
sections 2.1.3 (inclusion) and 2.1.4 (consistency).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.core.errors import NotFound, UsageError
from towpath.ledger import (
    Checkpoint,
    Event,
    leaf_of,
    verify_checkpoint,
    verify_consistency,
    verify_inclusion,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Json

INCLUSION, CONSISTENCY = "inclusion-proof", "consistency-proof"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofCheck:
    """The outcome of checking a proof offline.

    Attributes:
        says: What it proves, in a sentence, if it is valid.
        problems: What did not hold, in sentences.
    """

    says: str
    problems: tuple[str, ...]

    @property
    def valid(self) -> bool:
        """Whether everything held."""
        return not self.problems


def prove_inclusion(ledger: Ledger, seq: int) -> Json:
    """Return the proof that an entry is in the log, against the first signed statement that covers it.

    Signs the log as it is where none does yet.

    Raises:
        NotFound: The log has no such entry.
    """
    with ledger.write(actor="audit") as tx:
        if not 0 <= seq < tx.events.size():
            raise NotFound(
                f"the log has no entry {seq}", remedy=f"It has 0 to {tx.events.size() - 1}."
            )
        covering = [one for one in tx.events.checkpoints(None) if one.size > seq]
        checkpoint = covering[-1] if covering else tx.events.checkpoint()
        [event] = tx.events.read(after=seq - 1, limit=1)
        return {
            "towpath": INCLUSION,
            "entry": msgspec.to_builtins(event),
            "path": tx.events.inclusion(seq, checkpoint.size),
            "checkpoint": msgspec.to_builtins(checkpoint),
        }


def prove_consistency(ledger: Ledger, old: int, new: int | None = None) -> Json:
    """Return the proof that the log of `old` entries is the beginning of that of `new`.

    Args:
        ledger: Whose log.
        old: How many entries the older statement was about.
        new: How many the newer is about; None signs the log as it is.

    Raises:
        UsageError: The log never had so many entries.
        NotFound: Nothing was ever signed about `new` entries.
    """
    with ledger.write(actor="audit") as tx:
        signed = tx.events.checkpoint() if new is None else _signed_about(tx, new)
        if not 0 < old <= signed.size:
            raise UsageError(f"{old} is not a size the log had before {signed.size}")
        return {
            "towpath": CONSISTENCY,
            "old": {"size": old, "root": tx.events.root(old)},
            "path": tx.events.consistency(old, signed.size),
            "checkpoint": msgspec.to_builtins(signed),
        }


def _signed_about(tx: Transaction, size: int) -> Checkpoint:
    for one in tx.events.checkpoints(None):
        if one.size == size:
            return one
    raise NotFound(
        f"nothing was signed about {size} entries",
        remedy="See which were: towpath audit checkpoints. Or leave the second number out.",
    )


def verify_proof(
    document: object, public_keys_pem: bytes, *, known_root: str | None = None
) -> ProofCheck:
    """Check a proof with nothing but public keys.

    Args:
        document: The proof, decoded.
        public_keys_pem: The key that signed, or several.
        known_root: For a consistency proof: the root that the reader noted of the older log.

    Never raises on a bad proof: what is wrong with it is in `problems`.
    """
    says = ""
    try:
        if not isinstance(document, dict) or document.get("towpath") not in (
            INCLUSION,
            CONSISTENCY,
        ):
            return ProofCheck(says="", problems=("it is no proof about a log",))
        checkpoint = msgspec.convert(document["checkpoint"], Checkpoint)
        problems = [] if verify_checkpoint(checkpoint, public_keys_pem) else [_UNSIGNED]
        if document["towpath"] == INCLUSION:
            event = msgspec.convert(document["entry"], Event)
            says = f"entry {event.seq} ({event.type}) is in the log of {checkpoint.size} entries"
            problems += _of_inclusion(event, document, checkpoint)
        else:
            old = document["old"]
            says = f"the log of {old['size']} entries is the beginning of that of {checkpoint.size}"
            problems += _of_consistency(document, checkpoint, known_root)
    except (KeyError, TypeError, ValueError, AttributeError, msgspec.ValidationError):
        problems = ["it is incomplete"]
    return ProofCheck(says=says, problems=tuple(problems))


_UNSIGNED = "the statement about the log is not signed by this key"


def _of_inclusion(event: Event, document: dict[str, Any], checkpoint: Checkpoint) -> Iterator[str]:
    if leaf_of(event) != event.leaf:
        yield f"entry {event.seq} was changed"
    elif not verify_inclusion(
        leaf=event.leaf,
        seq=event.seq,
        size=checkpoint.size,
        path=document["path"],
        root=checkpoint.root,
    ):
        yield f"entry {event.seq} is not in that log"


def _of_consistency(
    document: dict[str, Any], checkpoint: Checkpoint, known_root: str | None
) -> Iterator[str]:
    old = document["old"]
    if known_root is not None and old["root"] != known_root:
        yield f"it is about another log of {old['size']} entries than the one that was noted"
    if not verify_consistency(
        old_size=old["size"],
        old_root=old["root"],
        new_size=checkpoint.size,
        new_root=checkpoint.root,
        proof=document["path"],
    ):
        yield "the newer log does not begin with the older"
