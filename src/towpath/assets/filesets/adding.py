"""One add: the files of a folder become the next version, or nothing does."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import structlog

from towpath.assets.datasets.suppression import asking
from towpath.assets.filesets.announcing import Announcement, Overtaken
from towpath.assets.filesets.changing import Base, Change
from towpath.assets.filesets.contract import Added
from towpath.assets.filesets.listing import list_source
from towpath.assets.filesets.marking import mark
from towpath.assets.filesets.rows import check_attributes, describe, differing, with_files
from towpath.assets.filesets.storing import Hashing, Known, Storing
from towpath.core.errors import Conflict, TowpathError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from towpath.assets.datasets.suppression import Among, Suppression
    from towpath.assets.filesets.contract import AddProgress
    from towpath.assets.filesets.declaration import FileSet
    from towpath.assets.filesets.parts import Parts
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version

_ATTEMPTS = 16
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRequest:
    """What the caller wants added; see `FileSetStore.add`."""

    fileset: FileSet
    source: Path | str
    project: str
    attributes: pl.DataFrame | None = None
    prune: bool = False
    recheck: bool = False
    branch: str | None = None
    expected: int | None = None
    made_by: str | None = None
    progress: Callable[[AddProgress], None] | None = None


class Add:
    """Carries a request through; see `FileSetStore.add` for what it promises."""

    def __init__(self, parts: Parts, request: AddRequest) -> None:
        self._parts = parts
        self._request = request
        self._listing = list_source(request.source)
        if request.prune and not self._listing.whole:
            raise UsageError(
                "only a whole folder can say which files are gone", remedy="Add the folder."
            )
        given = request.attributes
        self._given = None if given is None else check_attributes(request.fileset, given)
        self._cache = parts.open_cache(request.fileset.name, self._listing.root)
        self._known = Known(files={file.path: file for file in self._listing.files})
        self._hashing = Hashing(self._cache, self._known, request.progress)
        self._described: pl.DataFrame | None = None

    def run(self) -> Added:
        """Add, starting over as often as somebody else comes in between."""
        if not self._request.recheck:
            self._hashing.recall()
        parts, fileset = self._parts, self._request.fileset
        base = self._look()
        announcement = Announcement(
            parts.ledger,
            fileset=fileset.name,
            project=self._request.project,
            suppression=base.suppression,
            withdrawn=self._withdrawn,
            delete_one=parts.collector.deletion.delete_one,
            wall=parts.wall,
        )
        try:
            with announcement.beating():
                added = self._attempts(announcement, base)
        except BaseException:
            # What a kill leaves instead is found by the next collection.
            with suppress(TowpathError):
                parts.collector.collect(among=announcement.abandon())
            raise
        self._cache.save()
        _log.info(
            "files.added", ref=str(added.version.ref), added=added.added, changed=added.changed
        )
        return added

    def _attempts(self, announcement: Announcement, base: Base) -> Added:
        storing = Storing(self._parts.files, announcement, self._cache, self._hashing, self._known)
        for _ in range(_ATTEMPTS):
            self._check_expected(base)
            try:
                return self._attempt(announcement, storing, base)
            except Overtaken:
                base = self._look()
            except Conflict:
                before, base = base, self._look()
                if base.number == before.number:
                    raise
        raise Conflict(
            f"file set {self._request.fileset.name!r} changed {_ATTEMPTS} times during this add",
            remedy="Add again, or let fewer writers add to it at once.",
            fileset=self._request.fileset.name,
        )

    def _attempt(self, announcement: Announcement, storing: Storing, base: Base) -> Added:
        fileset, chosen_by = self._request.fileset, announcement.suppression
        described = describe(fileset, list(self._known.files), given=self._given, before=base.rows)
        self._described = described
        wanted = chosen_by.filter(
            fileset.dataset,
            described,
            self._parts.keyring,
            among=asking(self._parts.ledger),
        )
        storing.store(wanted["path"].to_list(), base.bytes_by_path(), chosen_by)
        rows = with_files(wanted, self._known.files, self._known.digests, base.rows)
        change = Change(
            rows=rows,
            differing=differing(rows, base.rows),
            removed=self._gone(base, wanted),
            base=base,
        )
        if change.is_empty and base.version is not None:
            announcement.abandon()
            version = base.version
        else:

            def also(tx: Transaction, _: Version) -> None:
                announcement.settle(tx)
                if base.version is None:
                    mark(tx, fileset.dataset, project=self._request.project)

            version = change.commit(
                self._parts.datasets,
                fileset.dataset,
                project=self._request.project,
                branch=self._request.branch,
                made_by=self._request.made_by,
                also=also,
            )
        return self._added(version, change, suppressed=described.height - wanted.height)

    def _look(self) -> Base:
        dataset, branch = self._request.fileset.dataset, self._request.branch
        return Base.read(self._parts.ledger, self._parts.blobs, dataset, branch=branch)

    def _gone(self, base: Base, wanted: pl.DataFrame) -> pl.DataFrame:
        gone = base.rows.join(wanted, on="path", how="anti").select("path")
        return gone if self._request.prune else gone.clear()

    def _added(self, version: Version, change: Change, *, suppressed: int) -> Added:
        new = change.differing.join(change.base.rows, on="path", how="anti").height
        unmatched = 0
        if self._given is not None:
            listed = pl.DataFrame({"path": list(self._known.files)}, schema={"path": pl.String})
            unmatched = self._given.join(listed, on="path", how="anti").height
        return Added(
            version=version,
            added=new,
            changed=change.differing.height - new,
            removed=change.removed.height,
            unchanged=change.rows.height - change.differing.height,
            read=len(self._known.read),
            read_bytes=self._known.read_bytes,
            suppressed=suppressed,
            left_out=self._listing.left_out,
            unmatched=unmatched,
        )

    def _check_expected(self, base: Base) -> None:
        expected = self._request.expected
        if expected is not None and expected != base.number:
            name = self._request.fileset.name
            raise Conflict(
                f"version {base.number} of file set {name!r} is the latest, not {expected}",
                remedy="Look at the latest version, and add on top of it.",
                fileset=name,
                latest=base.number,
                expected=expected,
            )

    def _withdrawn(self, suppression: Suppression, announced: set[str], among: Among) -> set[str]:
        """Return the announced digests that only files of suppressed subjects have."""
        if self._described is None:
            return set()
        dataset, keyring = self._request.fileset.dataset, self._parts.keyring
        left = suppression.filter(dataset, self._described, keyring, among=among)
        paths = left["path"].to_list()
        digests = dict(self._known.digests)  # another thread may be adding to it
        return announced - {digests[path] for path in paths if path in digests}
