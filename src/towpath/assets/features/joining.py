"""The point-in-time join: each row gets the features as they were known at its own moment."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from towpath.assets.features.arranging import arrange
from towpath.assets.features.declaration import lookup_of
from towpath.assets.features.searching import Found, Questions, find
from towpath.assets.features.shape import TIME, Shape, column, micros_of, shape_of
from towpath.assets.features.wanted import Wanted
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.features.arranging import Arranged
    from towpath.assets.features.contract import JoinMode
    from towpath.assets.features.declaration import FeatureView, Lookup

_KINDS = {
    pl.String: "string",
    pl.Categorical: "string",
    pl.Enum: "string",
    pl.Boolean: "bool",
    pl.Date: "date",
    pl.Datetime: "timestamp",
}


def join_view(
    rows: pl.DataFrame,
    view: FeatureView | Lookup,
    observations: pl.DataFrame,
    *,
    time: str,
    mode: JoinMode = "known",
) -> pl.DataFrame:
    """Add a view's features to rows, as they were known at each row's `time`.

    Args:
        rows: Any table with the view's entity columns.
        view: The view, or a lookup in it.
        observations: Rows of the view's source.
        time: The column of `rows` that says when each row needs to know.
        mode: Which observations count; see `FeatureStore.join`.
    """
    lookup = lookup_of(view)
    parts = [arrange(shape_of(lookup.view), observations)]
    return join_parts(rows, lookup.wanted, parts, time=time, mode=mode)


def join_parts(
    rows: pl.DataFrame, wanted: Wanted, parts: Sequence[Arranged], *, time: str, mode: JoinMode
) -> pl.DataFrame:
    """Add what is wanted to rows, from observations that are arranged already; at least one part.

    Raises:
        NotFound: `rows` lack a column.
        UsageError: A column is of the wrong type, or has the name of one that would be added.
    """
    refuse_taken(rows, wanted.names)
    asked = questions(rows, parts[0].shape, wanted.by, time)
    return answered(rows, wanted, parts, asked, mode=mode)


def answered(
    rows: pl.DataFrame,
    wanted: Wanted,
    parts: Sequence[Arranged],
    asked: Questions,
    *,
    mode: JoinMode,
) -> pl.DataFrame:
    """Return rows with the answers to their questions."""
    found = find(parts, asked, mode=mode, ttl_us=wanted.ttl_us)
    gathered = gather(parts, found, wanted.features)
    return rows.with_columns(
        one.alias(name) for one, name in zip(gathered, wanted.names, strict=True)
    )


def questions(rows: pl.DataFrame, shape: Shape, by: Sequence[str], time: str) -> Questions:
    """Return what rows ask of observations of a shape."""
    return Questions(entities=shape.entities(rows, by), moments=micros_of(rows, time))


def refuse_taken(rows: pl.DataFrame, names: Sequence[str]) -> None:
    """Raise `UsageError` if rows have a column that a join would add."""
    for name in names:
        if name in rows.columns:
            raise UsageError(
                f"the rows already have a column {name!r}, which the join would add",
                remedy="Rename or drop it first, or set the features apart: "
                "view.lookup(prefix='…').",
            )


def gather(parts: Sequence[Arranged], found: Found, features: tuple[str, ...]) -> list[pl.Series]:
    """Return features of what was found, in at least one part; null where nothing was."""
    if len(parts) == 1:
        return parts[0].gather(_nullable(found.place), features)
    # Part by part, then back into the order of the questions.
    order = np.argsort(found.part, kind="stable")
    ends = np.searchsorted(found.part[order], np.arange(-1, len(parts)), side="right")
    pieces: list[pl.DataFrame] = []
    for number, one in enumerate(parts):
        mine = order[ends[number] : ends[number + 1]]
        pieces.append(pl.DataFrame(one.gather(pl.Series(found.place[mine]), features)))
    back = np.full(found.part.size, -1, dtype=np.int64)
    back[order[ends[0] :]] = np.arange(found.part.size - ends[0])
    return pl.concat(pieces).select(pl.all().gather(pl.lit(_nullable(back)))).get_columns()


def as_of_join(
    left: pl.DataFrame,
    right: pl.DataFrame,
    *,
    entity: Sequence[str],
    left_time: str,
    right_time: str,
    features: Sequence[str],
    ttl: timedelta | None = None,
    created: str | None = None,
    mode: JoinMode = "known",
) -> pl.DataFrame:
    """Return `left` with the `features` of the observation that was known at each row's time.

    What `FeatureStore.join` promises, on two tables: of observations with equal times and equal
    `created` the last row wins. Sorts `right` once: O((n + m) log n).

    Args:
        left: The rows that ask, in any order. Null times or entities know nothing.
        right: The observations, in any order. Ones without time or entity are never found.
        entity: Columns by which both sides are matched.
        left_time: When each row asks.
        right_time: When each observation was true.
        features: Columns of `right` to add.
        ttl: How long an observation may be used; None for ever.
        created: Column of `right` that says when it became known; null means at once.
        mode: Which observations count.

    Raises:
        NotFound: A named column is missing.
        UsageError: `left` already has a column that would be added, or a column has a type that can't
            be matched.
    """
    stamps = [right_time, *([] if created is None else [created])]
    shape = Shape(
        source="",
        entity=tuple((name, _kind(column(right, name))) for name in entity),
        time=right_time,
        created=created,
        features=tuple((name, str(column(right, name).dtype)) for name in features),
        key=(),
    )
    seen = right.with_columns(
        *shape.entities(right, entity).get_columns(),
        *(micros_of(right, name).cast(TIME) for name in stamps),
    )
    names = tuple(features)
    ttl_us = None if ttl is None else ttl // timedelta(microseconds=1)
    wanted = Wanted(by=tuple(entity), features=names, names=names, ttl_us=ttl_us)
    parts = [arrange(shape, seen, ties=())]
    return join_parts(left, wanted, parts, time=left_time, mode=mode)


def _nullable(places: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pl.Series:
    at = pl.Series(places)
    return at if at.is_empty() or at.min() != -1 else at.set(at < 0, None)


def _kind(values: pl.Series) -> str:
    kind = values.dtype.base_type()
    if kind.is_integer():
        return "int64"
    if kind not in _KINDS:
        raise UsageError(
            f"the entity column {values.name!r} is {values.dtype}",
            remedy="Entities are matched by equality: use text, whole numbers, dates or booleans.",
        )
    return _KINDS[kind]
