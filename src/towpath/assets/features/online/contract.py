"""What the online feature store promises: the newest features of an entity, and how they get there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    import polars as pl

    from towpath.assets.features.contract import Features
    from towpath.assets.features.declaration import FeatureView
    from towpath.assets.features.online.answer import OnlineRows
    from towpath.assets.features.online.table import OnlineTable
    from towpath.core.refs import Ref

Entities: TypeAlias = "pl.DataFrame | Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]"
"""Rows that ask: a frame, columns by name, or one mapping per row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Materialized:
    """What a materialisation did.

    Attributes:
        view: The feature view.
        ref: The view's version that the online rows reach now.
        revision: Its revision.
        at: Event time up to which everything known is in them.
        whole: Whether all rows were written anew, as a new generation.
        rows: How many rows were written: all of them, or those that were newer.
        run: Id of the run that did it; None where there was nothing new.
    """

    view: str
    ref: Ref
    revision: int
    at: datetime
    whole: bool
    rows: int
    run: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What became of rows that were pushed.

    Attributes:
        taken: How many are served now.
        late: How many changed nothing: they are older than what is served, or are served already.
        withdrawn: How many were left out because their subject has withdrawn.
    """

    taken: int
    late: int
    withdrawn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """Whether serving answers what training would have been given, for a sample of entities.

    Both are asked for one moment. What was pushed and is not in the source yet is no skew: `ahead`.

    Attributes:
        sampled: How many entities were compared.
        ahead: How many of those the online store knows something newer about.
        missing: How many the offline store has features of, and the online store has none.
        stale: How many are served an older observation.
        different: Feature name to how many are served another value of the same observation.
    """

    sampled: int
    ahead: int
    missing: int
    stale: int
    different: Mapping[str, int]

    @property
    def share(self) -> float:
        """Which share of the sample is served something else than training would see."""
        wrong = self.missing + self.stale + max(self.different.values(), default=0)
        return min(1.0, wrong / self.sampled) if self.sampled else 0.0


Freshness: TypeAlias = Literal["absent", "current", "behind", "outdated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewStatus:
    """How a view stands online.

    Attributes:
        view: The feature view.
        freshness: `absent`: never materialised. `current`: everything of the newest source version is
            in. `behind`: the source has a newer version or revision. `outdated`: the rows mean
            something else than the view declares now.
        ref: The view's version that was materialised last; None before the first.
        source: The source version that is the latest now; None before the first.
        at: Event time that the rows reach.
        lag: How long ago that is, by event time.
        entities: How many entities have a row.
        pushed: How many of those rows were pushed and are not in the source yet.
        skew: The comparison with the offline store; None where it was not asked for or can't be made.
    """

    view: str
    freshness: Freshness
    ref: str | None
    source: str | None
    at: datetime | None
    lag: timedelta | None
    entities: int
    pushed: int
    skew: Skew | None


class OnlineFeatures(Protocol):
    """The features of entities as they are now, in microseconds. Thread-safe and process-safe.

    Each view is a table of an online store: one packed row per entity. Reads never wait for a
    materialisation, and see all of it or nothing.

    How a subject leaves: `erase`, after the sources were redacted. What was materialised is made anew
    from the redacted rows; what they pushed is not carried over.
    """

    def get(
        self, features: Features, entities: Entities, *, at: datetime | None = None
    ) -> OnlineRows:
        """Return the features of entities, one row for each that asks, in order.

        An observation is used while `time + ttl ≥ at`, whatever the store still holds. A service's
        on-demand transformations are called with the same code as in training; `entities` must have
        their request columns too. Columns beyond those needed are ignored.

        Args:
            features: A service, a view, or a lookup.
            entities: Who asks, with the columns that the features are looked up by.
            at: The moment for which the time to live is judged; event time now by default.

        Raises:
            NotFound: A view was never materialised, or a column is missing.
            InvalidRequest: A value is not of its column's type.
            Withdrawn: A row is about a subject that has withdrawn.
            StepFailed, SchemaViolation: An on-demand transformation failed, or broke its declaration.
        """
        ...

    def materialize(
        self, view: FeatureView, *, project: str, at: datetime | None = None, whole: bool = False
    ) -> Materialized:
        """Bring a view's online rows up to a moment; serving goes on meanwhile.

        Where the source only gained rows since the last time, just the entities concerned are written;
        else, and with `whole`, a new generation is written beside the old one and takes its place in
        one step. Kill it anywhere and call it again. Memory does not grow with the source.

        Args:
            view: The declaration.
            project: The project that owns it.
            at: Event time up to which observations count; now by default.
            whole: Write all rows anew even if it could be less.

        Raises:
            NotFound: The source has no version yet.
            Conflict: Another materialisation of the view overtook this one.
        """
        ...

    def push(self, view: FeatureView, rows: pl.DataFrame, *, project: str) -> Pushed:
        """Take observations in at once, before they are in the source.

        The rows need the view's entity, time, `created` (where declared) and features, and the source's
        subject if it has one. A row that is older than what is served changes nothing. Rows stay until
        a materialisation brings something as new, or their time to live is over.

        Raises:
            SchemaViolation: A column is missing or of another type, or a row lies in the future.
            Conflict: The online rows mean something else than the view declares now.
        """
        ...

    def status(self, view: FeatureView, *, project: str, sample: int = 0) -> ViewStatus:
        """Tell how a view stands online; with `sample` > 0, compare so many entities with training.

        The comparison lays the newest source version out first, if it is not, and reads all of it.
        """
        ...

    def tables(self) -> list[OnlineTable]:
        """Return what every table says of itself, by name."""
        ...

    def erase(self, field: str) -> list[str]:
        """Make anew, without those who have withdrawn, every table about subjects called `field`.

        Called once the subject is suppressed and the sources are redacted. Kill it anywhere and call
        it again. Returns the names of the tables that were made anew, or dropped because their source
        is gone.
        """
        ...

    def drop(self, view: str) -> bool:
        """Delete a view's online rows. Return False where there were none."""
        ...
