"""Reads decisions a page at a time, so that no answer needs more memory than it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from towpath.operate.decisions.contract import ANY, INPUT
from towpath.operate.decisions.joining import beside, signals_in, with_labels
from towpath.operate.decisions.records import DecisionPage
from towpath.operate.decisions.streams import DECISIONS
from towpath.operate.decisions.view import ALWAYS, chosen, scanned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.operate.decisions.records import DecisionFilter
    from towpath.operate.decisions.view import View, Window

_SHAPE: Final = "_inputs"
_BETWEEN: Final = "\0"


def page_of(
    view: View,
    service: str,
    window: Window = ALWAYS,
    where: DecisionFilter = ANY,
    *,
    before: str | None,
    limit: int,
) -> DecisionPage:
    """Return the newest decisions with an id below `before`: see `whole` and `by_inputs`."""
    older = pl.lit(value=True) if before is None else pl.col("decision_id") < before

    def newest(frame: pl.LazyFrame) -> pl.DataFrame:
        # One more than the page shows tells whether another follows. First only ids are read, then
        # of a file, which is sorted by them, the row groups that hold those.
        found = chosen(frame, window, where).filter(older)
        name = pl.col("decision_id")
        oldest = found.select(name.top_k(limit + 1).min()).collect().item()
        rows = found.filter(name >= oldest) if oldest is not None else found.head(0)
        return _shaped(rows.sort("decision_id", descending=True).collect())

    raw = view.raw.frames(f"{DECISIONS}{service}")
    rows = _newest([newest(frame.lazy()) for frame in raw], limit + 1)
    files = [
        one
        for one in view.decision_files(service, window, where)
        if before is None or one.first_id < before
    ]
    for segment in sorted(files, key=lambda one: one.last_id, reverse=True):
        if rows.height > limit and rows["decision_id"][-1] > segment.last_id:
            break  # whatever this file and those after it hold is older than the page
        with view.blobs.open_local(segment.digest) as path:
            frame = scanned(path, where)
            found = rows.clear() if frame is None else newest(frame)
        rows = _newest([rows, found], limit + 1)
    more = rows.height > limit
    shown = rows.head(limit)
    return DecisionPage(rows=shown, before=shown["decision_id"][-1] if more else None)


def whole(rows: pl.DataFrame) -> pl.DataFrame:
    """Return a page's rows under each other; inputs that only some models take are null in others."""
    return rows.drop(_SHAPE, strict=False)


def by_inputs(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Return a page's rows apart where they are of models that take other inputs."""
    if rows.is_empty():
        return []
    found: list[pl.DataFrame] = []
    for one in rows.partition_by(_SHAPE, maintain_order=True):
        mine = set(one[_SHAPE][0].split(_BETWEEN))
        others = [name for name in one.columns if name.startswith(INPUT) and name not in mine]
        found.append(one.drop(_SHAPE, *others))
    return found


def _shaped(rows: pl.DataFrame) -> pl.DataFrame:
    """Note in each row which inputs its model takes, so that it can be told from a missing value."""
    inputs = [name for name in rows.columns if name.startswith(INPUT)]
    return rows.with_columns(pl.lit(_BETWEEN.join(sorted(inputs))).alias(_SHAPE))


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
