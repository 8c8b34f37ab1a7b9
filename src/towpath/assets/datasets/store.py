"""Data sets as Parquet files in a blob store, their versions in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from towpath.assets.datasets.catalogue import Catalogue, manifest_of, require_readable
from towpath.assets.datasets.changes.compacting import Compaction
from towpath.assets.datasets.changes.profiling import load_profile
from towpath.assets.datasets.committing import Commit, Request
from towpath.assets.datasets.contract import Pin, Retried
from towpath.assets.datasets.erasures.erasing import Erasure, stop_writers
from towpath.assets.datasets.erasures.record import named, nothing_erased
from towpath.assets.datasets.lines import require_living
from towpath.assets.datasets.loads.loading import ParquetLoad
from towpath.assets.datasets.loads.request import LoadMode, LoadRequest
from towpath.assets.datasets.quality import (
    JudgedCommit,
    Quality,
    Retry,
    marks_of_commit,
)
from towpath.assets.datasets.reading import Snapshot
from towpath.assets.datasets.scanning import load_manifest, scan_manifest, selection_digest
from towpath.assets.datasets.validation import conform, conform_keys, shaped
from towpath.core.clock import SystemClock
from towpath.core.errors import Conflict, InvalidName
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    import polars as pl

    from towpath.assets.checks import CheckReport
    from towpath.assets.datasets.contract import Also, ErasedDataset, Mode, Rows
    from towpath.assets.datasets.declaration import Dataset, Selection
    from towpath.assets.datasets.manifest import DataFile
    from towpath.assets.datasets.profiles import Profile
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import Keyring

_log = structlog.get_logger()
_ATTEMPTS = 16


class ParquetDatasetStore:
    """See `DatasetStore`.

    Args:
        ledger: Where versions are.
        blobs: Where their files are.
        keyring: Hashes subjects.
        clock: Event time, by which rules judge.
        made_by: Id of the run that makes what is committed, where a call names none.
    """

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        keyring: Keyring,
        *,
        clock: Clock | None = None,
        made_by: str | None = None,
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._parts = (ledger, blobs, keyring)
        self._made_by = made_by
        self._quality = Quality(ledger, blobs, keyring, clock or SystemClock())

    def commit(
        self,
        dataset: Dataset,
        rows: Rows,
        *,
        project: str,
        mode: Mode = "append",
        expected: int | None = None,
        made_by: str | None = None,
        branch: str | None = None,
        also: Also | None = None,
    ) -> Version:
        """See `DatasetStore.commit`."""
        shape = conform_keys if mode == "delete" else shaped if dataset.rules else conform
        checked = shape(dataset, rows)
        request = Request(
            dataset=dataset,
            rows=checked,
            project=project,
            mode=mode,
            expected=expected,
            made_by=made_by or self._made_by,
            branch=branch,
            also=also,
            notes=marks_of_commit(dataset, checked.clear() if mode == "delete" else checked),
        )
        judged = dataset.rules and mode != "delete"
        commit = (
            JudgedCommit(self._parts, request, self._quality)
            if judged
            else Commit(*self._parts, request)
        )
        return _insist(commit.attempt, request.line)

    def check(
        self, dataset: Dataset, rows: Rows | None = None, *, branch: str | None = None
    ) -> CheckReport:
        """See `DatasetStore.check`."""
        line = dataset.ref.on(branch)
        with self._ledger.read() as tx:
            version = tx.versions.find(line) if rows is not None else tx.versions.get(line)
        if rows is not None:
            return self._quality.check(dataset, [shaped(dataset, rows)], beside=version)
        assert version is not None
        return self._quality.check(
            dataset, self.scan(version.ref).collect_batches(), beside=version
        )

    def retry_quarantine(
        self, dataset: Dataset, *, project: str, made_by: str | None = None
    ) -> Retried:
        """See `DatasetStore.retry_quarantine`."""
        retry = Retry(
            parts=self._parts,
            dataset=dataset,
            project=project,
            quality=self._quality,
            made_by=made_by or self._made_by,
        )
        version = _insist(retry.attempt, dataset.name)
        return Retried(version=version, added=retry.added, kept=retry.kept)

    def compact(self, name: str, *, branch: str | None = None) -> Version:
        """See `DatasetStore.compact`."""
        line = Ref("dataset", name).on(branch)
        return _insist(Compaction(self._ledger, self._blobs, line).attempt, line.name)

    def load(
        self,
        dataset: Dataset,
        *,
        project: str,
        name: str,
        mode: LoadMode = "append",
        expected: int | None = None,
        made_by: str | None = None,
        branch: str | None = None,
    ) -> ParquetLoad:
        """See `DatasetStore.load`."""
        request = LoadRequest(
            dataset=dataset,
            project=project,
            name=name,
            mode=mode,
            expected=expected,
            made_by=made_by or self._made_by,
            branch=branch,
        )
        return ParquetLoad(*self._parts, request, self._quality)

    def scan(
        self,
        ref: Ref,
        *,
        columns: list[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> pl.LazyFrame:
        """See `DatasetStore.scan`."""
        found = self._version(ref)
        return scan_manifest(
            self._blobs,
            found.body["manifest"],
            columns=columns,
            since=since,
            until=until,
            present=lambda: self._version(found.ref).body["manifest"],
        )

    def open(
        self,
        ref: Ref,
        *,
        columns: list[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Snapshot:
        """See `DatasetStore.open`."""
        found = self._version(ref)
        return Snapshot(
            self._blobs,
            found,
            columns=columns,
            since=since,
            until=until,
            present=lambda: self._version(found.ref),
        )

    def pin(self, selection: Selection, *, at: datetime, version: int | None = None) -> Pin:
        """See `DatasetStore.pin`."""
        number = selection.version if version is None else version
        ref = selection.line if number is None else selection.line.at(number)
        if number is None and selection.branch is not None:
            with self._ledger.read() as tx:
                require_living(tx, ref)
        found = self._version(ref)
        digest = found.body["manifest"]
        since, until = selection.window(at)
        return Pin(
            ref=found.ref,
            revision=found.revision,
            manifest=digest,
            since=since,
            until=until,
            part=selection.part,
            digest=selection_digest(
                load_manifest(self._blobs, digest).shard(selection.part), since=since, until=until
            ),
        )

    def profile(self, ref: Ref) -> Profile:
        """See `DatasetStore.profile`."""
        return load_profile(self._blobs, self._version(ref))

    def versions(self, name: str) -> list[Version]:
        """See `DatasetStore.versions`."""
        with self._ledger.read() as tx:
            newest_first = tx.versions.list("dataset", name, limit=None)
        return newest_first[::-1]

    def files(self, ref: Ref) -> tuple[DataFile, ...]:
        """See `DatasetStore.files`."""
        return manifest_of(self._blobs, self._version(ref)).files

    def holds(self, name: str, *subject_values: str) -> list[Ref]:
        """See `DatasetStore.holds`."""
        seen = self._catalogue(name)
        if not seen.versions:
            return []
        return [version.ref for version in self._erasure(seen, subject_values).holding(seen)]

    def erase(self, subject_value: str, name: str) -> ErasedDataset:
        """See `DatasetStore.erase`."""
        return self.erase_all([subject_value], name)

    def erase_all(self, subject_values: Collection[str], name: str) -> ErasedDataset:
        """See `DatasetStore.erase_all`."""
        seen = self._catalogue(name)
        if not any(version.body["subject"] for version in seen.versions):
            # A first version may be on its way, in a load or in a commit.
            stop_writers(self._ledger, self._blobs, seen.dataset)
            return nothing_erased(seen.dataset)
        erased = self._erasure(seen, subject_values).run()
        _log.info(
            "dataset.erased",
            dataset=seen.dataset,
            versions=len(erased.versions),
            rows_removed=erased.rows_removed,
        )
        return erased

    def _erasure(self, seen: Catalogue, subject_values: Collection[str]) -> Erasure:
        # A later declaration may have dropped the subject; what is stored still names it.
        about = [version for version in seen.versions if version.body["subject"]]
        newest = (about or seen.versions)[-1]
        field = newest.body["subject_field"] or ""
        hashes = {one: self._keyring.subject_hash(field, one) for one in subject_values}
        stored_hashed = newest.body.get("subject_hashed")
        return Erasure(
            self._ledger,
            self._blobs,
            dataset=seen.dataset,
            project=newest.project,
            subjects={
                hashed: hashed if stored_hashed else value for value, hashed in hashes.items()
            },
            named=named(hashes.values()),
        )

    def _catalogue(self, name: str) -> Catalogue:
        with self._ledger.read() as tx:
            return Catalogue.read(tx, name)

    def _version(self, ref: Ref) -> Version:
        if ref.kind != "dataset":
            raise InvalidName(f"{ref} is not a data set", remedy="Write dataset:NAME@VERSION.")
        with self._ledger.read() as tx:
            return require_readable(tx.versions.get(ref))


def _insist(attempt: Callable[[], Version | None], line: str) -> Version:
    """Try until nobody else comes in between.

    Raises:
        Conflict: Somebody did, again and again.
    """
    for _ in range(_ATTEMPTS):
        version = attempt()
        if version is not None:
            return version
    raise Conflict(
        f"data set {line!r} changed {_ATTEMPTS} times while a version of it was written",
        remedy="Try again, or let fewer writers commit to it at once.",
        dataset=line,
    )
