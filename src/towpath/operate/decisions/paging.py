"""Reads decisions a page at a time, so that no answer needs more memory than it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from towpath.operate.decisions.contract import ANY
from towpath.operate.decisions.joining import beside, signals_in, with_labels
from towpath.operate.decisions.records import DecisionPage
from towpath.operate.decisions.streams import DECISIONS
from towpath.operate.decisions.view import ALWAYS, chosen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.operate.decisions.records import DecisionFilter
    from towpath.operate.decisions.view import View, Window


def page_of(
    view: View,
    service: str,
    window: Window = ALWAYS,
    where: DecisionFilter = ANY,
    *,
    before: str | None,
    limit: int,
) -> DecisionPage:
    """Return the newest decisions with an id below `before`, as they are."""
    older = pl.lit(value=True) if before is None else pl.col("decision_id") < before
    # One more than the page shows tells whether another follows.
    rows = _newest(
        [
            chosen(frame.lazy(), window, where).filter(older).collect()
            for frame in view.raw.frames(f"{DECISIONS}{service}")
        ],
        limit + 1,
    )
    files = [
        one
        for one in view.decision_files(service, window, where)
        if before is None or one.first_id < before
    ]
    for segment in sorted(files, key=lambda one: one.last_id, reverse=True):
        if rows.height > limit and rows["decision_id"][-1] > segment.last_id:
            break  # whatever this file and those after it hold is older than the page
        with view.blobs.open_local(segment.digest) as path:
            found = (
                chosen(pl.scan_parquet(path), window, where)
                .filter(older)
                .sort("decision_id", descending=True)
                .head(limit + 1)
                .collect()
            )
        rows = _newest([rows, found], limit + 1)
    more = rows.height > limit
    shown = rows.head(limit)
    return DecisionPage(rows=shown, before=shown["decision_id"][-1] if more else None)


def _newest(frames: list[pl.DataFrame], limit: int) -> pl.DataFrame:
    frames = [frame for frame in frames if not frame.is_empty()]
    if not frames:
        return pl.DataFrame(schema={"decision_id": pl.String})
    rows = pl.concat(frames, how="diagonal_relaxed")
    return rows.sort("decision_id", descending=True).head(limit)


def with_outcomes(
    view: View, service: str, rows: pl.DataFrame, *, names: Sequence[str] | None = None
) -> pl.DataFrame:
    """Put label and signals beside some rows: those in `names`, or all that one of them has."""
    if rows.is_empty():
        return rows
    signals = signals_in(view, service, rows, names=names)
    return beside(with_labels(view, rows), signals, names or sorted(set(signals["signal"])))
