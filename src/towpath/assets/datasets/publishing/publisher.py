"""Publications in the ledger, and what keeps their tables in step with the data sets."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from towpath.assets.datasets.catalogue import Catalogue, manifest_of
from towpath.assets.datasets.lines import trunk_of
from towpath.assets.datasets.publishing.contract import Publication
from towpath.assets.datasets.publishing.records import (
    find_publication,
    forget_publication,
    keep_publication,
    list_publications,
    suspects_of,
)
from towpath.assets.datasets.publishing.wanted import Wanted, snapshot_id
from towpath.assets.datasets.reading.extras import require
from towpath.core.errors import Conflict, InvalidName, NotFound, UsageError
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from towpath.assets.datasets.publishing.tables import IcebergTable
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.storage.blobs import BlobStore

_log = structlog.get_logger()
_ATTEMPTS = 8
_TABLE = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
OWN_CATALOG = "towpath"


class IcebergPublisher:
    """See `Publisher`.

    Args:
        ledger: Where versions and publications are.
        blobs: Where the files are that tables name.
        folder: The home's own catalog and the metadata of its tables.
    """

    def __init__(self, ledger: Ledger, blobs: BlobStore, folder: Path) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._folder = folder

    def publish(
        self, name: str, *, catalog: str = OWN_CATALOG, table: str | None = None, last: int = 100
    ) -> Publication:
        """See `Publisher.publish`."""
        if last < 1:
            raise UsageError(f"the last {last} versions can't be published", remedy="At least 1.")
        dataset = trunk_of(name)
        with self._ledger.read() as tx:
            latest = tx.versions.get(Ref("dataset", dataset))
        if manifest_of(self._blobs, latest).layered:
            raise UsageError(
                f"{latest.ref} has overlays, which not every reader of Iceberg applies",
                remedy=f"Fold them in and publish again: towpath dataset compact {dataset}.",
                ref=str(latest.ref),
            )
        wanted = Publication(
            dataset=dataset,
            catalog=catalog,
            table=table_name(table, project=latest.project, dataset=dataset),
            last=last,
        )
        return self._bring(wanted)

    def refresh(self, name: str) -> list[Publication]:
        """See `Publisher.refresh`."""
        return [self._bring(one) for one in self.publications(trunk_of(name))]

    def publications(self, name: str | None = None) -> list[Publication]:
        """See `Publisher.publications`."""
        with self._ledger.read() as tx:
            return list_publications(tx, None if name is None else trunk_of(name))

    def withdraw(self, name: str, *, catalog: str = OWN_CATALOG, table: str | None = None) -> None:
        """See `Publisher.withdraw`."""
        dataset = trunk_of(name)
        with self._ledger.read() as tx:
            project = tx.versions.get(Ref("dataset", dataset)).project
            place = table_name(table, project=project, dataset=dataset)
            found = find_publication(tx, dataset, catalog, place)
            suspects = suspects_of(tx, found)
        with self._open(found) as published:
            published.drop(found.metadata, suspects)
        with self._ledger.write() as tx:
            forget_publication(tx, found)
        _log.info("dataset.withdrawn", dataset=dataset, catalog=catalog, table=place)

    def is_current(self, publication: Publication) -> bool:
        """Tell from the ledger alone whether the data set is what was published last."""
        with self._ledger.read() as tx:
            wanted = Wanted.read(tx, publication.dataset, last=publication.last)
        ids = {version.ref: snapshot_id(version) for version in wanted.versions}
        named = {**wanted.tags, **wanted.branches}
        refs = {name: ids[ref] for name, ref in named.items() if ref not in publication.skipped}
        done = {name: number for name, number in publication.refs.items() if name != "main"}
        left_out = {ref for ref in ids if ref in publication.skipped}
        kept = {ref: number for ref, number in ids.items() if ref not in left_out}
        return kept == publication.snapshots and refs == done

    def _bring(self, publication: Publication) -> Publication:
        """Bring the table in step, until nothing changed meanwhile."""
        for _ in range(_ATTEMPTS):
            with self._ledger.read() as tx:
                wanted = Wanted.read(tx, publication.dataset, last=publication.last)
            seen = Catalogue(dataset=publication.dataset, versions=(), size=wanted.size)
            try:
                with self._open(publication) as table:
                    table.require_ours()
                    suspects = self._announce(publication, wanted)
                    done = table.bring(wanted, suspects)
            except NotFound:
                # An erasure replaced a manifest; anything else is worth hearing about.
                with self._ledger.read() as tx:
                    if seen.is_current(tx):
                        raise
                continue
            published = replace(
                publication,
                metadata=done.metadata,
                snapshots=done.snapshots,
                refs=done.refs,
                skipped=done.skipped,
            )
            with self._ledger.write() as tx:
                if seen.is_current(tx):
                    keep_publication(tx, published, project=wanted.trunk[0].project)
                    _log.info(
                        "dataset.published",
                        dataset=publication.dataset,
                        catalog=publication.catalog,
                        table=publication.table,
                        versions=len(done.snapshots),
                    )
                    return published
        raise Conflict(
            f"data set {publication.dataset!r} changes faster than it can be published",
            remedy="Publish again when fewer writers commit to it.",
            dataset=publication.dataset,
        )

    def _announce(self, publication: Publication, wanted: Wanted) -> set[int]:
        """Name what is about to be published, so that nothing of it is collected meanwhile.

        Killed after the commit to the catalog, the next call finds what this one may have left.

        Returns:
            The snapshots whose metadata may be there.
        """
        coming = {version.ref: snapshot_id(version) for version in wanted.versions}
        with self._ledger.write() as tx:
            suspects = suspects_of(tx, publication)
            if not suspects >= set(coming.values()):
                announced = replace(
                    publication, snapshots={**self._published(tx, publication), **coming}
                )
                keep_publication(
                    tx,
                    announced,
                    project=wanted.trunk[0].project,
                    suspects=suspects.union(coming.values()),
                )
        return suspects.union(coming.values())

    def _published(self, tx: Transaction, publication: Publication) -> dict[Ref, int]:
        place = (publication.catalog, publication.table)
        for one in list_publications(tx, publication.dataset):
            if (one.catalog, one.table) == place:
                return dict(one.snapshots)
        return {}

    @contextmanager
    def _open(self, publication: Publication) -> Generator[IcebergTable]:
        require("pyiceberg", extra="iceberg")
        # Not before we know that PyIceberg is there.
        from towpath.assets.datasets.publishing.catalogs import open_catalog  # noqa: PLC0415
        from towpath.assets.datasets.publishing.tables import IcebergTable  # noqa: PLC0415

        with open_catalog(publication.catalog, self._folder) as catalog:
            yield IcebergTable(
                catalog, self._blobs, name=publication.table, dataset=publication.dataset
            )


def table_name(given: str | None, *, project: str, dataset: str) -> str:
    """Return the table's name; dots would be namespaces, so the default has one.

    Raises:
        InvalidName: The name given is not `namespace.name`.
    """
    if given is None:
        return f"{project.replace('.', '_')}.{dataset.replace('.', '_')}"
    if not _TABLE.fullmatch(given):
        raise InvalidName(
            f"{given!r} is not a table of a catalog", remedy="Write namespace.name.", table=given
        )
    return given
