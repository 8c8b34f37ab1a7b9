"""Layouts of feature views: rows of their sources, sorted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.refs import Ref
from towpath.trace.erasure.contract import HeldCopy
from towpath.trace.erasure.copies.finding import untold

if TYPE_CHECKING:
    from towpath.assets.features import FeatureStore
    from towpath.ledger.contract import Ledger
    from towpath.trace.erasure.copies.contract import About, FoundCopy

_WHOSE = "rows of the data set that are shown above, sorted for look-ups"


class FeatureLayouts:
    """See `Copies`."""

    kind = "feature_layouts"

    def __init__(self, ledger: Ledger, features: FeatureStore) -> None:
        self._ledger = ledger
        self._features = features

    def held(self, about: About) -> list[HeldCopy]:
        """Return each view over the data sets, with the versions that have a layout."""
        found: list[HeldCopy] = []
        with self._ledger.read() as tx:
            for asset in tx.versions.assets("features"):
                versions = tx.versions.list("features", asset.name, states=["ready"], limit=None)
                over = [
                    version
                    for version in versions
                    if Ref.parse(version.body["source"]).trunk in about.datasets
                ]
                if over:
                    found.append(HeldCopy(kind=self.kind, name=asset.name, count=len(over)))
        return found

    def find(self, about: About) -> list[FoundCopy]:
        """Return each view: its layouts are rows of the data sets, sorted."""
        return untold(self.held(about), _WHOSE)

    def erase(self, about: About) -> None:
        """Delete every layout of what the data sets were before; they are laid out anew when asked."""
        self._features.purge([Ref("dataset", name) for name in about.datasets])

    def beyond(self, about: About) -> list[str]:
        """Return nothing: layouts lie in the blob store."""
        del about
        return []
