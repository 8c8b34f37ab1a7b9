"""A feature view as it is used: which features, by which columns of the rows, under which names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from towpath.core.errors import InvalidProject, NotFound

if TYPE_CHECKING:
    from towpath.assets.datasets.schema import Column
    from towpath.assets.features.declaration import FeatureView


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
