"""Reads what steps print: while they run, after they ended, and after they died."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.core.errors import NotFound
from towpath.ledger.logs import KEPT_BYTES, LogPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.ledger import Ledger
    from towpath.ledger.records import Run
    from towpath.storage.blobs import BlobStore

_UTF8_BYTES_MOST = 4
_ID_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChunk:
    """What a step printed, from one place on.

    Attributes:
        run_id: The step's run.
        step: Its name in the pipeline.
        text: Decoded as UTF-8; what is none is shown as �. Never ends within a character.
        after: The place to ask from next.
        left_out: Bytes before `text` that are kept no more.
        ended: Whether nothing will follow.
    """

    run_id: str
    step: str
    text: str
    after: int
    left_out: int
    ended: bool


class LogReader:
    """Reads logs from the ledger and the blob store, wherever the steps ran. Thread-safe.

    Nothing is cached: a log that was erased is gone with the next call.
    """

    def __init__(self, ledger: Ledger, blobs: BlobStore) -> None:
        self._ledger = ledger
        self._blobs = blobs

    def steps(self, run_id: str, step: str | None = None) -> list[Run]:
        """Return the runs of a pipeline run's steps, oldest first; a step's run itself for a step.

        Raises:
            NotFound: There is no such run, or it has no such step.
        """
        with self._ledger.read() as tx:
            run = tx.runs.get(run_id)
            if run.kind != "pipeline":
                return [run]
            steps = tx.runs.list(parent=run_id, limit=100_000)[::-1]
        if step is None:
            return steps
        chosen = [one for one in steps if one.name == step]
        if not chosen:
            raise NotFound.named(f"step of run {run_id}", step, {one.name for one in steps})
        return chosen

    def is_over(self, run_id: str) -> bool:
        """Tell whether a run has ended, so that no step will follow. Raises `NotFound`."""
        with self._ledger.read() as tx:
            return tx.runs.get(run_id).ended_at is not None

    def read(self, run_id: str, *, after: int = 0) -> LogChunk:
        """Return what a step printed from a place on, at most 512 KiB of it.

        A blob holds the whole output if that has no more than 512 KiB, and else its beginning and its
        end with a line between them that says how much was left out; places count in what is kept.

        Raises:
            NotFound: There is no such run.
        """
        with self._ledger.read() as tx:
            run = tx.runs.get(run_id)
            part = tx.logs.read(run_id, after=after)
        ended = run.ended_at is not None
        digest = run.tags.get("log")
        if digest is not None and (part is None or not after):
            part = self._kept(digest, after)
        if part is None:
            part = LogPart(begins=after, data=b"")
        data = part.data[:KEPT_BYTES] if ended else _whole_characters(part.data[:KEPT_BYTES])
        reached = part.begins + len(data)
        return LogChunk(
            run_id=run_id,
            step=run.name,
            text=data.decode(errors="replace"),
            after=reached,
            left_out=part.begins - after,
            ended=ended and reached == part.ends,
        )

    def _kept(self, digest: str, after: int) -> LogPart | None:
        try:
            whole = self._blobs.get(digest)
        except NotFound:  # an erasure took it
            return None
        return LogPart(begins=min(after, len(whole)), data=whole[after:])


def _whole_characters(data: bytes) -> bytes:
    """Return bytes without the beginning of a character that is not all there yet (RFC 3629)."""
    for back in range(1, min(_UTF8_BYTES_MOST, len(data) + 1)):
        byte = data[-back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            wanted = 2 + (byte >= 0xE0) + (byte >= 0xF0)
            return data[:-back] if wanted > back else data
    return data


def find_run(ledger: Ledger, text: str, *, kinds: Sequence[str] = ("pipeline", "step")) -> str:
    """Return the id of the run that a person means: an id, the beginning of one, or what asked for it.

    What asked for it is a `pipeline_run`, by its name: `schedule.flights.nightly.20130301t030000z`.

    Raises:
        NotFound: No run, or several, are meant.
    """
    with ledger.read() as tx:
        wanted = tx.intents.find("pipeline_run", text)
        if wanted is not None and wanted.status.get("run"):
            return str(wanted.status["run"])
        recent = [run.id for kind in kinds for run in tx.runs.list(kind=kind)]
    if text in recent or len(text) == _ID_DIGITS:
        return text
    meant = [run_id for run_id in recent if run_id.startswith(text)]
    if len(meant) != 1:
        raise NotFound(
            f"{'no run begins' if not meant else f'{len(meant)} runs begin'} with {text!r}",
            remedy="towpath runs lists them.",
        )
    return meant[0]


__all__ = ["LogChunk", "LogReader", "find_run"]
