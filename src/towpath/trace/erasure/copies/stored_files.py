"""Files of file sets: the bytes that only the subject's rows name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.filesets import is_fileset
from towpath.core.refs import Ref
from towpath.trace.erasure.contract import HeldCopy
from towpath.trace.erasure.copies.contract import FoundCopy
from towpath.trace.erasure.copies.finding import rows_about

if TYPE_CHECKING:
    from towpath.assets.datasets.contract import DatasetStore
    from towpath.assets.filesets import FileSetStore
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Json
    from towpath.trace.erasure.copies.contract import About


class StoredFiles:
    """See `Copies`."""

    kind = "stored_files"

    def __init__(self, ledger: Ledger, datasets: DatasetStore, files: FileSetStore) -> None:
        self._ledger = ledger
        self._datasets = datasets
        self._files = files

    def held(self, about: About) -> list[HeldCopy]:
        """Return each file set with the distinct files of the subjects."""
        found: list[HeldCopy] = []
        for name in self._filesets(about):
            sizes: dict[str, int] = {}
            for ref in self._datasets.holds(name, *about.values):
                with self._ledger.read() as tx:
                    subject: str = tx.versions.get(ref).body["subject"]
                theirs = pl.col(subject).is_in(about.values)
                rows = self._datasets.scan(ref).filter(theirs).select("digest", "size_bytes")
                sizes.update(rows.collect().iter_rows())
            if sizes:
                found.append(
                    HeldCopy(
                        kind=self.kind,
                        name=name,
                        count=len(sizes),
                        size_bytes=sum(sizes.values()),
                    )
                )
        return found

    def find(self, about: About) -> list[FoundCopy]:
        """Return the paths of the subject's files, each once, with digest and size."""
        found: list[FoundCopy] = []
        for name in self._filesets(about):
            paths: dict[str, Json] = {}
            for ref in self._datasets.holds(name, about.value):
                for row in rows_about(self._datasets.scan(ref), about):
                    paths[row["path"]] = row
            if paths:
                told = tuple(paths.values())
                found.append(FoundCopy(name=name, count=len(told), rows=told))
        return found

    def erase(self, about: About) -> None:
        """Delete bytes that no row names any more, once every add under way obeys."""
        with self._ledger.read() as tx:
            there = bool(tx.versions.assets("dataset"))
        if there:
            self._files.purge(about.suppression)

    def beyond(self, about: About) -> list[str]:
        """Return what lies in folders."""
        names = self._filesets(about)
        if not names:
            return []
        told = "were added from or checked out to, where a hard link keeps the stored bytes as well"
        return [f"folders that {', '.join(names)} {told}"]

    def _filesets(self, about: About) -> list[str]:
        with self._ledger.read() as tx:
            return [name for name in about.datasets if is_fileset(tx, Ref("dataset", name))]
