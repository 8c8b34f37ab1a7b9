"""One commit: rows that fit become files, a manifest, a profile and the next version, or nothing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from towpath.assets.datasets.bodies import content_body, declared_body
from towpath.assets.datasets.drafting import Draft, Drafter
from towpath.assets.datasets.lines import require_living
from towpath.assets.datasets.parquet import store_blobs
from towpath.assets.datasets.staging import Staging
from towpath.assets.datasets.suppression import Suppression
from towpath.core.digests import digest_bytes
from towpath.core.errors import Conflict, NotFound, TowpathError

if TYPE_CHECKING:
    import polars as pl

    from towpath.assets.datasets.contract import Also, Mode
    from towpath.assets.datasets.declaration import Dataset
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


class Commit:
    """Carries a request through; see `DatasetStore.commit` for what it promises."""

    def __init__(
        self, ledger: Ledger, blobs: BlobStore, keyring: Keyring, request: Request
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._request = request
        self._drafter = Drafter(blobs, request.dataset, request.mode, request.rows)
        self._staging = Staging(
            ledger, blobs, dataset=request.dataset.name, project=request.project
        )

    def attempt(self) -> Version | None:
        """Try once; None if another commit, an erasure or a withdrawal came in between."""
        with self._ledger.read() as tx:
            base = _Base.read(tx, self._request)
        request = self._request
        rows = request.rows
        if request.mode != "delete":
            rows = base.suppression.filter(request.dataset, rows, self._keyring)
        suppressed = request.rows.height - rows.height
        try:
            draft = self._drafter.draft(base.latest, rows)
        except NotFound:
            # An erasure replaced files that this was reading; anything else is worth hearing about.
            with self._ledger.read() as tx:
                if _Base.read(tx, self._request).state != base.state:
                    return None
            raise
        if draft.profile is None:
            return self._leave(base)
        return self._write(base, draft, draft.profile, suppressed)

    def _leave(self, base: _Base) -> Version | None:
        """Return the latest version, having done what goes with the commit."""
        latest = base.latest
        assert latest is not None
        if self._request.also is None:
            return latest
        with self._ledger.write() as tx:
            if _Base.read(tx, self._request).state != base.state:
                return None
            self._request.also(tx, latest)
        return latest

    def _write(self, base: _Base, draft: Draft, profile: bytes, suppressed: int) -> Version | None:
        manifest = draft.manifest.encode()
        fresh = [*(file.data for file in draft.new_files), profile, manifest]
        commit_id = self._staging.announce([digest_bytes(data) for data in fresh])
        try:
            store_blobs(self._blobs, fresh)
            body = self._body(draft, digest_bytes(manifest), digest_bytes(profile), suppressed)
            version = self._record(base, body, commit_id)
        except BaseException:
            # What can't be undone now is on record, and goes with the next erasure.
            with suppress(TowpathError):
                self._staging.abandon(commit_id)
            raise
        if version is None:
            self._staging.abandon(commit_id)
        return version

    def _record(self, base: _Base, body: Json, commit_id: str) -> Version | None:
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
                digest=body["manifest"],
                body=body,
                expected=base.number,
                made_by=request.made_by,
            )
            if request.also is not None:
                request.also(tx, version)
        _log.info("dataset.committed", ref=str(version.ref), added_rows=body["added_rows"])
        return version

    def _body(self, draft: Draft, manifest: str, profile: str, suppressed: int) -> Json:
        return {
            **content_body(draft.manifest, manifest, profile),
            **declared_body(self._request.dataset),
            "added_rows": draft.added_rows,
            "replaced_rows": draft.replaced_rows,
            "deleted_rows": draft.deleted_rows,
            "skipped_rows": draft.skipped_rows,
            "suppressed_rows": suppressed,
            "mode": self._request.mode,
        }
