"""Arranged observations as Arrow files in the blob store, read where they lie by memory mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
import pyarrow as pa

from towpath.assets.features.arranging import Arranged
from towpath.core.digests import digest_bytes

if TYPE_CHECKING:
    from contextlib import ExitStack

    from towpath.assets.features.shape import Shape
    from towpath.storage.blobs import BlobStore


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One run of arranged observations: two Arrow IPC files, uncompressed, of one batch each.

    Attributes:
        partition: Which of the layout's partitions its entities hash to.
        directory: Digest of the file with `entity.NAME` and `start`.
        observations: Digest of the file with the rest; see `Arranged`.
        rows: How many observations it holds.
        entities: How many entities they are of.
        size_bytes: Length of both files.
        upto: The newest extension of the layout whose rows are in it; 0 for the first, whole layout.
    """

    partition: int
    directory: str
    observations: str
    rows: int
    entities: int
    size_bytes: int
    upto: int

    @property
    def blobs(self) -> tuple[str, str]:
        """Digests of both files."""
        return self.directory, self.observations


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedSegment:
    """A segment whose files are not in the blob store yet."""

    entry: Segment
    files: tuple[memoryview, memoryview]


def encode_segment(arranged: Arranged, *, partition: int, upto: int, maker: str) -> EncodedSegment:
    """Write arranged observations to memory.

    Args:
        arranged: The observations.
        partition: The partition they belong to.
        upto: The newest extension whose rows are among them.
        maker: Id of the run that makes the layout. It is in the files, so that no two runs ever make
            the same blob: what one leaves behind can be deleted without a look at the others.
    """
    files = (_encode(arranged.directory, maker), _encode(arranged.observations, maker))
    entry = Segment(
        partition=partition,
        directory=digest_bytes(files[0]),
        observations=digest_bytes(files[1]),
        rows=arranged.rows,
        entities=arranged.directory.height,
        size_bytes=sum(one.nbytes for one in files),
        upto=upto,
    )
    return EncodedSegment(entry=entry, files=files)


def open_segment(blobs: BlobStore, shape: Shape, entry: Segment, held: ExitStack) -> Arranged:
    """Map a segment's files, verified, for as long as `held`; nothing is read before it is needed.

    Raises:
        NotFound: A file is gone: the layout was purged since.
        CorruptBlob: A file's bytes are not what was written.
    """
    directory, observations = (_map(blobs, digest, held) for digest in entry.blobs)
    return Arranged(shape=shape, directory=directory, observations=observations)


def _encode(frame: pl.DataFrame, maker: str) -> memoryview:
    # Polars reads views of strings in place, and copies every string of the older layout.
    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
    table = table.replace_schema_metadata({"towpath.run": maker})
    # Measured first and then written in place: a buffer that grows is copied as it does.
    measure = pa.MockOutputStream()
    _write(table, measure)
    buffer = pa.allocate_buffer(measure.size())
    _write(table, pa.FixedSizeBufferWriter(buffer))
    return memoryview(buffer)


def _write(table: Any, sink: Any) -> None:
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=max(table.num_rows, 1))


def _map(blobs: BlobStore, digest: str, held: ExitStack) -> pl.DataFrame:
    path = held.enter_context(blobs.open_local(digest))
    with pa.memory_map(str(path)) as mapped:
        table = pa.ipc.open_file(mapped).read_all()
    return pl.DataFrame(table)
