"""Swaps sets of Parquet files in one step, and cleans up after whoever died in between.

What must not survive a crash is written down before it exists: a new file's digest before its bytes are
stored, an old file's digest in the transaction that unlists it, a raw segment's id in the transaction
that lists its rows as Parquet. The note is one row of plain state per folder of raw segments; `sweep`
works it off, and runs before and after every swap. So a crash at any point leaves neither a row twice,
nor a row lost, nor bytes that nobody knows of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from towpath.core.errors import Conflict
from towpath.operate.decisions.streams import is_stream

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Segment
    from towpath.ledger.work import NewRow
    from towpath.operate.decisions.directory import SegmentDirectory
    from towpath.operate.decisions.partitions import ParquetFile
    from towpath.storage.blobs.contract import BlobStore

NOTE_KIND: Final = "decision_note"
ERASED_KIND: Final = "decision_erasure"

_STAGED_BYTES: Final = 128 << 20

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is under way in one folder.

    Attributes:
        sources: Raw segments whose rows are listed as Parquet; their files are to be removed.
        doubtful: Digests of blobs to be removed unless they are listed.
    """

    sources: frozenset[str] = frozenset()
    doubtful: frozenset[str] = frozenset()


def read_note(tx: Transaction, directory: SegmentDirectory) -> Note:
    """Return the folder's note as this transaction sees it."""
    row = tx.intents.find(NOTE_KIND, directory.id)
    if row is None:
        return Note()
    return Note(
        sources=frozenset(row.status.get("sources", ())),
        doubtful=frozenset(row.status.get("doubtful", ())),
    )


class SegmentShelf:
    """The Parquet files of the log. Use it while holding `directory.exclusively()`."""

    def __init__(self, ledger: Ledger, blobs: BlobStore, directory: SegmentDirectory) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._directory = directory

    def listed(self) -> list[Segment]:
        """Return all files of the log."""
        with self._ledger.read() as tx:
            return [segment for segment in tx.segments.list() if is_stream(segment.stream)]

    def note_erasures(self, subjects: Collection[str]) -> None:
        """Note that subjects are being erased: see `erased_subjects`."""
        with self._ledger.write() as tx:
            known = tx.intents.find_all(ERASED_KIND, subjects)
            fresh: dict[str, NewRow] = {
                one: ({}, "new", {}) for one in sorted(subjects) if one not in known
            }
            tx.intents.add_all(ERASED_KIND, fresh, project="towpath", due=False)

    def erased_subjects(self) -> frozenset[str]:
        """Return the subjects who were erased and have not been let in again.

        Rows about them can still lie in raw segments of other machines, or of a gateway that was cut
        off from the ledger and did not hear of the withdrawal: they never become files.
        """
        with self._ledger.read() as tx:
            noted = {row.name for row in tx.intents.list(ERASED_KIND, limit=None)}
            return frozenset(tx.withdrawals.among(noted))

    def stage(self, files: Iterable[ParquetFile]) -> list[Segment]:
        """Store files that are to be listed, and let go of their bytes; `replace` lists them.

        Who dies in between leaves files that the note names, and the next sweep removes. Some hundred
        megabytes are held at once, however many files there are.
        """
        staged: list[Segment] = []
        for portion in _portions(files):
            fresh = {file.segment.digest for file in portion}
            with self._ledger.write() as tx:
                note = read_note(tx, self._directory)
                self._write_note(tx, Note(sources=note.sources, doubtful=note.doubtful | fresh))
            for file in portion:
                self._blobs.put(file.data)
            staged += [file.segment for file in portion]
        return staged

    def replace(
        self,
        added: Sequence[Segment],
        *,
        retire: Sequence[Segment] = (),
        sources: Iterable[str] = (),
        event: tuple[str, dict[str, object]] | None = None,
    ) -> None:
        """List files, unlist others, and note raw segments as done, as one step.

        Args:
            added: Files to list, which are staged.
            retire: Files whose place they take; their bytes are deleted.
            sources: Raw segments whose rows are in `added`; their files are deleted.
            event: Type and payload of an event to record with the swap.

        Raises:
            Conflict: Somebody else retired one of the files meanwhile; nothing changed.
        """
        fresh = {segment.digest for segment in added}
        old = {segment.digest for segment in retire}
        with self._ledger.write() as tx:
            listed = {segment.digest for segment in tx.segments.list()}
            if missing := old - listed:
                raise Conflict(
                    f"{len(missing)} files of decisions were replaced by somebody else",
                    remedy="Read the list again and retry.",
                    digests=sorted(missing),
                )
            tx.segments.add(added, retire=sorted(old - fresh))
            note = read_note(tx, self._directory)
            self._write_note(
                tx,
                Note(
                    sources=note.sources | frozenset(sources),
                    doubtful=(note.doubtful | old) - fresh,
                ),
            )
            if event is not None:
                tx.events.append(event[0], f"decisions:{self._directory.id}", **event[1])
        self.sweep()

    def sweep(self) -> None:
        """Remove what the note says is to be removed, then clear it."""
        with self._ledger.read() as tx:
            note = read_note(tx, self._directory)
            if note == Note():
                return
            listed = {segment.digest for segment in tx.segments.list()}
        for digest in sorted(note.doubtful - listed):
            self._blobs.delete(digest)
        for source in note.sources:
            (self._directory.path / f"{source}.sealed").unlink(missing_ok=True)
        self._directory.sync()
        with self._ledger.write() as tx:
            self._write_note(tx, Note())

    def _write_note(self, tx: Transaction, note: Note) -> None:
        name = self._directory.id
        if tx.intents.find(NOTE_KIND, name) is None:
            tx.intents.put(NOTE_KIND, name, project="towpath", spec={}, due=False)
        status = {"sources": sorted(note.sources), "doubtful": sorted(note.doubtful)}
        tx.intents.report(NOTE_KIND, name, status=status)


def _portions(files: Iterable[ParquetFile]) -> Iterator[list[ParquetFile]]:
    """Group files, in order, into as many as are held in memory at once."""
    portion: list[ParquetFile] = []
    size_bytes = 0
    for file in files:
        portion.append(file)
        size_bytes += len(file.data)
        if size_bytes >= _STAGED_BYTES:
            yield portion
            portion, size_bytes = [], 0
    if portion:
        yield portion
