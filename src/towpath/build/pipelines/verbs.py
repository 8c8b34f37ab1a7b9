"""What a pipeline function says besides calling its own steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import polars as pl

from towpath.assets.datasets import Selection
from towpath.build.pipelines import tables
from towpath.build.pipelines.building import Builder, current_builder
from towpath.build.pipelines.handles import Handle, Mark
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from datetime import timedelta

    from towpath.assets.features import FeatureView
    from towpath.assets.models import Model


def split(rows: Any, *, by: str, last: str | timedelta) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Part a table by time into past and recent rows, the recent ones to judge a model by.

    Args:
        rows: A step's table, or a selection of a data set.
        by: The time column.
        last: How far before the newest row the recent ones begin, such as `7d`.
    """
    builder = _builder("split")
    arguments = {"rows": _data(rows, "split"), "by": by, "last": parse_duration(last)}
    past, recent = builder.add(tables.split, arguments, time=by)
    return cast("tuple[pl.LazyFrame, pl.LazyFrame]", (past, recent))


def join(rows: Any, view: FeatureView, *, time: str | None = None) -> pl.DataFrame:
    """Add a feature view's columns to a table, as they were known at each row's own time.

    Args:
        rows: A step's table, or a selection of a data set.
        view: The view. Its source is read as far back as the rows and the view's `ttl` need.
        time: The column that says when each row asks; that of the data set when it is known.

    Raises:
        InvalidProject: The column is not known and not given.
    """
    builder = _builder("join")
    data = _data(rows, "join")
    asked = time or (data.dataset.time if isinstance(data, Selection) else data.time)
    if asked is None:
        raise InvalidProject(
            f"join with {view.name!r} does not know when each row asks",
            remedy="Say which column: join(rows, view, time='…').",
        )
    arguments = {
        "rows": data,
        "observations": _observations(data, view),
        "time": asked,
        "entity": view.entity_columns,
        "observed": view.time,
        "features": tuple(view.features),
        "ttl": view.time_to_live,
        "created": view.created,
    }
    return cast(pl.DataFrame, builder.add(tables.join, arguments, time=asked))


def candidate(name: str, model: Model, *, test: Any) -> Mark:
    """Propose a model: it is registered under `name`, judged by the gates on `test`, and kept.

    Args:
        name: The model's name in the registry.
        model: What a step annotated `-> tp.Model` returned.
        test: Rows that no step learned from, for it and for the champion alike.
    """
    builder = _builder("candidate")
    proposed = cast(Any, model)
    if not isinstance(proposed, Handle):
        raise InvalidProject(
            f"candidate {name!r} was given {proposed!r}", remedy="Pass what a step returned."
        )
    return builder.propose(name, proposed, _data(test, "candidate"))


def _builder(verb: str) -> Builder:
    builder = current_builder()
    if builder is None:
        raise InvalidProject(
            f"{verb}(…) was called outside of a pipeline",
            remedy="Call it inside a @pipeline function.",
        )
    return builder


def _data(value: Any, verb: str) -> Handle | Selection:
    if not isinstance(value, Handle | Selection):
        raise InvalidProject(
            f"{verb}(…) was given {type(value).__name__}",
            remedy="Pass what a step returned, or a selection such as flights.last('8 weeks').",
        )
    return value


def _observations(rows: Handle | Selection, view: FeatureView) -> Selection:
    """Return as much of the view's source as rows of the selection can see."""
    everything = view.source.all()
    ttl = view.time_to_live
    if not isinstance(rows, Selection) or ttl is None or view.source.time != view.time:
        return everything
    if rows.span is not None:
        return everything.last(rows.span + ttl)
    if rows.since is not None and rows.until is not None:
        return everything.between(rows.since - ttl, rows.until)
    return everything
