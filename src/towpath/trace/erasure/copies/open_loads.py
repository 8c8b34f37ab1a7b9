"""Loads that are open: rows on their way into a data set, kept in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.datasets.load_record import KIND, state_of
from towpath.trace.erasure.contract import HeldCopy
from towpath.trace.erasure.copies.contract import FoundCopy
from towpath.trace.erasure.copies.finding import rows_about

if TYPE_CHECKING:
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Json
    from towpath.storage.blobs.contract import BlobStore
    from towpath.trace.erasure.copies.contract import About


class OpenLoads:
    """See `Copies`. The redaction itself stops them: whoever loads starts over, without the subject."""

    kind = "open_loads"

    def __init__(self, ledger: Ledger, blobs: BlobStore) -> None:
        self._ledger = ledger
        self._blobs = blobs

    def held(self, about: About) -> list[HeldCopy]:
        """Return each load of the data sets, with the rows that it has kept so far."""
        with self._ledger.read() as tx:
            loads = [
                (row, state_of(row))
                for row in tx.intents.list(KIND, limit=None)
                if row.spec["dataset"] in about.datasets
            ]
        return [
            HeldCopy(
                kind=self.kind,
                name=row.name,
                count=state.rows,
                size_bytes=sum(file.size_bytes for file in state.files),
            )
            for row, state in loads
            if not state.fenced
        ]

    def find(self, about: About) -> list[FoundCopy]:
        """Return the subject's rows among the pieces that each load has kept so far."""
        with self._ledger.read() as tx:
            loads = [
                (row.name, state_of(row))
                for row in tx.intents.list(KIND, limit=None)
                if row.spec["dataset"] in about.datasets
            ]
        found: list[FoundCopy] = []
        for name, state in loads:
            rows: list[Json] = []
            for file in () if state.fenced else state.files:
                with self._blobs.open_local(file.digest) as path:
                    rows += rows_about(pl.scan_parquet(path), about)
            if rows:
                note = "on their way into the data set"
                found.append(FoundCopy(name=name, count=len(rows), rows=tuple(rows), note=note))
        return found

    def erase(self, about: About) -> None:
        """Do nothing more."""
        del about

    def beyond(self, about: About) -> list[str]:
        """Return nothing: pieces lie in the blob store."""
        del about
        return []
