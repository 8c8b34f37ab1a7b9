"""What the ledger knows of a load: its pieces, how far its source was read, and who writes it now.

A `dataset_load` row names every blob of a load from before its first byte is written, so that an
erasure finds it and a kill leaves nothing that nobody knows of. What grows is kept as the row's status,
which leaves no events: a load of a thousand pieces is two entries in the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from towpath.assets.datasets.manifest import DataFile  # noqa: TC001 - msgspec reads annotations
from towpath.core.errors import Conflict
from towpath.core.ids import new_id

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent, Json

KIND = "dataset_load"


class LoadState(msgspec.Struct, frozen=True, kw_only=True):
    """How far a load is.

    Attributes:
        files: The files of its pieces, oldest piece first.
        pieces: How many of `files` each piece has.
        announced: Blobs that are being written, and those of pieces that were replaced.
        position: Where the source last stood when it could carry on from there; None if it never did.
        positioned: After how many pieces that was; those behind it are dropped when the load is opened
            again, so that what is kept is what the source has been through.
        suppressed_rows: Rows left out because their subject has withdrawn.
        generation: Of the suppression list that the oldest piece was filtered by.
        fenced: An erasure has deleted the pieces; nothing may come of them.
        judged: What the data set's rules have made of the pieces.
        judged_then: The same as of `positioned`.
    """

    files: tuple[DataFile, ...] = ()
    pieces: tuple[int, ...] = ()
    announced: tuple[str, ...] = ()
    position: dict[str, object] | None = None
    positioned: int = 0
    suppressed_rows: int = 0
    generation: int | None = None
    fenced: bool = False
    judged: dict[str, object] | None = None
    judged_then: dict[str, object] | None = None

    @property
    def rows(self) -> int:
        """How many rows its pieces have."""
        return sum(file.rows for file in self.files)

    def rewound(self) -> LoadState:
        """Return the load as it was when its source last stood where it can carry on from."""
        return msgspec.structs.replace(
            self,
            files=self.files[: sum(self.pieces[: self.positioned])],
            pieces=self.pieces[: self.positioned],
            announced=(),
            judged=self.judged_then,
        )

    @property
    def blobs(self) -> set[str]:
        """Every blob that may exist because of it."""
        return {*self.announced, *(file.digest for file in self.files)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A load as its new writer finds it.

    Attributes:
        record: The row, ours from now on.
        state: What the load starts from.
        unfinished: Blobs that the earlier writer announced, and may write yet.
        stale: Blobs of a load that was begun otherwise, or that an erasure fenced.
    """

    record: LoadRecord
    state: LoadState
    unfinished: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()


class LoadRecord:
    """One load's row, as one writer sees it. Made by `take`."""

    def __init__(self, *, dataset: str, name: str) -> None:
        self._row = (KIND, f"{dataset}:{name}")
        self._dataset = dataset
        self._epoch = new_id()

    @classmethod
    def take(
        cls, tx: Transaction, *, dataset: str, name: str, project: str, begun_as: Json
    ) -> Taken:
        """Take a load over, or begin it; whoever had it can't write any more."""
        record = cls(dataset=dataset, name=name)
        found = tx.intents.find(*record._row)
        spec: Json = {"dataset": dataset, "load": name, **begun_as}
        tx.intents.put(
            *record._row, project=project, spec={**spec, "epoch": record._epoch}, due=False
        )
        if found is None:
            return Taken(record=record, state=LoadState())
        before = state_of(found)
        carries_on = not before.fenced and found.spec == {**spec, "epoch": found.spec["epoch"]}
        state = before.rewound() if carries_on else LoadState()
        record.keep(tx, state)
        return Taken(
            record=record,
            state=state,
            unfinished=frozenset(before.announced),
            stale=frozenset(before.blobs - state.blobs),
        )

    def read(self, tx: Transaction) -> LoadState:
        """Return how far the load is.

        Raises:
            Conflict: It is not this writer's any more: somebody else took it, or an erasure fenced it.
        """
        row = self._find(tx)
        if row is None or state_of(row).fenced:
            raise Conflict(
                f"this load of data set {self._dataset!r} is not this writer's any more",
                remedy="Start it over.",
                dataset=self._dataset,
            )
        return state_of(row)

    def blobs(self, tx: Transaction) -> set[str]:
        """Return what the row names, fenced or not; nothing where it is somebody else's."""
        row = self._find(tx)
        return set() if row is None else state_of(row).blobs

    def is_ours(self, tx: Transaction) -> bool:
        """Tell whether nobody else has taken the load over, fenced or not."""
        return self._find(tx) is not None

    def is_live(self, tx: Transaction) -> bool:
        """Tell whether it is ours, and no erasure fenced it."""
        row = self._find(tx)
        return row is not None and not state_of(row).fenced

    def keep(self, tx: Transaction, state: LoadState) -> None:
        """Write down how far the load is, after `read` in the same transaction."""
        tx.intents.report(*self._row, status=msgspec.to_builtins(state))

    def close(self, tx: Transaction) -> None:
        """Remove the row."""
        tx.intents.delete(*self._row)

    def _find(self, tx: Transaction) -> Intent | None:
        row = tx.intents.find(*self._row)
        return row if row is not None and row.spec["epoch"] == self._epoch else None


def open_loads(tx: Transaction, dataset: str, *, project: str) -> list[tuple[Intent, LoadState]]:
    """Return the loads of a data set that have not been committed or discarded."""
    rows = tx.intents.list(KIND, project=project, limit=None)
    return [(row, state_of(row)) for row in rows if row.spec["dataset"] == dataset]


def fence_loads(tx: Transaction, dataset: str, *, project: str) -> set[str]:
    """Let nothing come of the open loads of a data set, and return every blob of theirs.

    The rows stay until their writers, or the next ones, clear them away: a writer may be about to
    write what it announced.
    """
    blobs: set[str] = set()
    for row, state in open_loads(tx, dataset, project=project):
        blobs |= state.blobs
        # What was seen of the rows goes with them: it may name some by their keys.
        fenced = msgspec.structs.replace(
            state, fenced=True, position=None, judged=None, judged_then=None
        )
        tx.intents.report(row.kind, row.name, status=msgspec.to_builtins(fenced))
    return blobs


def state_of(row: Intent) -> LoadState:
    """Return what a row's status says."""
    return msgspec.convert(row.status, LoadState)
