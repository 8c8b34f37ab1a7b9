"""What `split(…)` in a pipeline means, given what is known of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from towpath.assets.datasets import Selection
from towpath.assets.datasets.splits import WAYS, Split
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from typing import TypeAlias

    from towpath.build.pipelines.authoring.handles import Handle

    Names: TypeAlias = str | Sequence[str] | None


def way_of(
    rows: Handle | Selection,
    *,
    by: str,
    column: Names,
    key: Names,
    last: str | timedelta | None,
    shares: Sequence[float],
    gap: str | timedelta | None,
    seed: int,
) -> Split:
    """Return the way to split, filled in from the data set that rows are a selection of.

    Raises:
        InvalidProject: Something is missing, or can't be meant.
    """
    named = _names(column)
    if by not in WAYS:
        # The name of a time column.
        by, named = "time", named or (by,)
    if by == "time":
        columns = named or _names(time_of(rows)) or ("time",)
    elif by == "group":
        columns = (
            named or _names(_subject(rows)) or _missing(by, "column", "who or what goes together")
        )
    else:
        columns = (
            _names(key) or _key(rows) or _missing(by, "key", "the columns that tell rows apart")
        )
    if by == "stratified" and not named:
        _missing(by, "column", "what every part has its share of")
    try:
        return Split(
            by=by,
            columns=columns,
            strata=named if by == "stratified" else (),
            shares=(0.5, 0.5) if last is not None else tuple(shares),
            seed=seed,
            gap_us=_micros(gap) or 0,
            last_us=_micros(last),
        )
    except UsageError as error:
        raise InvalidProject(error.message, remedy=error.remedy) from error


def time_of(rows: Handle | Selection) -> str | None:
    """Return the column that says when each row happened, where that is known."""
    return rows.dataset.time if isinstance(rows, Selection) else rows.time


def _subject(rows: Handle | Selection) -> str | None:
    return rows.dataset.subject if isinstance(rows, Selection) else None


def _key(rows: Handle | Selection) -> tuple[str, ...]:
    return rows.dataset.key_columns if isinstance(rows, Selection) else ()


def _names(names: Names) -> tuple[str, ...]:
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def _micros(span: str | timedelta | None) -> int | None:
    return None if span is None else round(parse_duration(span).total_seconds() * 1_000_000)


def _missing(by: str, argument: str, what: str) -> NoReturn:
    raise InvalidProject(
        f"split(…, by={by!r}) does not know {what}",
        remedy=f"Say so: split(rows, by={by!r}, {argument}='…').",
    )
