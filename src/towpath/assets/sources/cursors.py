"""A column that only grows, by whose values a source is read in increments."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Self

from towpath.core.durations import parse_duration
from towpath.core.errors import SchemaViolation, UsageError

if TYPE_CHECKING:
    import polars as pl

    from towpath.assets.sources.contract import Reading
    from towpath.ledger.records import Json


class Cursor:
    """Follows a column through one reading. Made by `after`.

    Attributes:
        column: The column.
        since: The value to begin with, inclusive; None for everything.
        position: The position behind the rows that came so far.
    """

    def __init__(self, column: str, *, since: object, position: Json | None) -> None:
        self.column = column
        self.since = since
        self.position = position

    @classmethod
    def after(
        cls, start: Json | None, column: str, *, reading: Reading, overlap: str | float | None
    ) -> Self:
        """Begin at a position, or `overlap` before it.

        Raises:
            UsageError: The column's values are personal, so its position can't be kept; or it can't be
                reached back from.
        """
        if any(one.personal for one in reading.columns if one.name == column):
            raise UsageError(
                f"the cursor {column!r} is a personal column, and its values would be kept",
                remedy="Choose a time of change or a serial number.",
                column=column,
            )
        if not start:
            return cls(column, since=None, position=None)
        value = _decoded(start)
        return cls(column, since=_reached_back(column, value, overlap), position=start)

    @staticmethod
    def check_overlap(overlap: str | float | None) -> None:
        """Refuse an overlap that is neither a span of time nor a number."""
        if isinstance(overlap, str):
            parse_duration(overlap)

    def through(self, rows: pl.DataFrame) -> Json | None:
        """Return the position behind some rows, which came in the cursor's order."""
        known = rows.get_column(self.column).drop_nulls()
        if len(known):
            self.position = _encoded(self.column, known[-1])
        return self.position

    def over(self, rows: pl.DataFrame) -> Json | None:
        """Return the position behind some rows that came in any order: their highest value's."""
        highest = rows.get_column(self.column).max()
        if highest is not None:
            known = None if self.position is None else _decoded(self.position)
            try:
                is_higher = known is None or highest > known  # pyright: ignore[reportOperatorIssue]  # whatever it is, it is asked
            except TypeError as error:
                raise _no_cursor(self.column, highest) from error
            if is_higher:
                self.position = _encoded(self.column, highest)
        return self.position


def _encoded(column: str, value: object) -> Json:
    # The source's own order decides which value is the last: texts may have a collation of their own.
    match value:
        case bool():
            pass
        case datetime():
            return {"type": "time", "value": value.isoformat()}
        case date():
            return {"type": "date", "value": value.isoformat()}
        case int() | float() | str():
            return {"type": "plain", "value": value}
        case _:
            pass
    raise _no_cursor(column, value)


def _no_cursor(column: str, value: object) -> SchemaViolation:
    return SchemaViolation(
        f"the cursor {column!r} holds {type(value).__name__}, which does not grow",
        remedy="Choose a time of change or a serial number.",
        column=column,
    )


def _decoded(position: Json) -> object:
    read = {"time": datetime.fromisoformat, "date": date.fromisoformat}
    value = position["value"]
    return read[position["type"]](value) if position["type"] in read else value


def _reached_back(column: str, value: object, overlap: str | float | None) -> object:
    match value, overlap:
        case _, None:
            return value
        case ((datetime() | date()), str()):
            return value - parse_duration(overlap)
        case ((int() | float()), (int() | float())):
            return value - overlap
        case _:
            raise UsageError(
                f"the cursor {column!r} can't reach back by {overlap!r}: its values are "
                f"{type(value).__name__}",
                remedy="Give a span for times (overlap='10m'), a number for numbers.",
                column=column,
            )
