"""Finds where a split cuts, and tells each row its part."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from towpath.assets.datasets.profiles.distinct import mix
from towpath.assets.datasets.profiles.drawing import lots
from towpath.assets.datasets.splits.contract import Cuts
from towpath.core.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from towpath.assets.datasets.splits.contract import Split

    Hashes: TypeAlias = NDArray[np.uint64]

_LARGEST = (1 << 64) - 1
_STRATUM = "__stratum"
_LOT = "__lot"
_ROWS_PER_STRATUM_LEAST = 2


def find_cuts(rows: pl.LazyFrame, split: Split) -> Cuts:
    """Return where a split of these rows cuts. Reads only the columns that it goes by.

    Raises:
        NotFound: A column is missing.
        UsageError: There are no rows, or a stratum has hardly any.
    """
    held = rows.collect_schema()
    for name in (*split.columns, *split.strata):
        if name not in held:
            raise NotFound.named("column", name, held.names())
    match split.by:
        case "time":
            return Cuts(split=split, bounds=_times(rows, split))
        case "stratified":
            return Cuts(split=split, strata=_strata(rows, split))
        case _:
            reached = np.cumsum(split.shares)[:-1]
            bounds = tuple(int(min(share, 1.0) * _LARGEST) for share in reached.tolist())
            return Cuts(split=split, bounds=bounds)


def part_of(rows: pl.DataFrame, cuts: Cuts) -> pl.Series:
    """Return each row's part, from 0; null for rows that fall into a gap.

    A row of which a group or time is missing is in the first part, so it is learned from and judges
    nothing.
    """
    split = cuts.split
    match split.by:
        case "time":
            times = rows.get_column(split.columns[0]).dt.timestamp("us")
            part = _below(times.fill_null(0).to_numpy(), cuts.bounds)
            part = np.where(times.is_null().to_numpy(), 0, part)
            return _without_gaps(times, part, cuts)
        case "stratified":
            part = _in_strata(rows, cuts)
        case _:
            part = _below(salted(rows, split.columns, split.seed), cuts.bounds)
            if split.by == "group":
                known = rows.select(pl.all_horizontal(pl.col(split.columns).is_not_null()))
                part = np.where(known.to_series().to_numpy(), part, 0)
    return pl.Series("part", part, dtype=pl.UInt8)


def parted(rows: pl.DataFrame, split: Split) -> list[pl.DataFrame]:
    """Return the parts of rows, each in the order of the rows.

    Raises:
        NotFound: A column is missing.
        UsageError: A part would be empty.
    """
    part = part_of(rows, find_cuts(rows.lazy(), split))
    parts = [rows.filter(part == number) for number in range(split.parts)]
    for number, one in enumerate(parts):
        if one.is_empty():
            raise UsageError(
                f"part {number + 1} of {split.parts} would have no rows of {rows.height}",
                remedy="Give it a larger share, split by something else, or take more rows.",
            )
    return parts


def salted(rows: pl.DataFrame, columns: Sequence[str], seed: int) -> Hashes:
    """Return one 64-bit hash per row over some columns; another seed gives others."""
    salt = mix(np.array([seed & _LARGEST], dtype=np.uint64))
    return mix(lots(rows, columns) ^ salt)


def _below(values: NDArray[np.generic], bounds: Sequence[int]) -> NDArray[np.intp]:
    return np.searchsorted(np.array(bounds, dtype=values.dtype), values, side="right")


def _times(rows: pl.LazyFrame, split: Split) -> tuple[int, ...]:
    column = split.columns[0]
    if not isinstance(rows.collect_schema()[column], pl.Datetime):
        raise UsageError(
            f"rows can't be split by the times of column {column!r}: it holds "
            f"{rows.collect_schema()[column]}",
            remedy="Name a column of times.",
        )
    times = rows.select(pl.col(column).drop_nulls().dt.timestamp("us")).collect().to_series()
    if times.is_empty():
        raise UsageError("there are no rows to split", remedy="Widen the window.")
    if split.last_us is not None:
        newest = int(times.max())  # pyright: ignore[reportArgumentType]  # whole numbers, and not empty
        # What is exactly as old as the span is old.
        return (newest - split.last_us + 1,)
    ordered = np.sort(times.to_numpy())
    places = np.round(np.cumsum(split.shares)[:-1] * ordered.size).astype(np.intp)
    # Rows of one time stay together: a cut lies at the first of them.
    return tuple(int(ordered[min(place, ordered.size - 1)]) for place in places)


def _without_gaps(times: pl.Series, part: NDArray[np.intp], cuts: Cuts) -> pl.Series:
    parts = pl.Series("part", part, dtype=pl.UInt8)
    gap = cuts.split.gap_us
    if not gap:
        return parts
    inside = [(times >= bound - gap) & (times < bound) for bound in cuts.bounds]
    left_out = pl.select(pl.any_horizontal(inside).fill_null(value=False)).to_series()
    return pl.select(pl.when(left_out).then(None).otherwise(parts).alias("part")).to_series()


def _strata(rows: pl.LazyFrame, split: Split) -> dict[str, tuple[int, ...]]:
    names = list(dict.fromkeys([*split.columns, *split.strata]))
    table = _lots_by_stratum(rows.select(names).collect(), split)
    counts = table.group_by(_STRATUM).agg(pl.col(_LOT).sort())
    if table.height < _ROWS_PER_STRATUM_LEAST * counts.height:
        raise UsageError(
            f"{', '.join(split.strata)} has {counts.height} different values in {table.height} rows",
            remedy="Stratify by something with few values; cut numbers into ranges first.",
        )
    reached = np.cumsum(split.shares)[:-1]
    bounds: dict[str, tuple[int, ...]] = {}
    for stratum, ordered in counts.iter_rows():
        places = np.floor(reached * len(ordered) + 0.5).astype(int)
        ends = [ordered[place] if place < len(ordered) else _LARGEST for place in places]
        bounds[f"{stratum:016x}"] = tuple(ends)
    return bounds


def _in_strata(rows: pl.DataFrame, cuts: Cuts) -> NDArray[np.intp]:
    split = cuts.split
    table = _lots_by_stratum(rows, split)
    hashes = table[_LOT].to_numpy()
    strata = table[_STRATUM].to_numpy()
    reached = np.cumsum(split.shares)[:-1]
    # A stratum that was not there when the cuts were found is parted by chance.
    otherwise = tuple(int(share * _LARGEST) for share in reached.tolist())
    part = np.zeros(rows.height, dtype=np.intp)
    for stratum in np.unique(strata):
        here = strata == stratum
        bounds = cuts.strata.get(f"{int(stratum):016x}", otherwise)
        part[here] = _below(hashes[here], bounds)
    return part


def _lots_by_stratum(rows: pl.DataFrame, split: Split) -> pl.DataFrame:
    return pl.DataFrame(
        {
            _STRATUM: lots(rows, split.strata),
            _LOT: salted(rows, split.columns, split.seed),
        }
    )
