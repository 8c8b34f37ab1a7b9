"""One commit: rows that fit become files, a manifest, a profile and the next version, or nothing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from towpath.assets.datasets.bodies import content_body, declared_body
from towpath.assets.datasets.changes.drafting import Draft, Drafter
from towpath.assets.datasets.lines import require_living
from towpath.assets.datasets.parquet import store_blobs
from towpath.assets.datasets.staging import Staging
from towpath.assets.datasets.suppression import Suppression, asking
from towpath.core.digests import digest_bytes
from towpath.core.errors import Conflict, NotFound, TowpathError
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """What the caller wants committed, rows checked.

    Attributes:
        dataset: The declaration.
        rows: The rows; only keys, when deleting.
        project: See `DatasetStore.commit`, here and below.
        mode: What the rows do to the version before.
        expected: The number that the caller believes is the latest.
        made_by: Id of the run that made the rows.
        branch: The branch to commit to.
        also: Called in the transaction that records the version.
        given: The rows as the caller numbers them, where some were set aside.
        notes: What else the version's body says, told the version whose rows it keeps, if any.
    """

    dataset: Dataset
    rows: pl.DataFrame
    project: str
    mode: Mode
    expected: int | None
    made_by: str | None
    branch: str | None = None
    also: Also | None = None
    given: pl.DataFrame | None = None
    notes: Callable[[Version | None], Json] | None = None

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
class Staged:
    """A version whose bytes are written and announced, and that nobody can see yet.

    Attributes:
        line: The name under which it is numbered.
        base: What it builds on.
        body: Its body; None where it is the latest version again, and there is nothing to record.
        commit_id: Id of its announcement.
    """

    line: str
    base: _Base
    body: Json | None
    commit_id: str | None

    @property
    def ref(self) -> Ref:
        """The version that it will be."""
        return Ref("dataset", self.line, self.base.number + (self.body is not None))


class Commit:
    """Carries a request through; see `DatasetStore.commit` for what it promises.

    `attempt` does it all. Where two versions must appear together, `stage` one, `record` it in the
    transaction of the other, and `abandon` it if that does not come to pass.
    """

    def __init__(
        self, ledger: Ledger, blobs: BlobStore, keyring: Keyring, request: Request
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._request = request
        given = request.rows if request.given is None else request.given
        self._drafter = Drafter(blobs, request.dataset, request.mode, given)
        self._staging = Staging(
            ledger, blobs, dataset=request.dataset.name, project=request.project
        )

    def attempt(self) -> Version | None:
        """Try once; None if another commit, an erasure or a withdrawal came in between."""
        staged = self.stage()
        if staged is None:
            return None
        if staged.body is None and self._request.also is None:
            return staged.base.latest
        try:
            with self._ledger.write() as tx:
                version = self.record(tx, staged)
        except BaseException:
            # What can't be undone now is on record, and goes with the next erasure.
            with suppress(TowpathError):
                self.abandon(staged)
            raise
        if version is None:
            self.abandon(staged)
        elif staged.body is not None:
            added = staged.body["added_rows"]
            _log.info("dataset.committed", ref=str(version.ref), added_rows=added)
        return version

    def stage(self) -> Staged | None:
        """Write the bytes of the next version; None if an erasure came in between."""
        with self._ledger.read() as tx:
            base = _Base.read(tx, self._request)
        request = self._request
        rows = request.rows
        if request.mode != "delete":
            rows = base.suppression.filter(
                request.dataset, rows, self._keyring, among=asking(self._ledger)
            )
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
            return Staged(line=request.line, base=base, body=None, commit_id=None)
        return self._write(base, draft, draft.profile, suppressed)

    def record(self, tx: Transaction, staged: Staged) -> Version | None:
        """Make a staged version visible; None if what it builds on has changed since."""
        request, base = self._request, staged.base
        if _Base.read(tx, request).state != base.state:
            return None
        if staged.body is None or staged.commit_id is None:
            version = base.latest
            assert version is not None
        else:
            tx.versions.declare(
                "dataset",
                request.line,
                project=request.project,
                description=request.dataset.description,
            )
            if not self._staging.settle(tx, staged.commit_id):
                return None
            version = tx.versions.commit(
                "dataset",
                request.line,
                digest=staged.body["manifest"],
                body=staged.body,
                expected=base.number,
                made_by=request.made_by,
            )
        if request.also is not None:
            request.also(tx, version)
        return version

    def abandon(self, staged: Staged) -> None:
        """Delete what was written for a staged version that was not recorded."""
        if staged.commit_id is not None:
            self._staging.abandon(staged.commit_id)

    def _write(self, base: _Base, draft: Draft, profile: bytes, suppressed: int) -> Staged:
        manifest = draft.manifest.encode()
        fresh = [*(file.data for file in draft.new_files), profile, manifest]
        commit_id = self._staging.announce([digest_bytes(data) for data in fresh])
        try:
            store_blobs(self._blobs, fresh)
            body = self._body(draft, digest_bytes(manifest), digest_bytes(profile), suppressed)
            if self._request.notes is not None:
                stays = None if self._request.mode == "overwrite" else base.latest
                body = {**body, **self._request.notes(stays)}
        except BaseException:
            with suppress(TowpathError):
                self._staging.abandon(commit_id)
            raise
        return Staged(line=self._request.line, base=base, body=body, commit_id=commit_id)

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
