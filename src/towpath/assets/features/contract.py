"""What the offline feature store promises: stored layouts, joins as of a moment, newest values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    import polars as pl

    from towpath.assets.features.declaration import FeatureView, Lookup
    from towpath.assets.features.layout import Layout
    from towpath.assets.features.service import FeatureService
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version

JoinMode: TypeAlias = Literal["known", "event"]
Features: TypeAlias = "FeatureService | FeatureView | Lookup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest observation of entities at one moment: what goes to an online store.

    Attributes:
        ref: The view's version, `features:NAME@V`, that was read.
        revision: Its revision then; an erasure raises it.
        at: The moment. Nothing that became known later is in it.
        whole: True: every entity that has a value at `at`; what an online store holds of others must
            go. False: only entities whose newest observation may differ from the one before.
        batches: Frames of at most 65,536 rows, to be consumed once, in constant memory. Columns are
            those of `FeatureView.columns`: entity, time, created where declared, then the features,
            in the types of the source's schema. One row per entity; none whose ttl is over at `at`.
            No entity is in two batches.
    """

    ref: Ref
    revision: int
    at: datetime
    whole: bool
    batches: Iterator[pl.DataFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What an erasure took out of the feature store.

    Attributes:
        versions: The versions of views whose layouts are gone; their numbers stay.
        bytes_deleted: Bytes of layouts deleted.
    """

    versions: tuple[Ref, ...]
    bytes_deleted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturePin:
    """A view's layout fixed for one run: with it, a step process needs nothing but blobs.

    Attributes:
        ref: The view's version.
        revision: Its revision then.
        layout: The layout, fresh when it was pinned. It may be gone by the time it is read; its
            source, pinned beside it, gives the same answers then.
    """

    ref: Ref
    revision: int
    layout: Layout


class FeatureStore(Protocol):
    """Versions of feature views, each a layout of one data-set version. Thread-safe, process-safe.

    A layout is the view's columns sorted by (entity, time, created) in Arrow IPC files in the blob
    store, opened by mmap: a join is a binary search and a gather, whatever the number of observations.
    It is a pure function of the source's rows and the view's columns, so a layout that was extended
    and one that was built anew answer alike.

    `features:NAME@V` holds the declaration (owner, description, schema, ttl) and the layout of
    `dataset:SOURCE@N`; it was `made` by a run that `used` that version. A layout is a copy of the
    source's rows, which can be made again: only the newest three of a view are kept. A version whose
    layout is gone is in state `collected`, else `ready`. A layout is stale once its source has another
    revision, or was collected, and is never read then.

    Where a version is not named, the view's own source decides: its latest version. A view or version
    that does not exist raises `NotFound`.
    """

    def build(self, view: FeatureView, *, project: str, source: Ref | None = None) -> Version:
        """Lay a source version out, and return the view's version; what is fresh is returned as is.

        Extends the newest layout when the source only gained rows since, reading the files that are
        new; else reads all of them, in constant memory. An erased source version's layout becomes
        the next revision of the same view version. Kill it anywhere and call it again.

        Args:
            view: The declaration; it is declared in the ledger on the way.
            project: The project that owns the view.
            source: `dataset:SOURCE@N`; the latest version by default.

        Raises:
            NotFound: The source has no such version.
            Conflict: Another project owns the name.
        """
        ...

    def find(self, view: FeatureView, *, source: Ref | None = None) -> Version | None:
        """Return the version whose layout is fresh for a source version (by default the latest)."""
        ...

    def pin(self, view: FeatureView, *, source: Ref) -> FeaturePin | None:
        """Fix the layout that is fresh for a source version; None if there is none."""
        ...

    def register(self, tx: Transaction, service: FeatureService, *, project: str) -> Version:
        """Record a service and the views it includes, if it is not recorded as it stands."""
        ...

    def join(
        self,
        rows: pl.DataFrame | pl.LazyFrame,
        features: Features,
        *,
        time: str,
        mode: JoinMode = "known",
        sources: Mapping[str, Ref] = {},
    ) -> pl.DataFrame:
        """Return `rows` with the features, as they were known at each row's own moment.

        Every row comes back once, in order, with nulls where nothing was known. `known`: an
        observation counts from `max(time, created)` on. `event`: it counts from `time` on, even if it
        became known later, which is what Feast does and what leaks the future into training. In both
        the largest `time` wins, of equal ones the largest `created` (none is the smallest), of equal
        ones the largest key of the source; it is used while `time + ttl ≥ t`, both ends inclusive, and
        nothing older is used in its place. Null entities and null moments know nothing.

        O(m log n) for m rows and n observations with a fresh layout; without one, the source is read
        and laid out in memory first. On-demand features are checked on a sample to be row by row.

        Args:
            rows: Any table with the entity columns, the moment, and the request's columns.
            features: A service, a view, or a lookup.
            time: The column of `rows` that says when each row asks.
            mode: Which observations count.
            sources: Data set name to the version to read; the latest of those that are not named.

        Raises:
            NotFound: A column or version is missing.
            UsageError: A column has another type than the entity, or is there already.
            SchemaViolation: An on-demand transformation breaks its declaration.
        """
        ...

    def newest(
        self, view: FeatureView, *, at: datetime, after: tuple[Ref, int, datetime] | None = None
    ) -> Newest:
        """Return what was known of each entity at a moment, from the newest fresh layout.

        Args:
            view: The view; `build` it first.
            at: The moment.
            after: `ref`, `revision` and `at` of the `Newest` that went before. Where the layout has
                only been extended since, just the entities that may have changed are returned.

        Raises:
            NotFound: The view has no fresh layout.
        """
        ...

    def versions(self, name: str) -> list[Version]:
        """Return every version of a view, oldest first."""
        ...

    def purge(self, sources: Iterable[Ref]) -> Purged:
        """Delete every stale layout of the views over these versions' data sets, branches included.

        What an erasure calls after it redacted the sources: a layout is a copy of their rows, and all
        that held the person are stale by then. Builds under way start over; what killed ones wrote is
        deleted. A view's version keeps its number; `build` makes the layout of the redacted rows its
        next revision. Kill it anywhere and call it again.
        """
        ...
