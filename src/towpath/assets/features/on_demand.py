"""Features that are computed when they are asked for: one function, in training and in serving."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from towpath.core.errors import InvalidProject, NotFound, SchemaViolation, StepFailed
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from towpath.assets.datasets.schema import Column, Schema


@dataclass(frozen=True, slots=True)
class OnDemand:
    """A transformation of looked-up features and of what the caller sends along.

    It is called with a data frame of one or of many rows that has exactly the `uses` columns and the
    `request` columns, and returns one of as many rows, in order, with exactly the `returns` columns.
    A row's result may depend on that row alone: a mean over the frame would be one thing over a year
    of training rows and another over the one row that is served. Joins check that on a sample.

    Attributes:
        name: The function's name.
        function: What computes it; the same object in training and serving.
        uses: Features (as the service names them), results of earlier transformations, or entity
            columns that it reads.
        request: Columns that the caller sends along.
        returns: The columns that it computes, with their types.
    """

    name: str
    function: Callable[[pl.DataFrame], pl.DataFrame] = field(kw_only=True)
    uses: tuple[str, ...] = field(default=(), kw_only=True)
    request: tuple[Column, ...] = field(default=(), kw_only=True)
    returns: tuple[Column, ...] = field(kw_only=True)

    def __post_init__(self) -> None:
        """Refuse a declaration that does not hang together."""
        check_name(self.name, "on-demand transformation's name")
        names = self.inputs
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise InvalidProject(
                f"on-demand transformation {self.name!r} reads the column {min(twice)!r} twice",
                remedy="A column is either looked up (`uses`) or sent along (`request`).",
            )
        if not names:
            raise InvalidProject(
                f"on-demand transformation {self.name!r} reads nothing",
                remedy="Say what it reads: on_demand(uses=[…]), or request=….",
            )

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that the function is given, in order."""
        return (*self.uses, *(column.name for column in self.request))

    @property
    def path(self) -> str:
        """`module:function`, by which another process finds it."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    def __call__(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Call the function as it was written, checking nothing."""
        return self.function(rows)

    def add_to(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return `rows` with the computed columns, in the declared types, after the others.

        Raises:
            NotFound: `rows` lack a column that it reads.
            StepFailed: The function raised.
            SchemaViolation: What it returned is not what it declares: other columns, another number
                of rows, a value that its type can't hold, or none where the schema wants one.
        """
        for name in self.inputs:
            if name not in rows.columns:
                raise NotFound.named("column", name, rows.columns)
        given = rows.select(self.inputs)
        try:
            made: Any = self.function(given)
        except Exception as error:
            raise StepFailed(
                f"on-demand transformation {self.name!r} raised {type(error).__name__}",
                remedy="Call it with such rows yourself to see why: it is a plain function.",
            ) from error
        return rows.with_columns(self._checked(made, rows.height).get_columns())

    def _checked(self, made: Any, height: int) -> pl.DataFrame:
        what = f"on-demand transformation {self.name!r}"
        wanted = [column.name for column in self.returns]
        if not isinstance(made, pl.DataFrame) or set(made.columns) != set(wanted):
            got = ", ".join(made.columns) if isinstance(made, pl.DataFrame) else type(made).__name__
            raise SchemaViolation(
                f"{what} returned {got or 'no column'}",
                remedy=f"Return a data frame with exactly {', '.join(wanted)}.",
            )
        if made.height != height:
            raise SchemaViolation(
                f"{what} returned {made.height} rows for {height}",
                remedy="Return one row for each that it was given, in order.",
            )
        try:
            typed = made.select(pl.col(one.name).cast(one.polars_type) for one in self.returns)
        except pl.exceptions.PolarsError as error:
            raise SchemaViolation(
                f"{what} returned values that their columns can't hold",
                remedy="Return what `returns` declares.",
            ) from error
        for column in self.returns:
            missing = typed[column.name].null_count()
            if missing and not column.nullable:
                raise SchemaViolation(
                    f"{what} returned nothing for {column.name!r} in {missing} of {height} rows",
                    remedy="Annotate it `| None`, or fill it: what it reads may be missing.",
                    column=column.name,
                    rows=missing,
                )
        return typed


def on_demand(
    *,
    returns: type[Schema],
    uses: Sequence[str] = (),
    request: type[Schema] | None = None,
) -> Callable[[Callable[[pl.DataFrame], pl.DataFrame]], OnDemand]:
    """Make a function on data frames a transformation that feature services may list.

        class Crosswind(tp.Schema):
            crosswind: float | None

        class Runway(tp.Schema):
            heading: float

        @tp.on_demand(uses=["wind_speed", "wind_dir"], request=Runway, returns=Crosswind)
        def crosswind(rows: pl.DataFrame) -> pl.DataFrame:
            angle = (pl.col("wind_dir") - pl.col("heading")).radians()
            return rows.select(crosswind=pl.col("wind_speed") * angle.sin().abs())

    Args:
        returns: The columns that it computes.
        uses: Features, results of earlier transformations, or entity columns that it reads.
        request: Columns that the caller sends along; in training, columns of the rows.
    """

    def declare(function: Callable[[pl.DataFrame], pl.DataFrame]) -> OnDemand:
        return OnDemand(
            function.__name__,
            function=function,
            uses=tuple(uses),
            request=() if request is None else request.columns(),
            returns=returns.columns(),
        )

    return declare
