"""One commit: rows that fit become files, a manifest, a profile and the next version, or nothing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import polars as pl
import structlog

from towpath.assets.datasets.appending import continued, unseen
from towpath.assets.datasets.catalogue import manifest_of
from towpath.assets.datasets.declaration import describe_columns
from towpath.assets.datasets.folding import fold
from towpath.assets.datasets.lines import require_living
from towpath.assets.datasets.manifest import Manifest, blank
from towpath.assets.datasets.parquet import (
    EncodedFile,
    by_bucket,
    encode_buckets,
    read_files,
    store_blobs,
)
from towpath.assets.datasets.profiling import (
    encode_profile,
    load_profile,
    profile_append,
    profile_rows,
)
from towpath.assets.datasets.staging import Staging
from towpath.assets.datasets.suppression import Suppression
from towpath.core.digests import digest_bytes
from towpath.core.errors import Conflict, NotFound, TowpathError

if TYPE_CHECKING:
    from towpath.assets.datasets.contract import Also, Mode
    from towpath.assets.datasets.declaration import Dataset
    from towpath.assets.datasets.profiles import Profile
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Json, Version
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import Keyring

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the caller wants committed, rows checked."""

    dataset: Dataset
    rows: pl.DataFrame
    project: str
    mode: Mode
    expected: int | None
    made_by: str | None
    branch: str | None = None
    also: Also | None = None

    @property
    def line(self) -> str:
        """The name under which the versions are numbered: the data set's, or its branch's."""
        return self.dataset.ref.on(self.branch).name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """What a commit builds on; the final transaction checks that it still holds."""

    latest: Version | None
    suppression: Suppression

    @classmethod
    def read(cls, tx: Transaction, request: Request) -> _Base:
        if request.branch is not None:
            require_living(tx, request.dataset.ref.on(request.branch))
        latest = tx.versions.latest("dataset", request.line)
        number = 0 if latest is None else latest.ref.version
        if request.expected is not None and request.expected != number:
            raise Conflict(
                f"version {number} of data set {request.line!r} is the latest, "
                f"not {request.expected}",
                remedy="Read the latest version, and commit on top of it.",
                dataset=request.line,
                latest=number,
                expected=request.expected,
            )
        return cls(latest=latest, suppression=Suppression.read(tx))

    @property
    def number(self) -> int:
        return 0 if self.latest is None else self.latest.ref.version or 0

    @property
    def state(self) -> tuple[int, int, int]:
        revision = 0 if self.latest is None else self.latest.revision
        return self.number, revision, self.suppression.generation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A version that is ready to be written."""

    manifest: Manifest
    new_files: list[EncodedFile]
    profile: bytes
    added_rows: int
    skipped_rows: int
    suppressed_rows: int


class Commit:
    """Carries a request through; see `DatasetStore.commit` for what it promises."""

    def __init__(
        self, ledger: Ledger, blobs: BlobStore, keyring: Keyring, request: Request
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._request = request
        self._staging = Staging(
            ledger, blobs, dataset=request.dataset.name, project=request.project
        )

    def attempt(self) -> Version | None:
        """Try once; None if another commit, an erasure or a withdrawal came in between."""
        with self._ledger.read() as tx:
            base = _Base.read(tx, self._request)
        try:
            draft = self._draft(base)
        except NotFound:
            # An erasure replaced files that this was reading; anything else is worth hearing about.
            with self._ledger.read() as tx:
                if _Base.read(tx, self._request).state != base.state:
                    return None
            raise
        if base.latest is not None and self._changes_nothing(base.latest, draft):
            return self._leave(base, base.latest)
        return self._write(base, draft)

    def _leave(self, base: _Base, latest: Version) -> Version | None:
        """Return the latest version, having done what goes with the commit."""
        if self._request.also is None:
            return latest
        with self._ledger.write() as tx:
            if _Base.read(tx, self._request).state != base.state:
                return None
            self._request.also(tx, latest)
        return latest

    def _draft(self, base: _Base) -> _Draft:
        request = self._request
        rows = base.suppression.filter(request.dataset, request.rows, self._keyring)
        suppressed = request.rows.height - rows.height
        if request.mode == "overwrite" or base.latest is None:
            manifest = blank(request.dataset)
            files = encode_buckets(manifest, by_bucket(manifest, rows))
            manifest = manifest.with_files([file.entry for file in files])
            profile, added = profile_rows(manifest, rows), rows
        else:
            before = manifest_of(self._blobs, base.latest)
            manifest = continued(request.dataset, before)
            added = unseen(self._blobs, request.dataset, before, rows, given=request.rows)
            manifest, files = fold(self._blobs, manifest, by_bucket(manifest, added))
            profile = self._grown_profile(base.latest, manifest, added)
        return _Draft(
            manifest=manifest,
            new_files=files,
            profile=encode_profile(manifest, profile),
            added_rows=added.height,
            skipped_rows=rows.height - added.height,
            suppressed_rows=suppressed,
        )

    def _grown_profile(self, latest: Version, manifest: Manifest, added: pl.DataFrame) -> Profile:
        before = load_profile(self._blobs, latest)

        def everything() -> pl.DataFrame:
            stored = manifest_of(self._blobs, latest)
            old = read_files(self._blobs, manifest.with_files(list(stored.files)), stored.files)
            return pl.concat([old, added])

        return profile_append(manifest, before, added, everything)

    def _changes_nothing(self, latest: Version, draft: _Draft) -> bool:
        """Tell whether a draft holds the latest version's rows, however they are laid out in files."""
        before, after = manifest_of(self._blobs, latest), draft.manifest
        if before == after:
            return True
        bare = [msgspec.structs.replace(one, files=()) for one in (before, after)]
        if bare[0] != bare[1] or before.rows != after.rows:
            return False
        if self._request.mode == "append":
            return draft.added_rows == 0
        order = list(after.key)
        old = read_files(self._blobs, before, before.files).sort(order)
        new = self._request.rows
        return draft.suppressed_rows == 0 and old.equals(new.sort(order))

    def _write(self, base: _Base, draft: _Draft) -> Version | None:
        manifest = draft.manifest.encode()
        fresh = [*(file.data for file in draft.new_files), draft.profile, manifest]
        commit_id = self._staging.announce([digest_bytes(data) for data in fresh])
        try:
            store_blobs(self._blobs, fresh)
            version = self._record(base, draft, digest_bytes(manifest), commit_id)
        except BaseException:
            # What can't be undone now is on record, and goes with the next erasure.
            with suppress(TowpathError):
                self._staging.abandon(commit_id)
            raise
        if version is None:
            self._staging.abandon(commit_id)
        return version

    def _record(
        self, base: _Base, draft: _Draft, manifest_digest: str, commit_id: str
    ) -> Version | None:
        request = self._request
        with self._ledger.write() as tx:
            if _Base.read(tx, request).state != base.state:
                return None
            tx.versions.declare(
                "dataset",
                request.line,
                project=request.project,
                description=request.dataset.description,
            )
            if not self._staging.settle(tx, commit_id):
                return None
            version = tx.versions.commit(
                "dataset",
                request.line,
                digest=manifest_digest,
                body=self._body(draft, manifest_digest),
                expected=base.number,
                made_by=request.made_by,
            )
            if request.also is not None:
                request.also(tx, version)
        _log.info("dataset.committed", ref=str(version.ref), added_rows=draft.added_rows)
        return version

    def _body(self, draft: _Draft, manifest_digest: str) -> Json:
        dataset = self._request.dataset
        return {
            **content_body(draft.manifest, manifest_digest, digest_bytes(draft.profile)),
            "columns": describe_columns(dataset),
            "key": list(dataset.key_columns),
            "time": dataset.time,
            "subject": dataset.subject,
            "subject_field": dataset.subject_field,
            "subject_hashed": dataset.subject_hashed,
            "buckets": dataset.buckets,
            "added_rows": draft.added_rows,
            "skipped_rows": draft.skipped_rows,
            "suppressed_rows": draft.suppressed_rows,
            "mode": self._request.mode,
        }


def content_body(manifest: Manifest, manifest_digest: str, profile_digest: str) -> Json:
    """Return the part of a version's body that an erasure changes."""
    return {
        "manifest": manifest_digest,
        "profile": profile_digest,
        "rows": manifest.rows,
        "bytes": manifest.size_bytes,
        "files": len(manifest.files),
    }
