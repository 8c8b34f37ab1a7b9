"""Rules that a project writes itself: an expression over several columns, or a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping  # noqa: TC003  fields of dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from towpath.assets.checks.contract import Broken, RowRule
from towpath.assets.checks.rules.values import mask
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from towpath.assets.checks.contract import Surroundings

Judge: TypeAlias = "Callable[[pl.DataFrame], pl.Series | pl.Expr]"


@dataclass(frozen=True, slots=True, eq=False)
class Holds(RowRule):
    """An expression over the columns is true; where it is not known, the rule is kept.

    Attributes:
        statement: What rows must be, in words: "lands after it takes off".
        expression: A Polars expression of truth values, one per row.
    """

    statement: str
    expression: pl.Expr

    @property
    def says(self) -> str:
        """Return the statement."""
        return self.statement

    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """See `Rule.check`."""
        self.require(columns, *self.expression.meta.root_names())
        self._judge(pl.DataFrame(schema=dict(columns)))

    def broken(self, rows: pl.DataFrame, around: Surroundings) -> list[Broken]:
        """Return the rows for which the expression is false."""
        del around
        columns = tuple(dict.fromkeys(self.expression.meta.root_names()))
        return [Broken(columns=columns, words=f"breaks {self.title!r}", rows=~self._judge(rows))]

    def _judge(self, rows: pl.DataFrame) -> pl.Series:
        try:
            found = rows.select(self.expression.alias("kept")).get_column("kept")
        except pl.exceptions.PolarsError as error:
            self.refuse(f"its expression can't be computed ({type(error).__name__})")
        return _truths(self, rows, found)


@dataclass(frozen=True, slots=True, eq=False)
class Custom(RowRule):
    """A function of the rows says which are right; where it says null, the rule is kept.

    The function must not keep, print or log what it sees.

    Attributes:
        function: Takes a `pl.DataFrame` of all columns and returns one truth value per row, as a
            series or an expression.
    """

    function: Judge

    @property
    def says(self) -> str:
        """Return the function's name in words."""
        return self._name.replace("_", " ").strip()

    @property
    def _name(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """See `Rule.check`."""
        self.require(columns)
        if not callable(self.function):
            self.refuse(f"{self.function!r} is not a function")

    def broken(self, rows: pl.DataFrame, around: Surroundings) -> list[Broken]:
        """Return the rows that the function calls wrong."""
        del around
        found = self.function(rows)
        if isinstance(found, pl.Expr):
            found = rows.select(found.alias("kept")).get_column("kept")
        return [
            Broken(columns=(), words=f"breaks {self.title!r}", rows=~_truths(self, rows, found))
        ]


def _truths(rule: RowRule, rows: pl.DataFrame, found: object) -> pl.Series:
    if not isinstance(found, pl.Series) or found.dtype != pl.Boolean or found.len() != rows.height:
        what = (
            f"{found.len()} values of {found.dtype}"
            if isinstance(found, pl.Series)
            else f"a {type(found).__name__}"
        )
        raise UsageError(
            f"the rule {rule.title!r} gave {what} for {rows.height} rows",
            remedy="It must give one truth value per row: true where the row is right.",
        )
    return ~mask(found.alias("kept").to_frame(), ~pl.col("kept"))
