"""Which rows a profile looks at more closely: drawn by what they say, so that equal rows are equal lots.

A row is drawn if the hash of its content is below a bound that was fixed with the profile's bins. So
whether it is drawn does not depend on which other rows there are: counts over drawn rows add up over
pieces, and can be taken out again with the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from towpath.assets.datasets.hashing import murmur3, shortened
from towpath.assets.datasets.profiles.distinct import mix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from towpath.assets.datasets.profiles.column import ColumnProfile

    Lots: TypeAlias = NDArray[np.uint64]

DRAWN_ROWS = 32_768
_WHOLE = 1 << 32
_LEAST_DISTINCT = 1_000
_LEAST_SHARE = 0.02
_NULL = np.uint64(0xA5A5A5A5A5A5A5A5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """How rows are drawn.

    Attributes:
        columns: The columns whose values are hashed.
        bound: Lots whose upper half is below this are drawn; 2³² draws every row.
    """

    columns: tuple[str, ...]
    bound: int

    def rows(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that are drawn, in order."""
        if self.bound >= _WHOLE:
            return frame
        high = lots(frame, self.columns) >> np.uint64(32)
        return frame.filter(pl.Series(high < np.uint64(self.bound)))


def choose_draw(columns: Sequence[ColumnProfile], keys: Sequence[str], *, rows: int) -> Draw:
    """Draw some 32,768 of the rows, by the cheapest column that tells most of them apart.

    Keys are left out: rows that repeat one another in all else should be drawn together.

    Args:
        columns: The profiled columns.
        keys: Those that make the key.
        rows: How many rows there are to draw from.
    """
    bound = _WHOLE if rows <= DRAWN_ROWS else max(1, _WHOLE * DRAWN_ROWS // rows)
    told = [one for one in columns if one.name not in keys]
    telling = [
        one
        for one in told
        if one.kind in ("number", "time")
        and (one.distinct or 0) >= max(_LEAST_DISTINCT, _LEAST_SHARE * one.rows)
    ]
    if telling:
        best = max(telling, key=lambda one: one.distinct or 0)
        return Draw(columns=(best.name,), bound=bound)
    return Draw(columns=tuple(one.name for one in told) or tuple(keys), bound=bound)


def lots(frame: pl.DataFrame, columns: Sequence[str]) -> Lots:
    """Return one 64-bit hash per row over some columns; the same on any machine, for ever.

    Numbers cost a few nanoseconds a row; texts are hashed once per different value.
    """
    found = np.zeros(frame.height, dtype=np.uint64)
    for name in columns:
        found = mix(found ^ mix(_words(frame.get_column(name))))
    return found


def _words(values: pl.Series) -> Lots:
    """Return a column's values as 64-bit words, equal values as equal words."""
    if values.dtype == pl.Binary:
        values = values.bin.encode("hex")
    if values.dtype.is_temporal():
        values = values.cast(pl.Datetime("us")).dt.timestamp("us")
    if values.dtype.is_float():
        # Adding zero folds -0.0 into 0.0, which are one value with two bit patterns.
        words = (values.fill_null(np.nan).to_numpy() + 0.0).astype(np.float64).view(np.uint64)
    elif values.dtype.is_integer():
        words = values.fill_null(0).cast(pl.Int64).to_numpy().view(np.uint64)
    else:
        words = _texts(values.cast(pl.String))
    return np.where(values.is_null().to_numpy(), _NULL, words)


def _texts(values: pl.Series) -> Lots:
    known = values.alias("text").unique().drop_nulls().to_frame()
    if known.is_empty():
        return np.zeros(values.len(), dtype=np.uint64)
    texts = shortened(known["text"])
    # 32 bits are few for a row's identity: a second hash of the reversed text makes them 64.
    low, high = murmur3(texts), murmur3(texts.str.reverse())
    words = low.astype(np.uint64) | (high.astype(np.uint64) << np.uint64(32))
    hashed = known.with_columns(pl.Series("word", words))
    joined = values.to_frame("text").join(hashed, on="text", how="left", maintain_order="left")
    return joined["word"].fill_null(0).to_numpy()
