"""The parts of an open home that an erasure works on, and what one of its steps amounts to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeAlias

from towpath.core.clock import Clock, SystemClock
from towpath.ledger.contract import Transaction

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.assets.datasets.contract import DatasetStore
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Json
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring
    from towpath.trace.erasure.contract import Phase
    from towpath.trace.erasure.copies import Copies
    from towpath.trace.erasure.state import State
    from towpath.trace.erasure.verification import HomeScanner


class ModelShelf(Protocol):
    """The part of the model registry that an erasure needs."""

    def delete_bytes(self, ref: Ref) -> object:
        """Delete a version's package unless another version that stays needs it. Idempotent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an erasure reads and writes.

    Attributes:
        copies: Everything else that holds rows of data sets, or things about subjects.
        beyond: What this home's set-up keeps out of reach, in sentences for the certificate.
        quiet: How long nobody must have come for an erasure to begin with whoever rides on it, and
            `gathers`, how long it waits at most.
        rides: How long it waits for retrainings that come anyway before it asks for its own.
        membership_s: How many seconds of a worker tests of the replacements may take; 0 makes none.
        scrub: Removes what deleted rows left behind in the database's files.
        certificates: Folder for a readable copy of each certificate, `ID.json`; None makes none.
        wall: Wall time; event time plays no part in an erasure but through its rollouts.
    """

    ledger: Ledger
    blobs: BlobStore
    keyring: Keyring
    datasets: DatasetStore
    decisions: DecisionLog
    models: ModelShelf
    scanner: HomeScanner
    scrub: Callable[[], None]
    copies: Sequence[Copies] = ()
    beyond: Sequence[str] = ()
    certificates: Path | None = None
    quiet: timedelta = timedelta()
    gathers: timedelta = timedelta(minutes=10)
    rides: timedelta = timedelta()
    membership_s: float = 0.0
    wall: Clock = field(default_factory=SystemClock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step amounts to, decided inside the transaction that records it.

    Attributes:
        state: The state from now on.
        phase: The phase from now on; None stays.
        facts: Counts for the phase's event and its entry among the steps.
        wait_s: When to look again; None leaves it to `wake`.
    """

    state: State
    phase: Phase | None = None
    facts: Json = field(default_factory=dict)
    wait_s: float | None = 0.0


Commit: TypeAlias = Callable[[Transaction], Step]
