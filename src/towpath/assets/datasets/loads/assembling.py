"""Makes the pieces of a load a version: without repeats, with a profile, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, TypeAlias

import structlog

from towpath.assets.datasets.bodies import content_body, declared_body
from towpath.assets.datasets.catalogue import Catalogue, manifest_of
from towpath.assets.datasets.changes.appending import continued
from towpath.assets.datasets.changes.laying import Laying
from towpath.assets.datasets.changes.profiling import encode_profile, profile_files, profile_grown
from towpath.assets.datasets.lines import require_living
from towpath.assets.datasets.loads.repeats import Repeats, same_content
from towpath.assets.datasets.manifest import DataFile, Manifest, blank
from towpath.assets.datasets.parquet import encode_buckets, polars_schema, read_files
from towpath.assets.datasets.scanning import scan_manifest
from towpath.assets.datasets.suppression import Suppression, asking
from towpath.core.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from towpath.assets.datasets.contract import Also
    from towpath.assets.datasets.loads.pieces import LoadPieces
    from towpath.assets.datasets.loads.request import LoadRequest
    from towpath.assets.datasets.profiles import Profile
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Json, Version
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import Keyring

_log = structlog.get_logger()
_Change: TypeAlias = "Callable[[pl.DataFrame], pl.DataFrame]"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """What a version is assembled on; the final transaction checks that it still holds."""

    seen: Catalogue
    latest: Version | None
    suppression: Suppression

    @property
    def number(self) -> int:
        return 0 if self.latest is None else self.latest.ref.version or 0

    def holds(self, tx: Transaction) -> bool:
        generation = Suppression.read(tx).generation
        return self.seen.is_current(tx) and generation == self.suppression.generation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """What the version is to hold.

    Attributes:
        manifest: Its files.
        profile: Its profile; made when asked for.
        added_rows: Rows under keys that were not there.
        replaced_rows: Stored rows that other values took the place of.
        deleted_rows: Stored rows that go.
        skipped_rows: Given rows that were there already, or came twice.
    """

    manifest: Manifest
    profile: Callable[[], Profile]
    added_rows: int
    replaced_rows: int = 0
    deleted_rows: int = 0
    skipped_rows: int = 0


class Assembly:
    """Commits one load; see `Load.commit` for what it promises."""

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        keyring: Keyring,
        request: LoadRequest,
        pieces: LoadPieces,
        *,
        also: Also | None,
        notes: Callable[[Version | None], Json],
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._request = request
        self._pieces = pieces
        self._also = also
        self._notes = notes

    def attempt(self) -> Version | None:
        """Try once; None if another commit, an erasure or a withdrawal came in between."""
        self._pieces.refresh()
        base = self._base()
        try:
            self._leave_out_withdrawn(base.suppression)
            content = self._content(base)
            if base.latest is not None and self._changes_nothing(base.latest, content):
                return self._finish(base, keep=set(), record=None)
            profile = encode_profile(content.manifest, content.profile())
        except NotFound:
            # An erasure replaced files that this was reading; anything else is worth hearing about.
            with self._ledger.read() as tx:
                if base.holds(tx):
                    raise
            return None
        manifest = content.manifest.encode()
        stored = self._pieces.store([manifest, profile])
        stays = None if self._request.mode == "overwrite" else base.latest
        body = {**self._body(content, *stored), **self._notes(stays)}

        def record(tx: Transaction) -> Version:
            return tx.versions.commit(
                "dataset",
                self._request.line,
                digest=stored[0],
                body=body,
                expected=base.number,
                made_by=self._request.made_by,
            )

        keep = {*stored, *(file.digest for file in content.manifest.files)}
        return self._finish(base, keep=keep, record=record)

    def _base(self) -> _Base:
        request = self._request
        with self._ledger.read() as tx:
            self._require_line(tx)
            base = _Base(
                seen=Catalogue.read(tx, request.dataset.name),
                latest=tx.versions.latest("dataset", request.line),
                suppression=Suppression.read(tx),
            )
        if request.expected not in (None, base.number):
            raise Conflict(
                f"version {base.number} of data set {request.line!r} is the latest, "
                f"not {request.expected}",
                remedy="Load again on top of it; what was loaded is still kept under this name.",
                dataset=request.line,
                latest=base.number,
                expected=request.expected,
            )
        return base

    def _require_line(self, tx: Transaction) -> None:
        """Raise `NotFound` if the branch that is loaded to is not there, or was dropped."""
        if self._request.branch is not None:
            require_living(tx, self._request.dataset.ref.on(self._request.branch))

    def _leave_out_withdrawn(self, suppression: Suppression) -> None:
        """Take rows out whose subject has withdrawn since their piece was written."""
        state, dataset = self._pieces.state, self._request.dataset
        if dataset.subject is None or state.generation in (None, suppression.generation):
            return
        layout, subject, among = blank(dataset), [dataset.subject], asking(self._ledger)

        def living(rows: pl.DataFrame) -> pl.DataFrame:
            return suppression.filter(dataset, rows, self._keyring, among=among)

        changes: dict[int, _Change] = {}
        for place, file in enumerate(state.files):
            subjects = read_files(self._blobs, layout, [file], columns=subject)
            if living(subjects).height < subjects.height:
                changes[place] = living
        files, pieces = self._rewritten(state.files, state.pieces, changes)
        replaced = (state.files[place].digest for place in changes)
        self._pieces.keep(
            files=tuple(files),
            pieces=tuple(pieces),
            announced=(*self._pieces.state.announced, *replaced),
            suppressed_rows=state.suppressed_rows + state.rows - sum(one.rows for one in files),
            generation=suppression.generation,
        )

    def _content(self, base: _Base) -> _Content:
        """Return what the version is to hold, repeats left out."""
        bare = blank(self._request.dataset)
        if self._request.mode == "overwrite" or base.latest is None:
            files, skipped = self._told_apart(bare, None)
            manifest = bare.with_files(files)
            return _Content(
                manifest=manifest,
                profile=lambda: profile_files(self._blobs, manifest),
                added_rows=manifest.rows,
                deleted_rows=0 if base.latest is None else base.latest.body["rows"],
                skipped_rows=skipped,
            )
        before = continued(self._request.dataset, manifest_of(self._blobs, base.latest))
        if self._request.mode == "merge" or before.layered:
            return self._laid(base.latest, before)
        return self._appended(base.latest, before)

    def _appended(self, latest: Version, before: Manifest) -> _Content:
        """Add the pieces' files to those of a version without overlays, all keys looked at at once."""
        files, skipped = self._told_apart(before, latest)
        manifest = before.with_files([*before.files, *files])
        return _Content(
            manifest=manifest,
            profile=lambda: profile_grown(self._blobs, manifest, latest, files),
            added_rows=sum(file.rows for file in files),
            skipped_rows=skipped,
        )

    def _laid(self, latest: Version, before: Manifest) -> _Content:
        """Lay the pieces over a version, since rows take others' places or overlays are there."""
        state, merges = self._pieces.state, self._request.mode == "merge"
        laying = Laying(self._blobs, self._request.dataset, self._pieces.store, merges=merges)
        ends = list(accumulate(state.pieces, initial=0))
        pieces = [list(state.files[begin:end]) for begin, end in pairwise(ends)]
        laid = laying.lay(latest, before, blank(self._request.dataset), pieces)
        return _Content(
            manifest=laid.manifest,
            profile=lambda: laid.profile,
            added_rows=laid.added_rows,
            replaced_rows=laid.replaced_rows,
            skipped_rows=laid.skipped_rows,
        )

    def _told_apart(self, manifest: Manifest, latest: Version | None) -> tuple[list[DataFile], int]:
        """Return the pieces' files without rows that others stand for, and how many those were."""
        state = self._pieces.state
        stored = None if latest is None else scan_manifest(self._blobs, latest.body["manifest"])
        repeats = Repeats(
            self._blobs,
            manifest,
            state.files,
            state.pieces,
            stored=stored,
            last_wins=self._request.mode == "merge",
        )
        # A column that was declared since is not what tells a stored row from the same one sent again.
        columns = polars_schema(manifest) if stored is None else stored.collect_schema()
        marks = repeats.find(columns.names())
        changes = {place: _without(repeated) for place, repeated in marks.items()}
        files, _ = self._rewritten(state.files, state.pieces, changes)
        return files, state.rows - sum(file.rows for file in files)

    def _rewritten(
        self,
        files: Sequence[DataFile],
        pieces: Sequence[int],
        changes: Mapping[int, _Change],
    ) -> tuple[list[DataFile], list[int]]:
        """Return the files with some of them written anew, one at a time in memory."""
        layout = blank(self._request.dataset)
        kept: list[DataFile] = []
        counts: list[int] = []
        place = 0
        for count in pieces:
            before = len(kept)
            for file in files[place : place + count]:
                if place in changes:
                    rows = changes[place](read_files(self._blobs, layout, [file]))
                    encoded = encode_buckets(layout, {file.bucket: rows})
                    self._pieces.store([one.data for one in encoded])
                    kept.extend(one.entry for one in encoded)
                else:
                    kept.append(file)
                place += 1
            counts.append(len(kept) - before)
        return kept, counts

    def _changes_nothing(self, latest: Version, content: _Content) -> bool:
        """Tell whether the version would hold the latest one's rows, however they lie in files."""
        before, after = manifest_of(self._blobs, latest), content.manifest
        if before == after:
            return True
        bare = [one.with_files([]) for one in (before, after)]
        if bare[0] != bare[1] or before.rows != after.rows:
            return False
        if self._request.mode != "overwrite":
            return not content.added_rows and not content.replaced_rows
        return same_content(
            scan_manifest(self._blobs, latest.body["manifest"]),
            (read_files(self._blobs, after, [file]) for file in after.files),
        )

    def _body(self, content: _Content, manifest_digest: str, profile_digest: str) -> Json:
        return {
            **content_body(content.manifest, manifest_digest, profile_digest),
            **declared_body(self._request.dataset),
            "added_rows": content.added_rows,
            "replaced_rows": content.replaced_rows,
            "deleted_rows": content.deleted_rows,
            "skipped_rows": content.skipped_rows,
            "suppressed_rows": self._pieces.state.suppressed_rows,
            "mode": self._request.mode,
        }

    def _finish(
        self, base: _Base, *, keep: set[str], record: Callable[[Transaction], Version] | None
    ) -> Version | None:
        """End the load, in the transaction that records its version if there is a new one."""
        request = self._request
        with self._ledger.write() as tx:
            if not base.holds(tx):
                return None
            if record is None:
                assert base.latest is not None
                version = base.latest
            else:
                self._require_line(tx)
                tx.versions.declare(
                    "dataset",
                    request.line,
                    project=request.project,
                    description=request.dataset.description,
                )
                version = record(tx)
            self._pieces.close(tx, base.seen, keep=keep)
            if self._also is not None:
                self._also(tx, version)
        if record is not None:
            added = version.body["added_rows"]
            _log.info("dataset.committed", ref=str(version.ref), added_rows=added)
        return version


def _without(repeated: NDArray[np.bool_]) -> _Change:
    return lambda rows: rows.filter(~repeated)
