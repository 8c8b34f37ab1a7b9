"""What a pipeline function says besides calling its own steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec
import polars as pl

from towpath.assets.datasets import Selection
from towpath.assets.features import FeatureService, Lookup, Observations, lookups_of
from towpath.build.pipelines import tables
from towpath.build.pipelines.building import Builder, current_builder
from towpath.build.pipelines.computing import compute_step
from towpath.build.pipelines.handles import Handle, Mark
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from datetime import timedelta

    from towpath.assets.features import FeatureView, JoinMode
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


def join(
    rows: Any,
    features: FeatureView | Lookup | FeatureService,
    *,
    time: str | None = None,
    mode: JoinMode = "known",
) -> pl.DataFrame:
    """Add features to a table, as they were known at each row's own time.

    A view's stored layout is read where there is a fresh one, else its source; the rows that come out
    are the same. A service's on-demand features are computed in a step of their own each.

    Args:
        rows: A step's table, or a selection of a data set.
        features: A view, a lookup in one, or a service. Sources are read as far back as the rows and
            each view's `ttl` need.
        time: The column that says when each row asks; that of the data set when it is known.
        mode: `known`: an observation counts from when it was known; `event`: from when it was true.

    Raises:
        InvalidProject: The column is not known and not given.
    """
    builder = _builder("join")
    data = _data(rows, "join")
    asked = time or (data.dataset.time if isinstance(data, Selection) else data.time)
    if asked is None:
        raise InvalidProject(
            f"join with {_named(features)!r} does not know when each row asks",
            remedy="Say which column: join(rows, features, time='…').",
        )
    service = features if isinstance(features, FeatureService) else None
    lookups = lookups_of(features)
    selection = data if isinstance(data, Selection) else None
    arguments = {
        "rows": data,
        "observations": [Observations.of(one.view, selection) for one in lookups],
        "time": asked,
        "lookups": tuple(msgspec.to_builtins(one.wanted) for one in lookups),
        "mode": mode,
    }
    joined = builder.add(tables.join, arguments, time=asked)
    for one in () if service is None else service.on_demand:
        joined = builder.add(compute_step(one), {"rows": joined}, time=asked)
    if service is not None:
        builder.services.append(service)
    return cast(pl.DataFrame, joined)


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


def _named(features: FeatureView | Lookup | FeatureService) -> str:
    return features.view.name if isinstance(features, Lookup) else features.name
