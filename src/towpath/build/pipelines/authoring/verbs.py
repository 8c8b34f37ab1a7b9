"""What a pipeline function says besides calling its own steps."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec
import polars as pl

from towpath.assets.datasets import Selection
from towpath.assets.features import FeatureService, Lookup, Observations, lookups_of
from towpath.assets.windows import AS_OF
from towpath.build.pipelines.authoring import tables
from towpath.build.pipelines.authoring.building import Builder, current_builder
from towpath.build.pipelines.authoring.computing import compute_step
from towpath.build.pipelines.authoring.handles import Handle, Mark
from towpath.build.pipelines.authoring.splitting import time_of, way_of
from towpath.build.pipelines.authoring.windowing import events_of
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.features import FeatureView, JoinMode
    from towpath.assets.models import Model
    from towpath.assets.windows import Window
    from towpath.build.pipelines.authoring.unlearning import Unlearning


def split(
    rows: Any,
    *,
    by: str,
    last: str | timedelta | None = None,
    shares: Sequence[float] = (0.8, 0.2),
    column: str | Sequence[str] | None = None,
    key: str | Sequence[str] | None = None,
    gap: str | timedelta | None = None,
    seed: int = 0,
) -> tuple[pl.DataFrame, ...]:
    """Part a table into rows to learn from and rows to judge by: two or three parts.

    The parts are results of a step like any other: kept by digest, and the same whenever the rows and
    the way are. See `Split` for what each way promises.

    Args:
        rows: A step's table, or a selection of a data set.
        by: `random`; `group`, so that nobody is in two parts; `stratified`; `time`; or the name of a
            time column, which is `time` by that column.
        last: For `time`: how far before the newest row the second part begins, such as `7d`.
        shares: The share of each part, together 1, where `last` does not say.
        column: The group, by default the subject of the data set; what to stratify by; or the time
            column, by default that of the data set.
        key: For `random` and `stratified`: the columns that tell rows apart, by default the key of the
            data set.
        gap: For `time`: how much before each cut to leave out.
        seed: Another one gives other parts.

    Raises:
        InvalidProject: Something is missing that the data set does not say either.
    """
    builder = _builder("split")
    data = _data(rows, "split")
    how = way_of(data, by=by, column=column, key=key, last=last, shares=shares, gap=gap, seed=seed)
    time = how.columns[0] if how.by == "time" else time_of(data)
    if how.last_us is not None and not how.gap_us:
        arguments = {
            "rows": data,
            "by": how.columns[0],
            "last": timedelta(microseconds=how.last_us),
        }
        past, recent = builder.add(tables.split, arguments, time=time)
        return cast("tuple[pl.DataFrame, ...]", (past, recent))
    steps = {2: tables.part_in_two, 3: tables.part_in_three}
    if how.parts not in steps:
        raise InvalidProject(
            f"split(…) was asked for {how.parts} parts", remedy="Give two or three shares."
        )
    arguments = {"rows": data, "how": msgspec.to_builtins(how)}
    return cast(
        "tuple[pl.DataFrame, ...]", tuple(builder.add(steps[how.parts], arguments, time=time))
    )


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


def window(rows: Any, window: Window, *, time: str | None = None) -> pl.DataFrame:
    """Add a window's aggregates to a table, as they were known at each row's own time.

    Args:
        rows: A step's table, or a selection of a data set.
        window: The window. Its source is read as far back as the rows need.
        time: The column that says when each row asks; that of the data set when it is known.

    Raises:
        InvalidProject: The column is not known and not given.
    """
    builder = _builder("window")
    data = _data(rows, "window")
    asked = time or time_of(data)
    if asked is None:
        raise InvalidProject(
            f"window {window.name!r} does not know when each row asks",
            remedy="Say which column: window(rows, window, time='…').",
        )
    arguments = {
        "rows": data,
        "events": events_of(window, data),
        "time": asked,
        "spec": msgspec.to_builtins(window.spec),
    }
    return cast(pl.DataFrame, builder.add(tables.window, arguments, time=asked))


def window_table(window: Window, events: Any = None) -> pl.DataFrame:
    """Compute a window's aggregates as a table: a row whenever they change for an entity.

    Commit it as a data set, and a feature view over it serves the window online.

    Args:
        window: The window, with `every`.
        events: A selection of its source, or a step's table; everything by default.
    """
    builder = _builder("window_table")
    data = window.source.all() if events is None else _data(events, "window_table")
    arguments = {"events": data, "spec": msgspec.to_builtins(window.spec)}
    return cast(pl.DataFrame, builder.add(tables.window_table, arguments, time=AS_OF))


def candidate(name: str, model: Model, *, test: Any, unlearning: Unlearning = "retrain") -> Mark:
    """Propose a model: it is registered under `name`, judged by the gates on `test`, and kept.

    Args:
        name: The model's name in the registry.
        model: What a step annotated `-> tp.Model` returned.
        test: Rows that no step learned from, for it and for the champion alike.
        unlearning: How it is made without the rows of whoever withdraws: `retrain` from all that is left;
            `sisa`, where each step learns from one shard of the subjects, so that one of them is made again;
            `downdate`, where each counts the `tp.Moments` of one. It is held against the pipeline here, and
            an erasure goes by what was read and not by this.

    Raises:
        InvalidProject: The pipeline does not make it so, or `unlearning` is none of these: approximate
            methods are never certified as erasure.
    """
    builder = _builder("candidate")
    proposed = cast(Any, model)
    if not isinstance(proposed, Handle):
        raise InvalidProject(
            f"candidate {name!r} was given {proposed!r}", remedy="Pass what a step returned."
        )
    return builder.propose(name, proposed, _data(test, "candidate"), unlearning)


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
