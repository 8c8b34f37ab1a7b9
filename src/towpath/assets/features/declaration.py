"""What a project says about features that are looked up by entity, as of a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject, NotFound
from towpath.core.refs import Ref, check_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from towpath.assets.datasets import Dataset


@dataclass(frozen=True, slots=True)
class FeatureView:
    """Columns of a data set that describe an entity over time, as they were known at any moment.

    Attributes:
        name: Names the view.
        source: The data set that holds the observations.
        entity: The column, or columns, that say what a row describes; the same names in the rows that
            the view is joined to.
        time: The source's column that says when an observation was true.
        ttl: How long an observation may be used after its time, inclusive; None for ever.
        features: The columns that a join adds.
        created: The source's column that says when an observation became known, where that is later
            than `time`; corrections of the same time win by it.
    """

    name: str
    source: Dataset = field(kw_only=True)
    entity: str | Sequence[str] = field(kw_only=True)
    time: str = field(kw_only=True)
    ttl: str | timedelta | None = field(default=None, kw_only=True)
    features: Sequence[str] = field(kw_only=True)
    created: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse a declaration that does not hang together."""
        check_name(self.name, "feature view name")
        object.__setattr__(self, "entity", self.entity_columns)
        object.__setattr__(self, "features", tuple(self.features))
        columns = {column.name: column for column in self.source.columns}
        named = [*self.entity_columns, self.time, *self.features]
        for name in named if self.created is None else [*named, self.created]:
            if name not in columns:
                missing = NotFound.named("column", name, columns)
                self._refuse(
                    f"data set {self.source.name!r} has no column {name!r}", missing.remedy
                )
        for name in (self.time, self.created):
            if name is not None and columns[name].type != "timestamp":
                self._refuse(f"its time column {name!r} is not a datetime")
        if not self.features:
            self._refuse("it names no features")
        if self.ttl is not None:
            object.__setattr__(self, "ttl", parse_duration(self.ttl))

    @property
    def entity_columns(self) -> tuple[str, ...]:
        """The entity as a tuple, however it was written."""
        return (self.entity,) if isinstance(self.entity, str) else tuple(self.entity)

    @property
    def time_to_live(self) -> timedelta | None:
        """How long an observation may be used; None for ever."""
        return None if self.ttl is None else parse_duration(self.ttl)

    @property
    def ref(self) -> Ref:
        """`features:NAME`."""
        return Ref("features", self.name)

    def _refuse(self, why: str, remedy: str = "") -> NoReturn:
        raise InvalidProject(f"feature view {self.name!r} can't be: {why}", remedy=remedy)
