"""The steps that Towpath brings along. Ordinary steps: cached, keyed by this code, run isolated."""

from __future__ import annotations

from datetime import timedelta  # noqa: TC003  step annotations are read at run time
from typing import TYPE_CHECKING, Any, cast

import msgspec
import polars as pl

from towpath.assets.datasets.splits.contract import Split
from towpath.assets.datasets.splits.parting import parted
from towpath.assets.features.observing import Observed  # noqa: TC001  likewise
from towpath.assets.features.wanted import Wanted
from towpath.assets.windows.computing import add_windows, tumble
from towpath.assets.windows.contract import WindowSpec
from towpath.build.pipelines.authoring.reporting import log_metric
from towpath.build.pipelines.authoring.steps import step
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from towpath.assets.features.contract import JoinMode


@step
def split(rows: pl.LazyFrame, *, by: str, last: timedelta) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Part rows by time: those of the last span before the newest one go second."""
    newest = rows.select(pl.col(by).max()).collect().item()
    if newest is None:
        raise UsageError("there are no rows to split", remedy="Widen the window.")
    recent = pl.col(by) > newest - last
    if rows.select((~recent).sum()).collect().item() == 0:
        raise UsageError(
            f"all rows lie within the last {last}, so nothing is left to learn from",
            remedy="Hold back less, or widen the window.",
        )
    return rows.filter(~recent), rows.filter(recent)


@step
def part_in_two(rows: pl.DataFrame, *, how: dict[str, Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part rows in two, as a `Split` says."""
    first, second = _part(rows, how)
    return first, second


@step
def part_in_three(
    rows: pl.DataFrame, *, how: dict[str, Any]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Part rows in three, as a `Split` says."""
    first, second, third = _part(rows, how)
    return first, second, third


@step
def parts_by(rows: pl.DataFrame, *, by: str) -> tuple[pl.DataFrame, ...]:
    """Cut rows into one part for each value of a column, in the order of the values, nulls last."""
    if by not in rows.columns:
        raise UsageError(
            f"there is no column {by!r} to cut by", remedy=f"There are {', '.join(rows.columns)}."
        )
    ordered = rows.sort(by, nulls_last=True, maintain_order=True)
    return tuple(ordered.partition_by(by, maintain_order=True))


@step
def parts_of_rows(rows: pl.DataFrame, *, count: int) -> tuple[pl.DataFrame, ...]:
    """Cut rows into parts of `count`, in the order that they have; the last one may be shorter."""
    return tuple(rows.iter_slices(count))


def _part(rows: pl.DataFrame, how: dict[str, Any]) -> list[pl.DataFrame]:
    parts = parted(rows, msgspec.convert(how, Split))
    for number, part in enumerate(parts, 1):
        log_metric(f"part_{number}_rows", part.height)
    return parts


@step
def join(
    rows: pl.DataFrame,
    observations: list[Observed],
    *,
    time: str,
    lookups: tuple[dict[str, Any], ...],
    mode: str,
) -> pl.DataFrame:
    """Add features to rows, lookup by lookup, as they were known at each row's time."""
    for seen, lookup in zip(observations, lookups, strict=True):
        wanted = msgspec.convert(lookup, Wanted)
        rows = seen.join(rows, wanted, time=time, mode=cast("JoinMode", mode))
    return rows


@step
def window(
    rows: pl.DataFrame, events: pl.DataFrame, *, time: str, spec: dict[str, Any]
) -> pl.DataFrame:
    """Add a window's aggregates to rows, as they were known at each row's time."""
    return add_windows(rows, events, msgspec.convert(spec, WindowSpec), time=time)


@step
def window_table(events: pl.DataFrame, *, spec: dict[str, Any]) -> pl.DataFrame:
    """Compute a window's aggregates at each moment at which they change."""
    return tumble(events, msgspec.convert(spec, WindowSpec))
