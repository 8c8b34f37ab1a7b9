"""The set of features that a model uses: looked up from views, and computed on demand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from towpath.assets.features.declaration import Lookup, lookup_of
from towpath.core.errors import InvalidProject
from towpath.core.refs import Ref, check_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from towpath.assets.datasets.schema import Column
    from towpath.assets.features.declaration import FeatureView
    from towpath.assets.features.on_demand import OnDemand


@dataclass(frozen=True, slots=True)
class FeatureService:
    """What a model is trained on and served with, under one name.

    Training joins it to rows by time; serving reads the same lookups by entity, and both call the
    same on-demand functions. A service is an asset: `feature_service:NAME@V`, linked to the views.

    Attributes:
        name: Names the service.
        views: Feature views as they stand, or lookups made of them.
        on_demand: Transformations, in the order they run; each may use the results of earlier ones.
        owner: Whom to ask.
        description: One or two sentences for the discovery page.
        tags: Free labels to find it by.
    """

    name: str
    views: Sequence[FeatureView | Lookup] = field(kw_only=True)
    on_demand: Sequence[OnDemand] = field(default=(), kw_only=True)
    owner: str = field(default="", kw_only=True)
    description: str = field(default="", kw_only=True)
    tags: Mapping[str, str] = field(default_factory=dict[str, str], kw_only=True)

    def __post_init__(self) -> None:
        """Refuse a service whose parts don't hang together."""
        check_name(self.name, "feature service name")
        object.__setattr__(self, "views", tuple(lookup_of(one) for one in self.views))
        object.__setattr__(self, "on_demand", tuple(self.on_demand))
        if not self.views:
            self._refuse("it uses no feature view")
        self._check_entities()
        self._check_names()

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        """The uses of views, in declared order."""
        return tuple(lookup_of(one) for one in self.views)

    @property
    def entity(self) -> tuple[Column, ...]:
        """The columns that name what is asked about, each once, in the order they first occur."""
        found = {column.name: column for one in self.lookups for column in one.entity}
        return tuple(found.values())

    @property
    def request(self) -> tuple[Column, ...]:
        """The columns that on-demand transformations want sent along, each once."""
        found = {column.name: column for one in self.on_demand for column in one.request}
        return tuple(found.values())

    @property
    def columns(self) -> tuple[Column, ...]:
        """The features in the order they are added: looked up by lookup, then computed."""
        looked_up = [column for one in self.lookups for column in one.columns]
        return (*looked_up, *(column for one in self.on_demand for column in one.returns))

    @property
    def features(self) -> tuple[str, ...]:
        """The names of `columns`."""
        return tuple(column.name for column in self.columns)

    @property
    def ref(self) -> Ref:
        """`feature_service:NAME`."""
        return Ref("feature_service", self.name)

    def compute(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add the on-demand features to rows that have the looked-up ones and the request's columns.

        Training and serving both end here. With no transformation, returns `rows` as they are.

        Raises:
            NotFound: A column of the request is missing.
            StepFailed: A function raised.
            SchemaViolation: A function returned something else than it declares.
        """
        for one in self.on_demand:
            rows = one.add_to(rows)
        return rows

    def _check_entities(self) -> None:
        types: dict[str, str] = {}
        for one in self.lookups:
            for column in one.entity:
                if types.setdefault(column.name, column.type) != column.type:
                    self._refuse(
                        f"{column.name!r} is a {types[column.name]} to one view and a "
                        f"{column.type} to {one.view.name!r}",
                        "Look one of them up by another column: view.lookup(by='…').",
                    )

    def _check_names(self) -> None:
        known = {column.name: "an entity column" for column in self.entity}
        sent = {column.name: column for column in self.request}
        for one in self.lookups:
            for name in one.names:
                self._claim(known, name, f"a feature of {one.view.name!r}")
        for one in self.on_demand:
            for name in one.uses:
                if name not in known:
                    self._refuse(
                        f"on-demand transformation {one.name!r} uses {name!r}, which nothing before "
                        "it provides",
                        "List what provides it earlier, or ask the caller for it: request=….",
                    )
            for column in one.request:
                if column.name in known or sent[column.name].type != column.type:
                    self._refuse(
                        f"on-demand transformation {one.name!r} asks the caller for "
                        f"{column.name!r}, which the service has otherwise",
                        "Use it (`uses`), or give one of them another name.",
                    )
            for column in one.returns:
                self._claim(known, column.name, f"a result of {one.name!r}")
        clash = sorted(sent.keys() & known.keys())
        if clash:
            self._refuse(
                f"{clash[0]!r} is {known[clash[0]]} and a column of the request",
                "Give one of them another name.",
            )

    def _claim(self, known: dict[str, str], name: str, what: str) -> None:
        if name in known:
            self._refuse(
                f"{name!r} is {known[name]} and {what}",
                "Set a lookup's features apart by a prefix: view.lookup(prefix='…').",
            )
        known[name] = what

    def _refuse(self, why: str, remedy: str = "") -> NoReturn:
        raise InvalidProject(f"feature service {self.name!r} can't be: {why}", remedy=remedy)


def lookups_of(features: FeatureService | FeatureView | Lookup) -> tuple[Lookup, ...]:
    """Return what a service looks up, or the one lookup that anything else stands for."""
    return features.lookups if isinstance(features, FeatureService) else (lookup_of(features),)
