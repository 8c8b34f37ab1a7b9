"""Where an ingest stands between two runs, as kept in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from towpath.core.errors import Conflict

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction

KIND = "ingest_state"


class IngestState(msgspec.Struct, frozen=True, kw_only=True):
    """How far an ingest has come.

    Attributes:
        position: Where the source stood after the last version; None before the first.
        turn: How many times it has ended in a version; whoever began at another turn has lost.
        version: The version that the last one made, or found unchanged.
        rows: How many rows the last one brought.
        at: Event time of the last look at the source, ISO 8601.
        run: Id of the run that is under way, or was when its process died.
        owner: Which process is on it: the last that began.
        begun_as: How the ingest was declared when that run began.
        load: Whether that run has begun to load pieces.
        source: The kind of source that `position` is of.
        error: What the last one failed of; None after a good one.
    """

    position: dict[str, Any] | None = None
    turn: int = 0
    version: str | None = None
    rows: int = 0
    at: str | None = None
    run: str | None = None
    owner: str | None = None
    begun_as: str | None = None
    load: bool = False
    source: str | None = None
    error: str | None = None


class IngestRecord:
    """The row of one ingest, named `PROJECT.INGEST`. Its changes leave no events; runs do."""

    def __init__(self, project: str, name: str) -> None:
        self._project = project
        self._name = name

    def read(self, tx: Transaction) -> IngestState:
        """Return where the ingest stands."""
        row = tx.intents.find(KIND, f"{self._project}.{self._name}")
        return IngestState() if row is None else msgspec.convert(row.status, IngestState)

    def change(self, tx: Transaction, before: IngestState, **changes: Any) -> IngestState:
        """Write down what changed since `before`.

        Raises:
            Conflict: Another process has begun or ended a run of the ingest since.
        """
        self._check(tx, before)
        state = msgspec.structs.replace(before, **changes)
        name = f"{self._project}.{self._name}"
        tx.intents.put(KIND, name, project=self._project, spec={}, due=False)
        tx.intents.report(KIND, name, status=msgspec.to_builtins(state))
        return state

    def forget(self, tx: Transaction, before: IngestState) -> IngestState:
        """Remove the row, if there is one.

        Raises:
            Conflict: As for `change`.
        """
        self._check(tx, before)
        tx.intents.delete(KIND, f"{self._project}.{self._name}")
        return IngestState()

    def _check(self, tx: Transaction, before: IngestState) -> None:
        state = self.read(tx)
        if (state.turn, state.owner) != (before.turn, before.owner):
            raise Conflict(
                f"another process has run ingest {self._name!r} meanwhile",
                remedy="Nothing is lost: run it again for what came since.",
                ingest=self._name,
            )
