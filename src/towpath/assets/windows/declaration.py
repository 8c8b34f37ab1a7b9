"""What a project says about aggregates over windows of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003  fields of a dataclass
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from towpath.assets.windows.computing import add_windows, tumble
from towpath.assets.windows.contract import FUNCTIONS, Aggregate, WindowSpec, type_of
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject, NotFound
from towpath.core.refs import check_name

if TYPE_CHECKING:
    import polars as pl

    from towpath.assets.datasets import Dataset


@dataclass(frozen=True, slots=True)
class Window:
    """Aggregates over what happened to an entity in a span of time before a moment.

    At a moment t the window is [T - length, T) with T = t, or, with `every`, the last whole multiple
    of `every` that is not after t (multiples count from 1970-01-01 UTC; those of whole weeks from a
    Monday). So a window slides with each row, or in steps of `every`, or tumbles where `every` is the
    length. It never holds the moment itself, and with `created` nothing that was not known at T.

    The same function computes it in training (`tp.window` in a pipeline), for serving (`at`), and as a
    table (`table`) to keep as a data set and read through a feature view.

    Attributes:
        name: Names the window.
        source: The data set of events.
        entity: The column, or columns, that say whom an event happened to; the same names in the rows
            that ask.
        time: The events' time column; by default that of the data set.
        length: How far back the window reaches.
        every: The steps in which it moves; None for with each row.
        features: What is computed: a name for each, and `"count"`, or a column and one of `count`
            (values that are there), `sum`, `mean`, `sd`, `min`, `max`, `first`, `last`, `distinct`.
        created: The events' column that says when one became known, where that is later.
    """

    name: str
    source: Dataset = field(kw_only=True)
    entity: str | Sequence[str] = field(kw_only=True)
    time: str | None = field(default=None, kw_only=True)
    length: str | timedelta = field(kw_only=True)
    every: str | timedelta | None = field(default=None, kw_only=True)
    features: Mapping[str, str | tuple[str, str]] = field(kw_only=True)
    created: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse a declaration that does not hang together."""
        check_name(self.name, "window name")
        entity = (self.entity,) if isinstance(self.entity, str) else tuple(self.entity)
        object.__setattr__(self, "entity", entity)
        object.__setattr__(self, "time", self.time or self.source.time)
        object.__setattr__(self, "features", dict(self.features))
        columns = dict(self.source.schema.polars_schema())
        if self.time is None:
            self._refuse("its source has no time column", "Say which: Window(…, time='…').")
        wanted = [*entity, self.time, *([] if self.created is None else [self.created])]
        for name in wanted:
            if name not in columns:
                near = NotFound.named("column", name, columns).remedy
                self._refuse(f"data set {self.source.name!r} has no column {name!r}", near)
        for name in wanted[len(entity) :]:
            if not columns[name].is_temporal():
                self._refuse(f"its time column {name!r} is not a datetime")
        if not self.features:
            self._refuse("it computes nothing", 'Name features={"rides": "count"}.')
        for aggregate in self._aggregates():
            self._check(aggregate, columns)
        if self.every is not None and self._micros(self.every) > self._micros(self.length):
            self._refuse("it moves farther than it reaches", "Events between would never count.")

    @property
    def spec(self) -> WindowSpec:
        """The window as plain values: what a step takes, and its key is made of."""
        assert self.time is not None
        return WindowSpec(
            entity=tuple(self.entity),
            time=self.time,
            length_us=self._micros(self.length),
            every_us=None if self.every is None else self._micros(self.every),
            created=self.created,
            aggregates=tuple(self._aggregates()),
        )

    @property
    def span(self) -> timedelta:
        """How far before a moment an event may lie and still count."""
        step = timedelta(0) if self.every is None else parse_duration(self.every)
        return parse_duration(self.length) + step

    def at(self, rows: pl.DataFrame, events: pl.DataFrame, *, time: str) -> pl.DataFrame:
        """Return rows with the window's features as of each row's own time.

        Args:
            rows: Any rows with the entity's columns.
            events: Events of the source, in any order; at least those within `span` of the rows.
            time: The column of `rows` that says when each asks.

        Raises:
            NotFound: A column is missing.
            UsageError: The rows have a column already that would be added.
        """
        return add_windows(rows, events, self.spec, time=time)

    def table(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return the features of each entity at each multiple of `every` at which they change.

        Rows have the entity's columns, `as_of` (when the window ends, from when on they are true) and
        the features. After an entity's last window comes one that is empty, so that the newest row as
        of any moment is what `at` says of that moment.

        Raises:
            UsageError: The window has no `every`.
        """
        return tumble(events, self.spec)

    def _aggregates(self) -> list[Aggregate]:
        found: list[Aggregate] = []
        for name, what in self.features.items():
            column, function = (None, what) if isinstance(what, str) else what
            found.append(Aggregate(name=name, column=column, function=function))
        return found

    def _check(self, aggregate: Aggregate, columns: Mapping[str, pl.DataType]) -> None:
        name, column, function = aggregate.name, aggregate.column, aggregate.function
        if function not in FUNCTIONS:
            self._refuse(
                f"feature {name!r} is computed by {function!r}", f"Use {', '.join(FUNCTIONS)}."
            )
        if column is None and function != "count":
            self._refuse(f"feature {name!r} has a {function} of no column", "Write (column, …).")
        if column is not None and column not in columns:
            near = NotFound.named("column", column, columns).remedy
            self._refuse(f"data set {self.source.name!r} has no column {column!r}", near)
        if column is not None and type_of(aggregate, columns[column]) is None:
            self._refuse(f"column {column!r} holds {columns[column]}, which has no {function}")
        if name in self.entity or name == "as_of":
            self._refuse(f"feature {name!r} is called like a column that is there already")

    def _micros(self, span: str | timedelta) -> int:
        return parse_duration(span) // timedelta(microseconds=1)

    def _refuse(self, why: str, remedy: str = "") -> NoReturn:
        raise InvalidProject(f"window {self.name!r} can't be: {why}", remedy=remedy)
