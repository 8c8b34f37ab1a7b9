"""Gathers a source's batches into pieces that are worth a file each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from towpath.core.errors import SchemaViolation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from towpath.assets.sources import Batch, Fitting
    from towpath.ledger.records import Json

PIECE_BYTES = 96 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Rows that are written together.

    Attributes:
        rows: The rows, in the declared columns and types.
        position: Where the source stands after them; None where it can't carry on from there.
        is_last: Whether the source has nothing behind them.
    """

    rows: pl.DataFrame
    position: Json | None
    is_last: bool


def pieces_of(
    batches: Iterable[Batch],
    fitting: Fitting,
    *,
    piece_bytes: int = PIECE_BYTES,
    on_batch: Callable[[Batch], None],
) -> Iterator[Piece]:
    """Yield pieces of about `piece_bytes` in memory, each ending where the source can carry on.

    A piece grows to twice that where the source can't, so memory is bounded by two pieces and a batch.
    A source without rows gives one piece without rows, for the sake of its position.
    """
    nothing = pl.DataFrame(schema={one.name: one.polars_type for one in fitting.columns})
    held: list[pl.DataFrame] = []
    size_bytes = 0
    position: Json | None = None
    full = False
    for batch in batches:
        if full:
            rows, held = _joined(held), []  # nobody but the piece holds its rows
            yield Piece(rows=rows, position=position, is_last=False)
            del rows
            size_bytes, full, position = 0, False, None
        if not batch.rows.is_empty():
            rows = fitting.fit(batch)
            held.append(rows)
            size_bytes += int(rows.estimated_size())
        on_batch(batch)
        position = batch.position
        full = size_bytes >= (2 * piece_bytes if position is None else piece_bytes)
    yield Piece(rows=_joined(held or [nothing]), position=position, is_last=True)


def _joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
    try:
        return pl.concat(frames, how="diagonal")
    except pl.exceptions.PolarsError as error:
        raise SchemaViolation(
            f"a column of the source changes its type on the way: {str(error).splitlines()[0]}",
            remedy="Nothing was stored. Mend the source, or declare the column as text.",
        ) from error
