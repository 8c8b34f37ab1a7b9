"""Lets go of versions that nothing uses, a hundred per transaction, and of the bytes only they needed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from towpath.assets.datasets.catalogue import COLLECTED, READY, Catalogue, manifest_of
from towpath.assets.datasets.history.contract import Collection, Kept
from towpath.assets.datasets.history.keeping import Reasons, old_enough
from towpath.assets.datasets.staging import Staging
from towpath.core.errors import Conflict, NotFound, UsageError
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from towpath.assets.datasets.history.contract import Retention
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

_log = structlog.get_logger()
_ATTEMPTS = 8
_AT_ONCE = 100
# A commit announces its blobs right before it writes them; a day later its process is dead.
_FORSAKEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What one look at the data set says should go."""

    seen: Catalogue
    doomed: list[Version]
    kept: tuple[Kept, ...]


class _Uses:
    """How many versions use each blob, and how large it is."""

    def __init__(self, blobs: BlobStore, versions: Sequence[Version]) -> None:
        self._blobs = blobs
        self._sizes: dict[str, int | None] = {}
        self._of = {version.ref: self._read(version) for version in versions}
        self._counts = Counter(one for used in self._of.values() for one in used)

    def without(self, versions: Sequence[Version]) -> set[str]:
        """Take versions away, and return the blobs that only they used."""
        freed: set[str] = set()
        for version in versions:
            used = self._of.pop(version.ref)
            self._counts.subtract(used)
            freed.update(one for one in used if not self._counts[one])
        return freed

    @property
    def blobs(self) -> set[str]:
        """Every blob that is used."""
        return {one for one, count in self._counts.items() if count}

    def size_bytes(self, digests: set[str]) -> int:
        """Return the size of blobs together; what is gone already counts nothing."""
        return sum(self._size(one) for one in digests)

    def _read(self, version: Version) -> frozenset[str]:
        files = manifest_of(self._blobs, version).files
        self._sizes.update((file.digest, file.size_bytes) for file in files)
        described = (version.body["manifest"], version.body["profile"])
        return frozenset((*described, *(file.digest for file in files)))

    def _size(self, digest: str) -> int:
        known = self._sizes.get(digest)
        if known is not None:
            return known
        return self._blobs.size_bytes(digest) if self._blobs.exists(digest) else 0


class Collector:
    """One data set's collection; see `DatasetHistory.collect` for what it promises."""

    def __init__(
        self, ledger: Ledger, blobs: BlobStore, *, name: str, retention: Retention, now: datetime
    ) -> None:
        if retention.keep_last < 1:
            raise UsageError(
                f"a collection can't keep the last {retention.keep_last} versions",
                remedy="Keep at least 1; the latest version is what everybody reads.",
            )
        self._ledger = ledger
        self._blobs = blobs
        self._dataset = Ref("dataset", name).trunk
        self._retention = retention
        self._now = now
        self._done = Collection(dataset=self._dataset)

    def preview(self) -> Collection:
        """Say what would go."""
        plan = self._plan()
        uses = _Uses(self._blobs, plan.seen.versions)
        freed = uses.without(plan.doomed)
        return replace(
            self._done,
            collected=tuple(version.ref for version in plan.doomed),
            kept=plan.kept,
            blobs=len(freed),
            size_bytes=uses.size_bytes(freed),
        )

    def run(self) -> Collection:
        """Let go, and delete the bytes."""
        attempts = 0
        while attempts < _ATTEMPTS:
            before = len(self._done.collected)
            plan = self._plan()
            self._done = replace(self._done, kept=plan.kept)
            try:
                if self._carry_out(plan):
                    _log.info(
                        "dataset.collected",
                        dataset=self._dataset,
                        versions=len(self._done.collected),
                        size_bytes=self._done.size_bytes,
                    )
                    return self._done
            except NotFound:
                # An erasure replaced a manifest that this was reading; else it is worth hearing of.
                with self._ledger.read() as tx:
                    if plan.seen.is_current(tx):
                        raise
            attempts = 0 if len(self._done.collected) > before else attempts + 1
        raise Conflict(
            f"data set {self._dataset!r} changes faster than old versions can be collected",
            remedy="Try again when fewer writers commit to it; what is done is done.",
            dataset=self._dataset,
        )

    def _plan(self) -> _Plan:
        with self._ledger.read() as tx:
            tx.versions.get(Ref("dataset", self._dataset))
            seen = Catalogue.read(tx, self._dataset)
            reasons = Reasons(tx, self._dataset)
            allowed = old_enough(tx, seen, self._retention, self._now)
            why = {version.ref: reasons.why(version) for version in allowed}
        return _Plan(
            seen=seen,
            doomed=[version for version in allowed if why[version.ref] is None],
            kept=tuple(Kept(ref=ref, why=reason) for ref, reason in why.items() if reason),
        )

    def _carry_out(self, plan: _Plan) -> bool:
        """Take a hundred versions at a time; False if the data set changed in between."""
        uses = _Uses(self._blobs, plan.seen.versions)
        seen = plan.seen
        project = seen.versions[-1].project
        staging = Staging(self._ledger, self._blobs, dataset=self._dataset, project=project)
        for start in range(0, len(plan.doomed), _AT_ONCE):
            now_seen = self._let_go(seen, plan.doomed[start : start + _AT_ONCE], uses, staging)
            if now_seen is None:
                return False
            seen = now_seen
        return self._forsake(seen, uses, staging)

    def _let_go(
        self, seen: Catalogue, versions: list[Version], uses: _Uses, staging: Staging
    ) -> Catalogue | None:
        """Collect some versions in one transaction, then delete their bytes."""
        with self._ledger.write() as tx:
            if not seen.is_current(tx):
                return None
            # Tags, runs and rows of work leave no trace on the version: look at them again.
            reasons = Reasons(tx, self._dataset)
            why = {one.ref: reasons.why(tx.versions.get(one.ref)) for one in versions}
            going = [one for one in versions if why[one.ref] is None]
            for version in going:
                tx.versions.set_state(version.ref, COLLECTED, reason="retention", expect=[READY])
            gone = staging.retire(tx, uses.without(going), used=set())
            seen = replace(seen, size=tx.events.size())
        kept = tuple(Kept(ref=ref, why=reason) for ref, reason in why.items() if reason)
        self._done = replace(self._done, kept=(*self._done.kept, *kept))
        self._count(going, gone, uses)
        staging.sweep()
        return seen

    def _forsake(self, seen: Catalogue, uses: _Uses, staging: Staging) -> bool:
        """Delete what commits wrote whose processes were killed long ago."""
        with self._ledger.write() as tx:
            if not seen.is_current(tx):
                return False
            left = staging.forsake(tx, before=self._now - _FORSAKEN_AFTER)
            gone = staging.retire(tx, left, used=uses.blobs)
        gone = {one for one in gone if self._blobs.exists(one)}
        self._count([], gone, uses)
        staging.sweep()
        return True

    def _count(self, versions: list[Version], gone: set[str], uses: _Uses) -> None:
        self._done = replace(
            self._done,
            collected=(*self._done.collected, *(version.ref for version in versions)),
            blobs=self._done.blobs + len(gone),
            size_bytes=self._done.size_bytes + uses.size_bytes(gone),
        )
