"""Spreads more rows than fit in memory over temporary files that have no name."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

_PART = "towpath.part"


def spilled(
    batches: Iterable[pl.DataFrame],
    number: Callable[[pl.DataFrame], NDArray[np.int64]],
    parts: int,
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the rows of each part that has any, by its number; in the order in which they came.

    Files are unlinked as they are made: however the process ends, nothing of the rows stays behind.

    Args:
        batches: The rows, all with one schema.
        number: Says, for a batch, which part each row belongs to.
        parts: How many parts there are.
    """
    with ExitStack() as held:
        files = [held.enter_context(tempfile.TemporaryFile()) for _ in range(parts)]
        writers: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
        for batch in batches:
            numbered = batch.with_columns(pl.Series(_PART, number(batch), dtype=pl.Int64))
            pieces = numbered.partition_by(_PART, as_dict=True, include_key=False)
            for (part,), piece in pieces.items():
                table = piece.to_arrow(compat_level=pl.CompatLevel.newest())
                if part not in writers:
                    writers[part] = pa.ipc.new_stream(files[part], table.schema)
                writers[part].write_table(table)
        for part, writer in sorted(writers.items()):
            writer.close()
            files[part].seek(0)
            yield part, pl.DataFrame(pa.ipc.open_stream(files[part]).read_all())
            files[part].close()
