"""What a project says about features that are looked up by entity, as of a moment."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from towpath.assets.features.wanted import Wanted
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject, NotFound
from towpath.core.refs import Ref, check_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.assets.datasets import Dataset
    from towpath.assets.datasets.schema import Column

ENTITY_TYPES = ("string", "int64", "bool", "date", "timestamp")


@dataclass(frozen=True, slots=True)
class FeatureView:
    """Columns of a data set that describe an entity over time, as they were known at any moment.

    Attributes:
        name: Names the view.
        source: The data set that holds the observations.
        entity: The column, or columns, that say what a row describes. Rows are matched by the same
            names, unless `lookup(by=…)` says otherwise.
        time: The source's column that says when an observation was true.
        ttl: How long an observation may be used after its time, inclusive; None for ever.
        features: The columns that a join adds.
        created: The source's column that says when an observation became known, where that is later
            than `time`; corrections of the same time win by it.
        owner: Whom to ask; an address or a team.
        description: One or two sentences for the discovery page.
        tags: Free labels to find it by.
        online: Whether it is materialised to the online store, to be read by entity while serving.
        every: How often, in event time, it is materialised besides: each new version of the source
            brings what is new at once, but what the source knows of the future waits for this.
    """

    name: str
    source: Dataset = field(kw_only=True)
    entity: str | Sequence[str] = field(kw_only=True)
    time: str = field(kw_only=True)
    ttl: str | timedelta | None = field(default=None, kw_only=True)
    features: Sequence[str] = field(kw_only=True)
    created: str | None = field(default=None, kw_only=True)
    owner: str = field(default="", kw_only=True)
    description: str = field(default="", kw_only=True)
    tags: Mapping[str, str] = field(default_factory=dict[str, str], kw_only=True)
    online: bool = field(default=True, kw_only=True)
    every: str | timedelta | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse a declaration that does not hang together."""
        check_name(self.name, "feature view name")
        object.__setattr__(self, "entity", self.entity_columns)
        object.__setattr__(self, "features", tuple(self.features))
        self._check_columns()
        self._check_entity()
        if self.ttl is not None:
            object.__setattr__(self, "ttl", parse_duration(self.ttl))
        if self.every is not None:
            object.__setattr__(self, "every", parse_duration(self.every))

    @property
    def entity_columns(self) -> tuple[str, ...]:
        """The entity as a tuple, however it was written."""
        return (self.entity,) if isinstance(self.entity, str) else tuple(self.entity)

    @property
    def time_to_live(self) -> timedelta | None:
        """How long an observation may be used; None for ever."""
        return None if self.ttl is None else parse_duration(self.ttl)

    @property
    def interval(self) -> timedelta | None:
        """How often it is materialised besides; None for with new versions of the source alone."""
        return None if self.every is None else parse_duration(self.every)

    @property
    def columns(self) -> dict[str, Column]:
        """Every column that the view reads, by name: entity, time, created, then features."""
        known = {column.name: column for column in self.source.columns}
        stamps = [self.time, *([] if self.created is None else [self.created])]
        return {name: known[name] for name in [*self.entity_columns, *stamps, *self.features]}

    @property
    def ref(self) -> Ref:
        """`features:NAME`."""
        return Ref("features", self.name)

    def lookup(
        self,
        *features: str,
        by: str | Sequence[str] | None = None,
        prefix: str = "",
    ) -> Lookup:
        """Say how a join or a service uses the view, where its own names don't do.

        Args:
            features: The features to add, in this order; all of them when none is named.
            by: The columns of the rows that hold the entity, in the order of `entity`: an airport's
                weather is looked up by `origin` and once more by `dest`.
            prefix: Goes before the names of the features that are added.
        """
        columns = (by,) if isinstance(by, str) else by
        return Lookup(view=self, features=features, by=tuple(columns or ()), prefix=prefix)

    def _check_columns(self) -> None:
        columns = {column.name: column for column in self.source.columns}
        stamps = [self.time, *([] if self.created is None else [self.created])]
        for name in (*self.entity_columns, *stamps, *self.features):
            if name not in columns:
                missing = NotFound.named("column", name, columns)
                self._refuse(
                    f"data set {self.source.name!r} has no column {name!r}", missing.remedy
                )
        for name in stamps:
            if columns[name].type != "timestamp":
                self._refuse(f"its time column {name!r} is not a datetime")
        for what, names in (("entity column", self.entity_columns), ("feature", self.features)):
            if not names:
                self._refuse(f"it names no {what}s")
            name, count = Counter(names).most_common(1)[0]
            if count > 1:
                self._refuse(f"it names the {what} {name!r} twice")

    def _check_entity(self) -> None:
        columns = self.columns
        for name in self.entity_columns:
            if name in self.features:
                self._refuse(f"its feature {name!r} is its entity", "Rows have it already.")
            if columns[name].type not in ENTITY_TYPES:
                self._refuse(
                    f"its entity column {name!r} is a {columns[name].type}",
                    "Entities are matched by equality: use str, int, bool, date or datetime.",
                )

    def _refuse(self, why: str, remedy: str = "") -> NoReturn:
        raise InvalidProject(f"feature view {self.name!r} can't be: {why}", remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One use of a feature view. Made by `FeatureView.lookup`, or of a whole view as it stands.

    Attributes:
        view: The view that is looked into.
        features: The view's features that are added, in this order; given empty, all of them.
        by: The columns of the rows that hold the view's entity, one for each of its entity columns
            and in their order; given empty, the same names.
        prefix: Goes before the names of the features that are added.
    """

    view: FeatureView
    features: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    prefix: str = ""

    def __post_init__(self) -> None:
        """Fill in what was left open; refuse what the view does not have."""
        view = self.view
        object.__setattr__(self, "features", self.features or tuple(view.features))
        object.__setattr__(self, "by", self.by or view.entity_columns)
        for name in self.features:
            if name not in view.features:
                missing = NotFound.named("feature", name, view.features)
                raise InvalidProject(
                    f"feature view {view.name!r} has no feature {name!r}", remedy=missing.remedy
                )
        if len(self.by) != len(view.entity_columns):
            raise InvalidProject(
                f"feature view {view.name!r} is looked up by {len(self.by)} columns, and its entity "
                f"has {len(view.entity_columns)}",
                remedy=f"Give one column for each of {', '.join(view.entity_columns)}.",
            )

    @property
    def names(self) -> tuple[str, ...]:
        """What the added columns are called, in the order of `features`."""
        return tuple(f"{self.prefix}{name}" for name in self.features)

    @property
    def wanted(self) -> Wanted:
        """The lookup without its view."""
        ttl = self.view.time_to_live
        ttl_us = None if ttl is None else ttl // timedelta(microseconds=1)
        return Wanted(by=self.by, features=self.features, names=self.names, ttl_us=ttl_us)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The added columns. Any may be missing: nothing may be known, or not any more."""
        known = self.view.columns
        return tuple(
            replace(known[feature], name=name, nullable=True)
            for feature, name in zip(self.features, self.names, strict=True)
        )

    @property
    def entity(self) -> tuple[Column, ...]:
        """The columns of the rows that hold the entity, with the view's types."""
        known = self.view.columns
        return tuple(
            replace(known[own], name=name)
            for own, name in zip(self.view.entity_columns, self.by, strict=True)
        )


def lookup_of(used: FeatureView | Lookup) -> Lookup:
    """Return a lookup as it is, and a view as the lookup of all of it under its own names."""
    return used if isinstance(used, Lookup) else used.lookup()
