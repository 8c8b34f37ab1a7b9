"""File sets: rows in the data-set store, bytes in an area of the blob store."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.filesets.adding import Add, AddRequest
from towpath.assets.filesets.annotating import annotate
from towpath.assets.filesets.changes import diff_rows
from towpath.assets.filesets.changing import Base
from towpath.assets.filesets.checkout import Checkout, CheckoutRequest, choose
from towpath.assets.filesets.collecting import Collector
from towpath.assets.filesets.comparing import rows_of_source
from towpath.assets.filesets.marking import is_fileset
from towpath.assets.filesets.parts import Parts
from towpath.assets.filesets.reading import with_bytes
from towpath.assets.filesets.records import await_obedience
from towpath.core.clock import Clock, SystemClock
from towpath.core.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from towpath.assets.datasets import DatasetStore
    from towpath.assets.filesets.contract import (
        Added,
        AddProgress,
        CheckedOut,
        CheckoutMethod,
        Collected,
        FileDiff,
    )
    from towpath.assets.filesets.declaration import FileSet
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import Keyring

AREA = "files"


class BlobFileSetStore:
    """See `FileSetStore`.

    Args:
        ledger: Where versions are recorded.
        blobs: The home's blobs; the bytes of files go to an area of their own in it.
        keyring: The home's secrets.
        datasets: Where the rows are.
        caches: Folder for what is remembered of source folders.
        wall: Wall time.
    """

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        keyring: Keyring,
        datasets: DatasetStore,
        caches: Path,
        *,
        wall: Clock | None = None,
    ) -> None:
        files, wall = blobs.area(AREA), wall or SystemClock()
        self._parts = Parts(
            ledger=ledger,
            datasets=datasets,
            blobs=blobs,
            files=files,
            keyring=keyring,
            collector=Collector(ledger, blobs, files, caches=caches, wall=wall),
            caches=caches,
            wall=wall,
        )

    def add(
        self,
        fileset: FileSet,
        source: Path | str,
        *,
        project: str,
        attributes: pl.DataFrame | None = None,
        prune: bool = False,
        recheck: bool = False,
        branch: str | None = None,
        expected: int | None = None,
        made_by: str | None = None,
        progress: Callable[[AddProgress], None] | None = None,
    ) -> Added:
        """See `FileSetStore.add`."""
        request = AddRequest(
            fileset=fileset,
            source=source,
            project=project,
            attributes=attributes,
            prune=prune,
            recheck=recheck,
            branch=branch,
            expected=expected,
            made_by=made_by,
            progress=progress,
        )
        return Add(self._parts, request).run()

    def annotate(
        self,
        fileset: FileSet,
        attributes: pl.DataFrame,
        *,
        project: str,
        branch: str | None = None,
        made_by: str | None = None,
    ) -> Added:
        """See `FileSetStore.annotate`."""
        return annotate(
            self._parts, fileset, attributes, project=project, branch=branch, made_by=made_by
        )

    def files(self, ref: Ref) -> pl.LazyFrame:
        """See `FileSetStore.files`."""
        self._require_files(ref)
        return self._parts.datasets.scan(ref)

    def read(self, ref: Ref) -> pl.LazyFrame:
        """See `FileSetStore.read`."""
        return with_bytes(self.files(ref), self._parts.files)

    @contextmanager
    def open(self, ref: Ref, path: str) -> Generator[Path]:
        """See `FileSetStore.open`."""
        found = self.files(ref).filter(pl.col("path") == path).select("digest").collect()
        if found.is_empty():
            raise NotFound(f"{ref} has no such file", remedy=f"towpath files list {ref.name}")
        with self._parts.files.open_local(found.item()) as local:
            yield local

    def checkout(
        self,
        ref: Ref,
        folder: Path,
        *,
        only: str | None = None,
        method: CheckoutMethod = "auto",
        prune: bool = False,
        force: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> CheckedOut:
        """See `FileSetStore.checkout`."""
        rows = self.files(ref).select("path", "digest", "size_bytes").collect()
        request = CheckoutRequest(
            folder=folder, method=method, prune=prune, force=force, progress=progress
        )
        return Checkout(self._parts.files, choose(rows, only), request).run()

    def diff(self, before: Ref, after: Ref) -> FileDiff:
        """See `FileSetStore.diff`."""
        return diff_rows(self.files(before).collect(), self.files(after).collect())

    def compare(
        self, fileset: FileSet, source: Path | str, *, branch: str | None = None
    ) -> FileDiff:
        """See `FileSetStore.compare`."""
        parts = self._parts
        base = Base.read(parts.ledger, parts.blobs, fileset.dataset, branch=branch)
        return diff_rows(base.rows, rows_of_source(parts, fileset, source, base))

    def collect(self, *, dry_run: bool = False) -> Collected:
        """See `FileSetStore.collect`."""
        return self._parts.collector.collect(dry_run=dry_run)

    def purge(self, suppression: int) -> Collected:
        """See `FileSetStore.purge`."""
        await_obedience(self._parts.ledger, suppression, wall=self._parts.wall)
        return self._parts.collector.collect()

    def _require_files(self, ref: Ref) -> None:
        with self._parts.ledger.read() as tx:
            tx.versions.get(ref)
            if not is_fileset(tx, ref):
                raise UsageError(
                    f"{ref} is not a file set",
                    remedy="Read it as a data set: towpath dataset show.",
                )
