"""One attempt to give a view a version for a version of its source."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.assets.datasets.catalogue import COLLECTED, require_readable
from towpath.assets.features.laying_out import Laid, LayingOut
from towpath.assets.features.registry import (
    VIEW,
    content_of,
    declare_view,
    describe_view,
    version_for,
    versions_of,
)
from towpath.assets.features.shape import shape_of
from towpath.assets.features.staging import RunShelf
from towpath.core.errors import Conflict, NotFound, TowpathError
from towpath.core.ids import new_id
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.assets.features.declaration import FeatureView
    from towpath.assets.features.staging import Shelf
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

_LAYOUTS_KEPT = 3
_ACTOR = "features"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one transaction saw that a build starts from.

    Attributes:
        source: The source's version.
        version: The view's version for it, if there is one.
        laid: That version's layout, where it is fresh.
        earlier: The newest fresh layout of the same shape, to extend or to take as it is.
    """

    source: Version
    version: Version | None
    laid: Laid | None
    earlier: Laid | None

    @classmethod
    def read(cls, tx: Transaction, shelf: Shelf, view: FeatureView, source: Ref) -> Seen:
        """Look the view up. Raises `NotFound` if its source has no such version."""
        found = require_readable(tx.versions.get(source))
        version = version_for(tx, view, found.ref)
        laid = None if version is None else fresh_layout(tx, shelf, version)
        earlier = laid or _earlier(tx, shelf, view)
        return cls(source=found, version=version, laid=laid, earlier=earlier)


def fresh_layout(tx: Transaction, shelf: Shelf, version: Version) -> Laid | None:
    """Return a version's layout, unless its source has another revision by now, or was collected."""
    source = tx.versions.find(Ref.parse(version.body["source"]))
    if source is None or source.state == COLLECTED:
        return None
    if source.revision != version.body["source_revision"]:
        return None
    layout = shelf.find(tx, version)
    return None if layout is None else Laid(layout=layout, entities=version.body["entities"])


class Build:
    """Lays one source version out for a view and records it; see `FeatureStore.build`."""

    def __init__(
        self, ledger: Ledger, sources: BlobStore, shelf: Shelf, view: FeatureView, *, project: str
    ) -> None:
        self._ledger = ledger
        self._sources = sources
        self._shelf = shelf
        self._view = view
        self._project = project

    def attempt(self, seen: Seen) -> Version | None:
        """Lay out and record; None where somebody changed what was seen, and all is as before."""
        run_id = self._begin(seen)
        shelf = RunShelf(self._shelf, run_id)
        try:
            laid = self._laid(seen, LayingOut(self._sources, shelf, maker=run_id))
            version = self._record(seen, laid, run_id, shelf.written)
        except BaseException as error:
            # What can't be undone now is on record, and goes with a later build or purge.
            with suppress(TowpathError):
                self._give_up(run_id, shelf.written, type(error).__name__)
            # An erasure took the source's files, or fenced this run: what was seen is old.
            if isinstance(error, Conflict | NotFound) and not self._is_current(seen):
                return None
            raise
        if version is None:
            self._give_up(run_id, shelf.written, "the source or the view changed meanwhile")
        return version

    def _begin(self, seen: Seen) -> str:
        run_id = new_id()
        with self._ledger.write(actor=_ACTOR) as tx:
            declare_view(tx, self._view, project=self._project)
            run = tx.runs.start(
                kind="features",
                name=self._view.name,
                project=self._project,
                run_id=run_id,
                params={"source": str(seen.source.ref)},
            )
            tx.graph.link(run.ref, "used", seen.source.ref)
            self._shelf.open(tx, run_id)
        return run_id

    def _laid(self, seen: Seen, work: LayingOut) -> Laid:
        manifest, earlier = seen.source.body["manifest"], seen.earlier
        if earlier is not None:
            if earlier.layout.manifest == manifest:
                return earlier
            extended = work.extended(earlier, manifest)
            if extended is not None:
                return extended
        return work.whole(shape_of(self._view), manifest)

    def _record(self, seen: Seen, laid: Laid, run_id: str, written: list[str]) -> Version | None:
        digest, body = content_of(self._view, seen.source, laid)
        run = Ref("run", run_id)
        with self._ledger.write(actor=_ACTOR) as tx:
            now = Seen.read(tx, self._shelf, self._view, seen.source.ref)
            if now != seen or not self._shelf.settle(tx, run_id):
                return None
            if seen.version is None:
                version = tx.versions.commit(
                    VIEW, self._view.name, digest=digest, body=body, made_by=run_id
                )
            else:
                version = self._revised(tx, seen.version, digest, body)
                tx.graph.link(version.ref, "made", run)
            self._shelf.keep(tx, version, laid.layout)
            # An extension that found a tie on its way has written files for nothing.
            self._shelf.doom(tx, set(written) - laid.layout.blobs)
            version = tx.versions.set_state(version.ref, "ready", reason="laid out")
            self._retire(tx, version)
            tx.runs.finish(run_id, "finished")
        self._shelf.sweep()
        return version

    def _revised(
        self, tx: Transaction, version: Version, digest: str, body: dict[str, object]
    ) -> Version:
        """Return the version with this content: its next revision if the source was erased from."""
        if version.digest == digest:
            return version
        return tx.versions.revise(version.ref, digest=digest, body=body, reason="erasure")

    def _retire(self, tx: Transaction, newest: Version) -> None:
        """Collect all but the newest layouts of the view: they can be made again."""
        kept = {str(newest.ref)}
        with_layout = self._shelf.layouts(tx)
        for version in versions_of(tx, self._view.name):
            if str(version.ref) in with_layout and len(kept) < _LAYOUTS_KEPT:
                kept.add(str(version.ref))
        old = [Ref.parse(ref) for ref in with_layout if ref not in kept]
        self._shelf.drop(tx, old)
        for ref in old:
            tx.versions.set_state(ref, COLLECTED, reason="newer layouts have come")

    def _give_up(self, run_id: str, written: list[str], why: str) -> None:
        self._shelf.abandon(run_id, written)
        with self._ledger.write(actor=_ACTOR) as tx:
            tx.runs.finish(run_id, "failed", error=why)

    def _is_current(self, seen: Seen) -> bool:
        with self._ledger.read() as tx:
            source = tx.versions.find(seen.source.ref)
            return source is not None and Seen.read(tx, self._shelf, self._view, source.ref) == seen


def _earlier(tx: Transaction, shelf: Shelf, view: FeatureView) -> Laid | None:
    """Return the newest fresh layout of the view's shape."""
    shape = describe_view(view)["shape"]
    with_layout = shelf.layouts(tx)
    for version in versions_of(tx, view.name) if with_layout else []:
        if str(version.ref) in with_layout and version.body["declared"]["shape"] == shape:
            laid = fresh_layout(tx, shelf, version)
            if laid is not None:
                return laid
    return None
