"""The steps that Towpath brings along. Ordinary steps: cached, keyed by this code, run isolated."""

from __future__ import annotations

from datetime import timedelta  # noqa: TC003  step annotations are read at run time
from typing import TYPE_CHECKING, Any, cast

import msgspec
import polars as pl

from towpath.assets.features.observing import Observed  # noqa: TC001  likewise
from towpath.assets.features.wanted import Wanted
from towpath.build.pipelines.steps import step
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
