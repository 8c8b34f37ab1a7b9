"""What publishing a data set to an Iceberg catalog promises."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.core.refs import Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A data set as a table of an Iceberg catalog.

    Attributes:
        dataset: The data set, by its trunk's name.
        catalog: The catalog's name: `towpath` for the home's own, else one of PyIceberg's settings.
        table: `namespace.name`.
        last: How many of the trunk's latest versions are published; tagged ones and heads of branches
            are besides.
        metadata: Where the table's metadata is, for readers that take a file and no catalog.
        snapshots: Iceberg's snapshot id of each published version.
        refs: The snapshot ids of the table's tags and branches, `main` among them.
        skipped: Versions that can't be read in place, and why.
    """

    dataset: str
    catalog: str
    table: str
    last: int
    metadata: str = ""
    snapshots: Mapping[Ref, int] = field(default_factory=dict["Ref", int])
    refs: Mapping[str, int] = field(default_factory=dict[str, int])
    skipped: Mapping[Ref, str] = field(default_factory=dict["Ref", str])


class Publisher(Protocol):
    """Keeps tables of Iceberg catalogs in step with data sets. Thread-safe and process-safe.

    No row is copied: the table's metadata names the data set's own files, at absolute addresses, so
    readers must reach the blob store. Each version is a snapshot without a parent, tagged `v7`, and
    stamped with the moment it was committed; the trunk's latest is `main`, tags and living branches of
    the data set are tags and branches of the table. Files carry no field ids, so the table has a name
    mapping (Iceberg spec, "Column projection"). Where the subject decides the bucket, the table is
    partitioned by `bucket[N]` of it.

    Metadata holds no value of a row but the bounds of the event time, and those not if it is personal.
    What a commit to the table replaces is deleted, so that an erased row's time is not kept either.
    Nobody else may write to the table.

    A version with overlays can't be read in place by every reader and is skipped, until it is
    compacted; so is one whose columns have other types than the latest's.
    """

    def publish(
        self, name: str, *, catalog: str = "towpath", table: str | None = None, last: int = 100
    ) -> Publication:
        """Publish a data set, or what has changed of it, and remember where.

        One commit to the catalog changes everything at once; killed before it, nothing is published,
        and a second call carries on. Costs some milliseconds per version that is not published yet,
        and reads no data files.

        Args:
            name: The data set.
            catalog: `towpath`, or a catalog that PyIceberg's settings name.
            table: `namespace.name`; by default the project and the data set.
            last: How many of the latest versions to publish.

        Raises:
            NotFound: There is no such data set, or no such catalog.
            UsageError: PyIceberg is not installed; or the latest version has overlays.
            Conflict: The table exists and is not ours, or somebody else keeps writing to it.
            Unavailable: The catalog does not answer.
        """
        ...

    def refresh(self, name: str) -> list[Publication]:
        """Bring every publication of a data set up to date; an erasure must call it.

        Where the latest version has overlays, `main` stays at the newest version that has none.
        """
        ...

    def publications(self, name: str | None = None) -> list[Publication]:
        """Return what is published, by data set, catalog and table."""
        ...

    def withdraw(self, name: str, *, catalog: str = "towpath", table: str | None = None) -> None:
        """Drop the table from its catalog and delete its metadata; the data set's files stay.

        Raises:
            NotFound: It is not published there.
        """
        ...
