"""What callers give: rows that ask, however they are written, as columns of the right types."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from towpath.core.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from towpath.assets.datasets.schema import Column
    from towpath.assets.features.online.contract import Entities


def columns_of(entities: Entities, names: Iterable[str]) -> dict[str, Sequence[Any]]:
    """Return the named columns of rows that ask, in the order of `names`.

    Raises:
        NotFound: A column is missing, or a row lacks it.
    """
    if isinstance(entities, list):  # by far the commonest; a check against `Mapping` is slow
        return {name: [_known(name, row, row) for row in entities] for name in names}
    if isinstance(entities, pl.DataFrame):
        return {name: _known(name, entities.columns, entities).to_list() for name in names}
    if isinstance(entities, Mapping):
        return {name: _known(name, entities, entities) for name in names}
    return {name: [_known(name, row, row) for row in entities] for name in names}


def typed_frame(columns: Iterable[Column], values: Mapping[str, Sequence[Any]]) -> pl.DataFrame:
    """Return given values as a frame, in the types that their columns declare.

    Moments and days may be texts in ISO 8601, as JSON writes them.

    Raises:
        InvalidRequest: A value is not of its column's type. The message does not repeat it.
    """
    return pl.DataFrame([_typed(column, values[column.name]) for column in columns])


def _typed(column: Column, values: Sequence[Any]) -> pl.Series:
    read = _READERS.get(column.type)
    try:
        given = (
            list(values) if read is None else [None if one is None else read(one) for one in values]
        )
        if column.type == "float64":
            given = [float(one) if type(one) is int else one for one in given]
        return pl.Series(column.name, given, dtype=column.polars_type, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        raise InvalidRequest(
            f"the column {column.name!r} holds a value that is no {column.type}", column=column.name
        ) from error


def _known(name: str, names: Iterable[str], holder: Any) -> Any:
    if name not in names:
        raise NotFound.named("column", name, names)
    return holder[name]


def _moment(value: object) -> datetime:
    when = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(when, datetime):
        raise TypeError
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _day(value: object) -> date:
    day = date.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(day, date) or isinstance(day, datetime):
        raise TypeError
    return day


_READERS: dict[str, Any] = {"timestamp": _moment, "date": _day}
