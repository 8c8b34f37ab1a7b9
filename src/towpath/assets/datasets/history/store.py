"""The history of data sets, kept in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets.history.branching import (
    adopt_branch,
    begin_branch,
    drop_branch,
    list_branches,
    restore_version,
)
from towpath.assets.datasets.history.collecting import Collector
from towpath.assets.datasets.history.diffing import Differ
from towpath.assets.datasets.history.naming import (
    find_version,
    point_tag,
    remove_tag,
    version_as_of,
)
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import polars as pl

    from towpath.assets.datasets.history.contract import Branch, Collection, Diff, Retention
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore


class LedgerDatasetHistory:
    """See `DatasetHistory`."""

    def __init__(self, ledger: Ledger, blobs: BlobStore) -> None:
        self._ledger = ledger
        self._blobs = blobs

    def find(self, text: str) -> Version:
        """See `DatasetHistory.find`."""
        with self._ledger.read() as tx:
            return find_version(tx, text)

    def as_of(self, name: str, at: datetime) -> Version:
        """See `DatasetHistory.as_of`."""
        with self._ledger.read() as tx:
            return version_as_of(tx, Ref("dataset", name), at)

    def tag(self, ref: Ref, tag: str) -> Version:
        """See `DatasetHistory.tag`."""
        with self._ledger.write() as tx:
            return point_tag(tx, ref, tag)

    def untag(self, name: str, tag: str) -> None:
        """See `DatasetHistory.untag`."""
        with self._ledger.write() as tx:
            remove_tag(tx, name, tag)

    def tags(self, name: str) -> dict[str, int]:
        """See `DatasetHistory.tags`."""
        with self._ledger.read() as tx:
            return tx.versions.aliases("dataset", name)

    def branch(self, start: Ref, branch: str, *, made_by: str | None = None) -> Version:
        """See `DatasetHistory.branch`."""
        with self._ledger.write() as tx:
            return begin_branch(tx, start, branch, made_by)

    def branches(self, name: str) -> list[Branch]:
        """See `DatasetHistory.branches`."""
        with self._ledger.read() as tx:
            return list_branches(tx, name)

    def adopt(
        self,
        name: str,
        branch: str,
        *,
        expected: int | None = None,
        made_by: str | None = None,
    ) -> Version:
        """See `DatasetHistory.adopt`."""
        with self._ledger.write() as tx:
            return adopt_branch(tx, name, branch, expected, made_by)

    def drop(self, name: str, branch: str) -> None:
        """See `DatasetHistory.drop`."""
        with self._ledger.write() as tx:
            drop_branch(tx, name, branch)

    def restore(
        self, ref: Ref, *, expected: int | None = None, made_by: str | None = None
    ) -> Version:
        """See `DatasetHistory.restore`."""
        with self._ledger.write() as tx:
            return restore_version(tx, ref, expected, made_by)

    def diff(self, before: Ref, after: Ref, *, rows: bool = True, shifts: bool = True) -> Diff:
        """See `DatasetHistory.diff`."""
        return Differ(self._ledger, self._blobs).diff(before, after, rows=rows, with_shifts=shifts)

    def changes(self, before: Ref, after: Ref) -> Iterator[pl.DataFrame]:
        """See `DatasetHistory.changes`."""
        return Differ(self._ledger, self._blobs).changes(before, after)

    def collect(
        self, name: str, retention: Retention, *, now: datetime, dry_run: bool = False
    ) -> Collection:
        """See `DatasetHistory.collect`."""
        collector = Collector(self._ledger, self._blobs, name=name, retention=retention, now=now)
        return collector.preview() if dry_run else collector.run()
