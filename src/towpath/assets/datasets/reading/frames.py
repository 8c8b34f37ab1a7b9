"""A lazy frame as a stream of Arrow batches, and as a pandas frame that loses nothing."""

# pyright: reportUnknownParameterType=false
# (pyarrow has no types)

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from towpath.assets.datasets.reading.extras import require

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

# Types that every reader of Arrow knows; Polars' own string and binary views are too new for some.
_LEVEL = pl.CompatLevel.oldest()


def arrow_schema(rows: pl.LazyFrame) -> pa.Schema:
    """Return the types that the batches of a frame have."""
    return rows.collect_schema().to_frame().to_arrow(compat_level=_LEVEL).schema


def record_batches(rows: pl.LazyFrame) -> pa.RecordBatchReader:
    """Stream a frame's rows."""
    schema = arrow_schema(rows)

    def batches() -> Iterator[pa.RecordBatch]:
        for frame in rows.collect_batches(maintain_order=True):
            yield from frame.to_arrow(compat_level=_LEVEL).cast(schema).to_batches()

    return pa.RecordBatchReader.from_batches(schema, batches())


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Return a pandas frame; see `Snapshot.pandas` for its types."""
    pandas = require("pandas", extra="pandas")
    nullable = {
        pa.int64(): pandas.Int64Dtype(),
        pa.bool_(): pandas.BooleanDtype(),
    }
    holed = {
        field.name: nullable[field.type]
        for field, column in zip(table.schema, table.columns, strict=True)
        if field.type in nullable and column.null_count
    }
    plain = table.drop_columns(list(holed)).to_pandas()
    for name, kind in holed.items():
        plain[name] = pandas.array(table.column(name).to_pylist(), dtype=kind)
    return plain[table.column_names]
