"""Reads raw segments as they grow, decoding each byte once."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO, Final

import polars as pl
import structlog

from towpath.operate.decisions.batches import DecisionBatch
from towpath.operate.decisions.columns import (
    batches_frames,
    decisions_frames,
    labels_frame,
    signals_frame,
)
from towpath.operate.decisions.frames import HEADER, MAX_PAYLOAD_BYTES, check_header, decode_batches
from towpath.operate.decisions.records import Decision, Label, Signal
from towpath.operate.decisions.streams import (
    DECISIONS,
    KEYED,
    LABELS,
    SIGNALS,
    id_column,
    service_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from towpath.operate.decisions.directory import Source
    from towpath.operate.decisions.records import Record

_log = structlog.get_logger()
_MANY: Final = 32
_PIECE_BYTES: Final = 1 << 20


class RawRows:
    """The rows of raw segments as frames: by stream, in the order written."""

    def __init__(self) -> None:
        self.streams: dict[str, list[pl.DataFrame]] = {}

    def frames(self, stream: str) -> Sequence[pl.DataFrame]:
        """Return what there is of a stream."""
        return self.streams.get(stream, ())

    def add(self, records: Iterable[Record | DecisionBatch]) -> None:
        """Append newly read records."""
        decisions: list[Decision] = []
        batches: list[DecisionBatch] = []
        labels: list[Label] = []
        signals: dict[str, list[Signal]] = {}
        for record in records:
            match record:
                case DecisionBatch():
                    batches.append(record)
                case Decision():
                    decisions.append(record)
                case Label():
                    labels.append(record)
                case Signal(service=None):
                    signals.setdefault(SIGNALS, []).append(record)
                case Signal(service=service):
                    signals.setdefault(f"{KEYED}{service}", []).append(record)
        for frame in (*batches_frames(batches), *decisions_frames(decisions)):
            self._append(f"{DECISIONS}{frame['service'][0]}", frame)
        if labels:
            self._append(LABELS, labels_frame(labels))
        for stream, given in signals.items():
            self._append(stream, signals_frame(given))

    def extend(self, other: RawRows) -> None:
        """Append the rows of another, sharing its frames."""
        for stream, frames in other.streams.items():
            self.streams.setdefault(stream, []).extend(frames)

    def withhold(self, subjects: Sequence[str]) -> int:
        """Drop decisions about some subjects, with their labels and signals; return how many."""
        gone = pl.col("subject").is_in(subjects)
        ids: list[str] = []
        keys: dict[str, list[str]] = {}
        for stream, frames in self.streams.items():
            if stream.startswith(DECISIONS):
                for frame in frames:
                    lost = frame.filter(gone)
                    ids += lost["decision_id"].to_list()
                    keyed = KEYED + service_of(stream)
                    keys.setdefault(keyed, []).extend(lost["key"].drop_nulls().to_list())
        if ids:
            for stream, frames in self.streams.items():
                column = id_column(stream)
                mine = keys.get(stream, []) if column == "key" else ids
                kept = [frame.remove(pl.col(column).is_in(mine)) for frame in frames]
                self.streams[stream] = [frame for frame in kept if not frame.is_empty()]
            self.streams = {stream: frames for stream, frames in self.streams.items() if frames}
        return len(ids)

    def consolidate(self) -> None:
        """Join the small frames that many short reads leave behind."""
        for stream, frames in self.streams.items():
            if len(frames) >= _MANY:
                self.streams[stream] = joined_by_shape(frames)

    def _append(self, stream: str, frame: pl.DataFrame) -> None:
        self.streams.setdefault(stream, []).append(frame)


def joined_by_shape(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """Join frames that have the same columns, whatever their types; keep others apart."""
    shapes: dict[frozenset[str], list[pl.DataFrame]] = {}
    for frame in frames:
        shapes.setdefault(frozenset(frame.columns), []).append(frame)
    return [pl.concat(alike, how="diagonal_relaxed") for alike in shapes.values()]


class Tail:
    """How far one raw segment has been read, and what it held."""

    def __init__(self, source_id: str) -> None:
        self.rows = RawRows()
        self._source_id = source_id
        self._offset = 0
        self._damaged = False

    @property
    def offset(self) -> int:
        """Where the last whole frame ends."""
        return self._offset

    def follow(self, path: Path) -> None:
        """Read what was appended since the last call.

        Raises:
            FileNotFoundError: The segment was sealed, or compacted away, since it was listed.
            IntegrityError: It is not a segment of this version.
        """
        with path.open("rb") as file:
            file.seek(0, 2)
            if file.tell() < self._offset:  # a failed write was cut off again
                self.rows, self._offset = RawRows(), 0
            if self._offset == 0:
                file.seek(0)
                if not check_header(file.read(len(HEADER))):
                    return
                self._offset = len(HEADER)
            torn = self._read(file)
        if torn and path.suffix == ".sealed" and not self._damaged:
            self._damaged = True
            _log.error("segment.damaged", segment=self._source_id, offset=self._offset)

    def _read(self, file: BinaryIO) -> bool:
        """Read on, a piece at a time, so that only a piece is ever there as records.

        Returns:
            Whether bytes are left over that are no whole frame.
        """
        file.seek(self._offset)
        left = b""
        while data := file.read(_PIECE_BYTES):
            data = left + data
            records, length = decode_batches(data)
            left = data[length:]
            self._offset += length
            if records:
                self.rows.add(records)
                self.rows.consolidate()
            elif len(left) > MAX_PAYLOAD_BYTES:
                break
        return bool(left)


class Tails:
    """The raw segments of a folder, followed across calls. Thread-safe."""

    def __init__(self) -> None:
        self._tails: dict[str, Tail] = {}
        self._lock = Lock()

    def read(self, sources: Sequence[Source]) -> RawRows:
        """Return the rows of `sources` as they are now, and forget all other segments.

        Raises:
            FileNotFoundError: One of them was compacted away since it was listed.
        """
        rows = RawRows()
        with self._lock:
            self._tails = {
                source.id: self._tails.get(source.id) or Tail(source.id) for source in sources
            }
            for source in sources:
                tail = self._tails[source.id]
                _follow(tail, source)
                rows.extend(tail.rows)
        return rows


def _follow(tail: Tail, source: Source) -> None:
    """Follow a segment under the name it was listed by, or the one it was sealed to since."""
    if source.state == "open":
        with suppress(FileNotFoundError):
            tail.follow(source.path)
            return
    tail.follow(source.path.with_suffix(".sealed"))
