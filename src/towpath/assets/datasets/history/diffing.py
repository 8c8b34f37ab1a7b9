"""What differs between two versions of a data set: columns, rows, distributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.assets.datasets.catalogue import manifest_of, require_readable
from towpath.assets.datasets.changes.profiling import load_profile
from towpath.assets.datasets.history.comparing import RowComparison
from towpath.assets.datasets.history.contract import ColumnChange, Diff
from towpath.assets.datasets.history.shifting import shifts
from towpath.assets.datasets.scanning import scan_manifest
from towpath.core.errors import Conflict, NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from towpath.assets.datasets.manifest import Manifest
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

_ATTEMPTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Two versions of one data set, as they are now."""

    before: Version
    after: Version

    @property
    def state(self) -> tuple[int, int]:
        return self.before.revision, self.after.revision


class Differ:
    """Compares versions; see `DatasetHistory.diff` and `DatasetHistory.changes`."""

    def __init__(self, ledger: Ledger, blobs: BlobStore) -> None:
        self._ledger = ledger
        self._blobs = blobs

    def diff(self, before: Ref, after: Ref, *, rows: bool, with_shifts: bool) -> Diff:
        """Compare columns, and rows and distributions if asked for."""
        for _ in range(_ATTEMPTS):
            pair = self._pair(before, after)
            try:
                return self._compare(pair, rows=rows, with_shifts=with_shifts)
            except NotFound:
                # An erasure replaced files that this was reading; else it is worth hearing about.
                if self._pair(before, after).state == pair.state:
                    raise
        raise Conflict(
            f"data set {before.trunk!r} is being erased from faster than it can be compared",
            remedy="Try again when the erasures are done.",
            dataset=before.trunk,
        )

    def changes(self, before: Ref, after: Ref) -> Iterator[pl.DataFrame]:
        """Yield the rows that differ."""
        pair = self._pair(before, after)
        old, new = (manifest_of(self._blobs, one) for one in (pair.before, pair.after))
        if _keyed(old) != _keyed(new):
            raise UsageError(
                f"{pair.before.ref} and {pair.after.ref} are keyed otherwise, so their rows can't be "
                "told apart in the same way",
                remedy="Compare their columns: towpath dataset diff says what differs.",
            )
        return RowComparison(self._blobs, old, new).frames()

    def _compare(self, pair: _Pair, *, rows: bool, with_shifts: bool) -> Diff:
        old, new = (manifest_of(self._blobs, one) for one in (pair.before, pair.after))
        comparable = rows and _keyed(old) == _keyed(new)
        moved = ()
        if with_shifts:
            moved = shifts(
                load_profile(self._blobs, pair.before),
                load_profile(self._blobs, pair.after),
                scan_manifest(self._blobs, pair.after.body["manifest"]),
            )
        return Diff(
            before=pair.before.ref,
            after=pair.after.ref,
            schema=_columns_changed(old, new),
            rows=RowComparison(self._blobs, old, new).count() if comparable else None,
            shifts=moved,
        )

    def _pair(self, before: Ref, after: Ref) -> _Pair:
        if before.trunk != after.trunk:
            raise UsageError(
                f"{before} and {after} are versions of different data sets",
                remedy="Compare two versions of one data set, on its trunk or its branches.",
            )
        with self._ledger.read() as tx:
            old, new = (require_readable(tx.versions.get(ref)) for ref in (before, after))
        return _Pair(before=old, after=new)


def _keyed(manifest: Manifest) -> list[tuple[str, str]]:
    types = {column.name: str(column.type) for column in manifest.columns}
    return [(name, types[name]) for name in manifest.key]


def _columns_changed(before: Manifest, after: Manifest) -> tuple[ColumnChange, ...]:
    old, new = (
        {
            column.name: f"{column.type} | None" if column.nullable else str(column.type)
            for column in one
        }
        for one in (before.columns, after.columns)
    )
    return tuple(
        ColumnChange(name=name, before=old.get(name), after=new.get(name))
        for name in dict.fromkeys((*new, *old))
        if old.get(name) != new.get(name)
    )
