"""Arrow batches as Polars frames, with the types that only Arrow knows put into plain ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import polars as pl
import pyarrow as pa

from towpath.core.errors import SchemaViolation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.datasets import Column


def wanted_of(columns: Sequence[Column], there: Sequence[str]) -> list[str]:
    """Return which of a table's top-level columns are needed; dots in a wanted name lead into them."""
    needed = {column.name for column in columns}
    needed |= {name.partition(".")[0] for name in needed if name not in there}
    return [name for name in there if name in needed]


def frame_of(batch: Any, columns: Sequence[Column] | None = None) -> pl.DataFrame:
    """Return an Arrow batch or table as a frame of the wanted columns.

    UUIDs become text with dashes; other extension types (JSON, numbers that a driver hands over as
    text, geometries) become what they are stored as.

    Args:
        batch: A `pyarrow.RecordBatch` or `Table`.
        columns: What is wanted; None for everything.

    Raises:
        SchemaViolation: A wanted column has a type that can't be held, such as an interval.
    """
    names = batch.schema.names if columns is None else wanted_of(columns, batch.schema.names)
    return pl.DataFrame([_series(name, batch.column(name)) for name in names])


def _series(name: str, values: Any) -> pl.Series:
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        stored = (
            pa.chunked_array([one.storage for one in values.chunks], kind.storage_type)
            if isinstance(values, pa.ChunkedArray)
            else values.storage
        )
        series = _series(name, stored)
        return _uuids(series) if kind.extension_name == "arrow.uuid" else series
    if pa.types.is_fixed_size_binary(kind):
        values = values.cast(pa.binary())
    try:
        return cast("pl.Series", pl.from_arrow(values)).alias(name)
    except (pl.exceptions.PolarsError, pa.ArrowException) as error:
        raise SchemaViolation(
            f"column {name!r} of the source holds {kind}, which can't be taken in",
            remedy="Convert it in the source, to text or a number.",
            column=name,
        ) from error


def _uuids(stored: pl.Series) -> pl.Series:
    digits = stored.bin.encode("hex")
    cuts = ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))
    frame = pl.DataFrame({"id": digits}).select(
        pl.concat_str([pl.col("id").str.slice(*cut) for cut in cuts], separator="-")
    )
    return frame.to_series().alias(stored.name)
