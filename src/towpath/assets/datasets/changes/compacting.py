"""Lays a version's rows out anew, for reading: one base per bucket, in as few files as can be."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

import polars as pl
import structlog

from towpath.assets.datasets.bodies import content_body
from towpath.assets.datasets.catalogue import manifest_of
from towpath.assets.datasets.layers import read_live
from towpath.assets.datasets.lines import require_living, trunk_of
from towpath.assets.datasets.parquet import ROWS_PER_FILE_MOST, encode_buckets, store_blobs
from towpath.assets.datasets.staging import Staging
from towpath.core.digests import digest_bytes
from towpath.core.errors import NotFound, TowpathError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

_log = structlog.get_logger()


class Compaction:
    """Makes the latest version of a line the next one, laid out anew; see `DatasetStore.compact`."""

    def __init__(self, ledger: Ledger, blobs: BlobStore, line: Ref) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._line = line

    def attempt(self) -> Version | None:
        """Try once; None if a commit or an erasure came in between."""
        with self._ledger.read() as tx:
            latest = self._latest(tx)
        before = manifest_of(self._blobs, latest)
        worn = worn_buckets(before)
        if not worn:
            return latest
        staging = Staging(
            self._ledger, self._blobs, dataset=trunk_of(self._line.name), project=latest.project
        )
        announced: list[str] = []
        try:
            version = self._write(latest, before, worn, staging, announced)
        except BaseException as error:
            # What can't be undone now is on record, and goes with the next erasure.
            with suppress(TowpathError):
                _abandon(staging, announced)
            if isinstance(error, NotFound) and not self._still(latest):
                return None
            raise
        if version is None:
            _abandon(staging, announced)
        return version

    def _write(
        self,
        latest: Version,
        before: Manifest,
        worn: dict[int | None, list[DataFile]],
        staging: Staging,
        announced: list[str],
    ) -> Version | None:
        """Store each worn bucket, then the manifest, then record the version."""
        files = [file for file in before.files if file.bucket not in worn]

        def store(*blobs: bytes | memoryview) -> None:
            announced.append(staging.announce([digest_bytes(one) for one in blobs]))
            store_blobs(self._blobs, blobs)

        for bucket, theirs in worn.items():
            for rows in relaid(self._blobs, before, theirs):
                encoded = encode_buckets(before, {bucket: rows})
                store(*(one.data for one in encoded))
                files += [one.entry for one in encoded]
        manifest = before.with_files(files)
        data = manifest.encode()
        store(data)
        with self._ledger.write() as tx:
            if not _same(self._latest(tx), latest):
                return None
            # An erasure fences whatever was announced before it, so the first of them tells.
            if not all(staging.settle(tx, one) for one in announced):
                return None
            version = self._record(tx, latest, manifest, digest_bytes(data))
        _log.info("dataset.compacted", ref=str(version.ref), buckets=len(worn))
        return version

    def _record(self, tx: Transaction, latest: Version, manifest: Manifest, digest: str) -> Version:
        counts = dict.fromkeys(
            ("added_rows", "replaced_rows", "deleted_rows", "skipped_rows", "suppressed_rows"), 0
        )
        content = content_body(manifest, digest, latest.body["profile"])
        return tx.versions.commit(
            "dataset",
            self._line.name,
            digest=digest,
            body={**latest.body, **content, **counts, "mode": "compact"},
            expected=latest.ref.version,
        )

    def _latest(self, tx: Transaction) -> Version:
        if self._line.branch is not None:
            require_living(tx, self._line)
        return tx.versions.get(self._line)

    def _still(self, latest: Version) -> bool:
        with self._ledger.read() as tx:
            return _same(self._latest(tx), latest)


def worn_buckets(manifest: Manifest) -> dict[int | None, list[DataFile]]:
    """Return the files of the buckets that reading would gain from laying out anew.

    These are the buckets with overlays, and those with more files than their rows need.
    """
    by_bucket: defaultdict[int | None, list[DataFile]] = defaultdict(list)
    for file in manifest.files:
        by_bucket[file.bucket].append(file)
    return {bucket: files for bucket, files in by_bucket.items() if _is_worn(files)}


def relaid(
    blobs: BlobStore, manifest: Manifest, files: Sequence[DataFile]
) -> Iterator[pl.DataFrame]:
    """Yield a bucket's live rows as full files, and what is left as a last one.

    Files are taken in order of time, so that a file of the result covers little more of it than its
    rows do. Two files' rows are in memory at most, and the keys of the bucket's overlays.
    """
    pending: list[pl.DataFrame] = []
    for file in sorted(files, key=lambda file: (file.time_min or 0, file.digest)):
        pending.append(read_live(blobs, manifest, [file]))
        if sum(rows.height for rows in pending) >= ROWS_PER_FILE_MOST:
            rows = pl.concat(pending)
            if manifest.time is not None:
                rows = rows.sort(manifest.time, *manifest.key)
            whole = rows.height - rows.height % ROWS_PER_FILE_MOST
            yield from rows.head(whole).iter_slices(ROWS_PER_FILE_MOST)
            pending = [rows.tail(rows.height - whole)]
    left = pl.concat(pending)
    if not left.is_empty():
        yield left


def _is_worn(files: Sequence[DataFile]) -> bool:
    rows = sum(file.live for file in files)
    layered = any(file.layer or file.superseded or file.role == "deletes" for file in files)
    return layered or len(files) > -(-rows // ROWS_PER_FILE_MOST)


def _same(one: Version, two: Version) -> bool:
    return (one.ref, one.revision) == (two.ref, two.revision)


def _abandon(staging: Staging, announced: Sequence[str]) -> None:
    for commit_id in announced:
        staging.abandon(commit_id)
