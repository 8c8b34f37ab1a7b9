"""The steps that Towpath brings along. Ordinary steps: cached, keyed by this code, run isolated."""

from __future__ import annotations

from datetime import timedelta  # noqa: TC003  step annotations are read at run time

import polars as pl

from towpath.assets.features.joining import as_of_join
from towpath.build.pipelines.steps import step
from towpath.core.errors import UsageError


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
    observations: pl.DataFrame,
    *,
    time: str,
    entity: tuple[str, ...],
    observed: str,
    features: tuple[str, ...],
    ttl: timedelta | None,
    created: str | None,
) -> pl.DataFrame:
    """Add features to rows, as they were known at each row's time."""
    return as_of_join(
        rows,
        observations,
        entity=entity,
        left_time=time,
        right_time=observed,
        features=features,
        ttl=ttl,
        created=created,
    )
