"""Tables of Iceberg catalogs that name a data set's own files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.trace.erasure.contract import HeldCopy
from towpath.trace.erasure.copies.finding import untold

if TYPE_CHECKING:
    from towpath.assets.datasets.publishing import Publication, Publisher
    from towpath.trace.erasure.copies.contract import About, FoundCopy

_WHOSE = "the rows of the data set, which others may read there"


class Publications:
    """See `Copies`.

    Args:
        publisher: Keeps the tables in step.
        own_catalog: The catalog that lies in the home, and is searched with it.
    """

    kind = "publications"

    def __init__(self, publisher: Publisher, *, own_catalog: str) -> None:
        self._publisher = publisher
        self._own_catalog = own_catalog

    def held(self, about: About) -> list[HeldCopy]:
        """Return each table that the data sets are published as."""
        return [
            HeldCopy(kind=self.kind, name=f"{one.catalog}:{one.table}", count=len(one.snapshots))
            for one in self._published(about)
        ]

    def find(self, about: About) -> list[FoundCopy]:
        """Return each table: its rows are those of the data set itself."""
        return untold(self.held(about), _WHOSE)

    def erase(self, about: About) -> None:
        """Let the tables name the redacted files; what they named before is gone from them."""
        for name in about.datasets:
            self._publisher.refresh(name)

    def beyond(self, about: About) -> list[str]:
        """Return what readers may have, and metadata that is kept elsewhere."""
        found = self._published(about)
        if not found:
            return []
        tables = ", ".join(sorted({one.table for one in found}))
        told = [f"what readers of the Iceberg tables {tables} copied while they could"]
        elsewhere = sorted({one.catalog for one in found} - {self._own_catalog})
        if elsewhere:
            catalogs = ", ".join(elsewhere)
            told.append(
                f"metadata that the catalogs {catalogs} keep of tables: it names files, and the "
                "bounds of event times, but no value of a subject"
            )
        return told

    def _published(self, about: About) -> list[Publication]:
        every = (self._publisher.publications(name) for name in about.datasets)
        return [one for found in every for one in found]
