"""What a version of a view records about the layout of its source: which segments, of which rows."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import polars as pl

from towpath.assets.datasets.hashing import murmur3
from towpath.assets.features.arranging import nothing
from towpath.assets.features.segments import Segment, open_segment
from towpath.assets.features.shape import Shape  # noqa: TC001 - msgspec reads annotations
from towpath.core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from towpath.assets.features.arranging import Arranged, Whole
    from towpath.storage.blobs import BlobStore

FORMAT = 1
_BETWEEN = "\x1f"
_NUMBER = "towpath.partition"


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The observations of one source version, by partition of entities, in sorted segments.

    Attributes:
        format: Version of this record and of the files behind it.
        shape: The columns.
        history: Digests of the source's manifests from the one that was laid out whole (or the 64th
            last) to the one that this is the layout of. Each only gained rows over the one before.
        extended: How many extensions lie between the first, whole layout and this.
        partitions: Into how many parts entities are spread by hash. One is never larger than memory.
        segments: By partition, oldest first.
    """

    format: int = FORMAT
    shape: Shape
    history: tuple[str, ...]
    extended: int
    partitions: int
    segments: tuple[Segment, ...]

    @property
    def manifest(self) -> str:
        """Digest of the manifest that it is the layout of."""
        return self.history[-1]

    @property
    def rows(self) -> int:
        """How many observations it holds."""
        return sum(one.rows for one in self.segments)

    @property
    def size_bytes(self) -> int:
        """How many bytes its files have."""
        return sum(one.size_bytes for one in self.segments)

    @property
    def blobs(self) -> set[str]:
        """Digests of its files."""
        return {digest for one in self.segments for digest in one.blobs}

    def of_partition(self, partition: int) -> list[Segment]:
        """Return a partition's segments, oldest first."""
        return [one for one in self.segments if one.partition == partition]

    def changed_since(self, manifest: str) -> list[Segment] | None:
        """Return the segments that may hold rows which an earlier manifest lacks; None if unknown."""
        if manifest not in self.history:
            return None
        at = self.extended - (len(self.history) - 1 - self.history.index(manifest))
        return [one for one in self.segments if one.upto > at]

    def to_json(self) -> dict[str, Any]:
        """Return it as a version's body and a step's order hold it."""
        return msgspec.json.decode(msgspec.json.encode(self))


def layout_of(record: Any) -> Layout:
    """Read what `Layout.to_json` wrote.

    Raises:
        IntegrityError: It is of a format that this version does not know.
    """
    try:
        layout = msgspec.convert(record, Layout)
    except msgspec.ValidationError as error:
        raise IntegrityError(f"a feature layout can't be read: {error}") from error
    if layout.format != FORMAT:
        raise IntegrityError(
            f"a feature layout has format {layout.format}, and this Towpath reads {FORMAT}",
            remedy="Use the version of Towpath that wrote it, or build the view again.",
        )
    return layout


@contextmanager
def opened(blobs: BlobStore, layout: Layout, partition: int) -> Generator[list[Arranged]]:
    """Map a partition's segments for the duration of a block; at least one, if without a row."""
    with ExitStack() as held:
        found = layout.of_partition(partition)
        yield [open_segment(blobs, layout.shape, one, held) for one in found] or [
            nothing(layout.shape)
        ]


def partition_of(entities: pl.DataFrame, partitions: int) -> NDArray[np.int64]:
    """Return the partition of each entity, by the Murmur3 hash of its values written as text.

    Null belongs nowhere and is put in the first. The same on any machine and for ever: it is part of
    the format.
    """
    if partitions == 1:
        return np.zeros(entities.height, dtype=np.int64)
    once = entities.unique(maintain_order=True)
    text = once.select(
        pl.concat_str([_text(once[name]) for name in once.columns], separator=_BETWEEN)
    ).to_series()
    hashed: Whole = murmur3(text.fill_null("")).astype(np.int64)
    known = once.with_columns(pl.Series(_NUMBER, hashed % partitions))
    joined = entities.join(
        known, on=entities.columns, how="left", maintain_order="left", nulls_equal=True
    )
    return joined[_NUMBER].to_numpy()


def _text(values: pl.Series) -> pl.Series:
    whole = values.to_physical() if values.dtype.is_temporal() else values
    return whole.cast(pl.String)
