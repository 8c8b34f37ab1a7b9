"""Removes some subjects' rows from every version of a data set, in one pass."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from towpath.assets.datasets.bodies import content_body
from towpath.assets.datasets.catalogue import Catalogue, blobs_of, manifest_of
from towpath.assets.datasets.changes.profiling import encode_profile
from towpath.assets.datasets.contract import ErasedDataset, ErasedVersion
from towpath.assets.datasets.erasures.record import add_to_record, nothing_erased, read_record
from towpath.assets.datasets.erasures.redaction import Redaction
from towpath.assets.datasets.erasures.reprofiling import Reprofiler
from towpath.assets.datasets.load_record import KIND as LOAD
from towpath.assets.datasets.parquet import store_blobs
from towpath.assets.datasets.quality import checks_without
from towpath.assets.datasets.staging import COMMIT, Staging
from towpath.core.digests import digest_bytes
from towpath.core.errors import Conflict, NotFound, TowpathError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from towpath.assets.datasets.manifest import Manifest
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Json, Version
    from towpath.storage.blobs import BlobStore

_ATTEMPTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Revision:
    """The next revision of one version, ready to be written."""

    version: Version
    manifest: Manifest
    encoded: bytes
    profile: bytes
    removed_rows: int


class Erasure:
    """Some subjects' erasure from one data set; see `DatasetStore.erase` for what it promises.

    What was done is kept in a `dataset_erasure` row, named by the subjects' hash, in the transaction
    that did it: a call that comes after a kill returns the whole result.

    Args:
        ledger: Where versions are.
        blobs: Where files are.
        dataset: The data set, or one of its lines.
        project: Whose it is.
        subjects: What rows call whoever goes, by keyed hash.
        named: What the record is called by; see `record.named`.
    """

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        *,
        dataset: str,
        project: str,
        subjects: Mapping[str, str],
        named: str,
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._dataset = dataset
        self._project = project
        self._hashes = frozenset(subjects)
        self._named = named
        self._staging = Staging(ledger, blobs, dataset=dataset, project=project)
        self._redaction = Redaction(blobs, frozenset(subjects.values()))

    def run(self) -> ErasedDataset:
        """Erase, delete what is left over, and return what has been done over all calls."""
        self._staging.sweep()
        for _ in range(_ATTEMPTS):
            with self._ledger.read() as tx:
                seen = Catalogue.read(tx, self._dataset)
            try:
                done = self._redact(seen)
            except NotFound:
                # Another erasure replaced files that this was reading; else it is worth hearing about.
                with self._ledger.read() as tx:
                    if seen.is_current(tx):
                        raise
                continue
            if done:
                self._staging.sweep()
                with self._ledger.read() as tx:
                    return read_record(tx, self._dataset, self._named)
        raise Conflict(
            f"data set {self._dataset!r} is committed to faster than it can be erased from",
            remedy="Suppress the subject first, and try again.",
            dataset=self._dataset,
        )

    def holding(self, seen: Catalogue) -> list[Version]:
        """Return the versions that hold one of the subjects, oldest first."""
        self._redaction.read(seen.versions)
        return [
            version
            for version in seen.versions
            if self._redaction.holds(manifest_of(self._blobs, version))
        ]

    def _redact(self, seen: Catalogue) -> bool:
        """Give every affected version its next revision; False if the data set changed meanwhile."""
        affected = self.holding(seen)
        revisions = self._revisions(affected)
        others = tuple(version for version in seen.versions if version not in affected)
        fresh: dict[str, bytes | memoryview] = {}
        for revision in revisions:
            for data in (revision.profile, revision.encoded):
                fresh[digest_bytes(data)] = data
        kept = {file.digest for revision in revisions for file in revision.manifest.files}
        rewritten = self._redaction.replacements().items()
        fresh |= {digest: data for digest, data in rewritten if digest in kept}
        used = self._staging.used(replace(seen, versions=others)).union(fresh, kept)
        if not revisions:
            return self._fence_only(seen, used)
        commit_id = self._staging.announce(list(fresh))
        try:
            store_blobs(self._blobs, fresh.values())
            done = self._record(seen, revisions, used, commit_id)
        except BaseException:
            # What can't be undone now is on record, and goes with the next erasure.
            with suppress(TowpathError):
                self._staging.abandon(commit_id)
            raise
        if not done:
            self._staging.abandon(commit_id)
        return done

    def _fence_only(self, seen: Catalogue, used: set[str]) -> bool:
        """Make sure that nothing which is under way, or was left by a killed process, survives."""
        with self._ledger.write() as tx:
            if not seen.is_current(tx):
                return False
            self._staging.retire(tx, self._staging.fence(tx), used=used)
        return True

    def _revisions(self, versions: list[Version]) -> list[_Revision]:
        reprofiler = Reprofiler(self._blobs, self._redaction)
        revisions: list[_Revision] = []
        for version in versions:
            without = self._redaction.apply(manifest_of(self._blobs, version))
            profile = reprofiler.profile(version, without)
            revisions.append(
                _Revision(
                    version=version,
                    manifest=without.manifest,
                    encoded=without.manifest.encode(),
                    profile=encode_profile(without.manifest, profile),
                    removed_rows=without.gone.height,
                )
            )
        return revisions

    def _record(
        self, seen: Catalogue, revisions: list[_Revision], used: set[str], commit_id: str
    ) -> bool:
        before = [manifest_of(self._blobs, revision.version) for revision in revisions]
        files, rows = self._redaction.within(before)
        bodies = [revision.version.body for revision in revisions]
        gone: set[str] = set[str]().union(
            *(blobs_of(self._blobs, body["manifest"], body["profile"]) for body in bodies)
        )
        gone -= used
        freed = sum(self._blobs.size_bytes(one) for one in gone if self._blobs.exists(one))
        with self._ledger.write() as tx:
            if not seen.is_current(tx) or not self._staging.settle(tx, commit_id):
                return False
            done = replace(
                nothing_erased(self._dataset),
                versions=_revise(tx, revisions, self._hashes),
                rows_removed=rows,
                files_rewritten=files,
                bytes_deleted=freed,
            )
            add_to_record(tx, done, self._named, project=self._project)
            self._staging.retire(tx, gone | self._staging.fence(tx), used=used)
        return True


def stop_writers(ledger: Ledger, blobs: BlobStore, dataset: str) -> None:
    """Let nothing come of what is on its way into a data set, and delete what it has written.

    For one of which no version is about anybody: what comes may be about people for the first time.
    """
    with ledger.read() as tx:
        loads = [row for row in tx.intents.list(LOAD, limit=None) if row.spec.get("subject_field")]
        is_new = not Catalogue.read(tx, dataset).versions
        commits = tx.intents.list(COMMIT, limit=None) if is_new else []
    on_the_way = [row for row in (*loads, *commits) if row.spec["dataset"] == dataset]
    for project in sorted({row.project for row in on_the_way}):
        staging = Staging(ledger, blobs, dataset=dataset, project=project)
        while True:
            with ledger.read() as tx:
                seen = Catalogue.read(tx, dataset)
            used = staging.used(seen)
            with ledger.write() as tx:
                if seen.is_current(tx):
                    staging.retire(tx, staging.fence(tx), used=used)
                    break
        staging.sweep()


def _revise(
    tx: Transaction, revisions: Sequence[_Revision], hashes: Collection[str]
) -> tuple[ErasedVersion, ...]:
    contents: dict[Ref, tuple[str, Json]] = {}
    for one in revisions:
        digest = digest_bytes(one.encoded)
        content = content_body(one.manifest, digest, digest_bytes(one.profile))
        body = {**one.version.body, **content, **checks_without(one.version, hashes)}
        contents[one.version.ref] = (digest, body)
    revised = tx.versions.revise_all(contents, reason="erasure")
    return tuple(
        ErasedVersion(
            ref=after.ref,
            revision=after.revision,
            before=one.version.digest,
            after=after.digest,
            rows_removed=one.removed_rows,
        )
        for one, after in zip(revisions, revised, strict=True)
    )
