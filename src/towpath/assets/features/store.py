"""Feature views as sorted layouts in a blob store, their versions in the ledger."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
import structlog

from towpath.assets.datasets.catalogue import COLLECTED, require_readable
from towpath.assets.datasets.scanning import scan_manifest
from towpath.assets.features.building import Build, Seen, fresh_layout
from towpath.assets.features.contract import FeaturePin, Newest, Purged
from towpath.assets.features.joining import join_view
from towpath.assets.features.newest import newest_batches
from towpath.assets.features.reading import join_layout
from towpath.assets.features.registry import VIEW, register_service, version_for, versions_of
from towpath.assets.features.service import FeatureService, lookups_of
from towpath.assets.features.shape import TIME, micros_of, shape_of
from towpath.assets.features.skew import compute_checked
from towpath.assets.features.staging import Shelf
from towpath.core.clock import SystemClock, as_utc
from towpath.core.errors import Conflict, NotFound
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from towpath.assets.features.contract import Features, JoinMode
    from towpath.assets.features.declaration import FeatureView, Lookup
    from towpath.assets.features.layout import Layout
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

_log = structlog.get_logger()
_ATTEMPTS = 8


class LayoutFeatureStore:
    """See `FeatureStore`."""

    def __init__(self, ledger: Ledger, blobs: BlobStore, *, wall: Clock | None = None) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._wall = wall or SystemClock()

    def build(self, view: FeatureView, *, project: str, source: Ref | None = None) -> Version:
        """See `FeatureStore.build`."""
        shelf = self._shelf(view.name, project)
        shelf.forget(self._wall)
        build = Build(self._ledger, self._blobs, shelf, view, project=project)
        for _ in range(_ATTEMPTS):
            with self._ledger.read() as tx:
                seen = Seen.read(tx, shelf, view, source or view.source.ref)
            if seen.version is not None and seen.laid is not None:
                return seen.version
            version = build.attempt(seen)
            if version is not None:
                _log.info("features.built", view=view.name, ref=str(version.ref))
                return version
        raise Conflict(
            f"feature view {view.name!r} or its source changed {_ATTEMPTS} times while this was "
            "laid out",
            remedy="Build it again.",
            view=view.name,
        )

    def find(self, view: FeatureView, *, source: Ref | None = None) -> Version | None:
        """See `FeatureStore.find`."""
        with self._ledger.read() as tx:
            wanted = tx.versions.get(source or view.source.ref)
            found = self._fresh(tx, view, wanted.ref)
        return None if found is None else found[0]

    def pin(self, view: FeatureView, *, source: Ref) -> FeaturePin | None:
        """See `FeatureStore.pin`."""
        with self._ledger.read() as tx:
            found = self._fresh(tx, view, tx.versions.get(source).ref)
        if found is None:
            return None
        version, layout = found
        return FeaturePin(ref=version.ref, revision=version.revision, layout=layout)

    def register(self, tx: Transaction, service: FeatureService, *, project: str) -> Version:
        """See `FeatureStore.register`."""
        return register_service(tx, service, project=project)

    def join(
        self,
        rows: pl.DataFrame | pl.LazyFrame,
        features: Features,
        *,
        time: str,
        mode: JoinMode = "known",
        sources: Mapping[str, Ref] = {},
    ) -> pl.DataFrame:
        """See `FeatureStore.join`."""
        frame = rows.collect() if isinstance(rows, pl.LazyFrame) else rows
        service = features if isinstance(features, FeatureService) else None
        for lookup in lookups_of(features):
            source = sources.get(lookup.view.source.name, lookup.view.source.ref)
            frame = self._join(frame, lookup, source, time=time, mode=mode)
        return frame if service is None else compute_checked(service, frame)

    def newest(
        self, view: FeatureView, *, at: datetime, after: tuple[Ref, int, datetime] | None = None
    ) -> Newest:
        """See `FeatureStore.newest`."""
        moment = as_utc(at)
        with self._ledger.read() as tx:
            version, layout = self._newest_fresh(tx, view)
            before = None if after is None else tx.versions.find(after[0])
        gained = since = None
        if after is not None and before is not None and before.revision == after[1]:
            gained, since = layout.changed_since(before.body["manifest"]), as_utc(after[2])
        blobs = self._shelf(view.name, version.project).blobs
        return Newest(
            ref=version.ref,
            revision=version.revision,
            at=moment,
            whole=gained is None,
            batches=newest_batches(blobs, layout, view, at=moment, since=since, gained=gained),
        )

    def versions(self, name: str) -> list[Version]:
        """See `FeatureStore.versions`."""
        with self._ledger.read() as tx:
            found = versions_of(tx, name)[::-1]
            if not found:
                known = [asset.name for asset in tx.versions.assets(VIEW)]
                if name not in known:
                    raise NotFound.named("feature view", name, known)
        return found

    def purge(self, sources: Iterable[Ref]) -> Purged:
        """See `FeatureStore.purge`."""
        names = {ref.trunk for ref in sources}
        with self._ledger.read() as tx:
            assets = tx.versions.assets(VIEW)
        purged: list[Ref] = []
        size_bytes = 0
        for asset in assets:
            shelf = self._shelf(asset.name, asset.project)
            with self._ledger.write(actor="features") as tx:
                versions = versions_of(tx, asset.name)
                if not any(Ref.parse(one.body["source"]).trunk in names for one in versions):
                    continue
                with_layout = shelf.layouts(tx)
                stale = [
                    one.ref
                    for one in versions
                    if str(one.ref) in with_layout and fresh_layout(tx, shelf, one) is None
                ]
                size_bytes += shelf.drop(tx, stale)
                for ref in stale:
                    tx.versions.set_state(ref, COLLECTED, reason="erasure")
                shelf.fence(tx)
            shelf.sweep()
            purged += stale
        _log.info("features.purged", versions=len(purged), bytes=size_bytes)
        return Purged(versions=tuple(sorted(purged)), bytes_deleted=size_bytes)

    def _join(
        self, rows: pl.DataFrame, lookup: Lookup, source: Ref, *, time: str, mode: JoinMode
    ) -> pl.DataFrame:
        while True:
            with self._ledger.read() as tx:
                version = require_readable(tx.versions.get(source))
                found = self._fresh(tx, lookup.view, version.ref)
            try:
                return self._joined(rows, lookup, version, found, time=time, mode=mode)
            except NotFound:
                # An erasure took what was found, or a newer layout its place: look again. Else it is
                # a column that is missing.
                with self._ledger.read() as tx:
                    now = tx.versions.get(source)
                    if (now, self._fresh(tx, lookup.view, now.ref)) == (version, found):
                        raise

    def _joined(
        self,
        rows: pl.DataFrame,
        lookup: Lookup,
        source: Version,
        found: tuple[Version, Layout] | None,
        *,
        time: str,
        mode: JoinMode,
    ) -> pl.DataFrame:
        view = lookup.view
        if found is not None:
            blobs = self._shelf(view.name, found[0].project).blobs
            return join_layout(rows, lookup.wanted, found[1], blobs, time=time, mode=mode)
        observations = scan_manifest(
            self._blobs, source.body["manifest"], columns=list(shape_of(view).columns)
        ).filter(_usable(rows, view, time))
        return join_view(rows, lookup, observations.collect(), time=time, mode=mode)

    def _fresh(
        self, tx: Transaction, view: FeatureView, source: Ref
    ) -> tuple[Version, Layout] | None:
        version = version_for(tx, view, source)
        if version is None:
            return None
        laid = fresh_layout(tx, self._shelf(view.name, version.project), version)
        return None if laid is None else (version, laid.layout)

    def _newest_fresh(self, tx: Transaction, view: FeatureView) -> tuple[Version, Layout]:
        source = tx.versions.find(view.source.ref)
        found = None if source is None else self._fresh(tx, view, source.ref)
        for version in [] if found is not None else versions_of(tx, view.name):
            laid = fresh_layout(tx, self._shelf(view.name, version.project), version)
            if laid is not None and laid.layout.shape == shape_of(view):
                return version, laid.layout
        if found is None:
            raise NotFound(
                f"feature view {view.name!r} has no layout of its source as it is now",
                remedy=f"Build it: towpath feature build {view.name}.",
                view=view.name,
            )
        return found

    def _shelf(self, view: str, project: str) -> Shelf:
        return Shelf(self._ledger, self._blobs, view=view, project=project)


def _usable(rows: pl.DataFrame, view: FeatureView, time: str) -> pl.Expr:
    """Return which observations can be an answer to any of the rows."""
    moments = micros_of(rows, time)
    first, last, ttl = moments.min(), moments.max(), view.time_to_live
    if not isinstance(first, int) or not isinstance(last, int):
        return pl.lit(value=False)
    true_at = pl.col(view.time)
    usable = true_at <= pl.lit(last).cast(TIME)
    if ttl is None:
        return usable
    return usable & (true_at >= pl.lit(first - ttl // timedelta(microseconds=1)).cast(TIME))
