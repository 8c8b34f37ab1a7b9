"""The decision log as scripts and notebooks get it: every reading is entered in the ledger's log first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.operate.decisions import SegmentDecisionLog
from towpath.operate.decisions.contract import ANY
from towpath.trace.audit.reading import READ, asked_for

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    import polars as pl

    from towpath.ledger.contract import Ledger
    from towpath.operate.decisions.records import (
        Decision,
        DecisionFilter,
        DecisionPage,
        FilewiseDecisions,
        Label,
        Signal,
    )
    from towpath.storage.blobs.contract import BlobStore


class WatchedDecisionLog(SegmentDecisionLog):
    """See `DecisionLog`. What returns rows is entered, what counts is not.

    Args:
        ledger: Knows the Parquet files, and is told of readings.
        blobs: Holds them.
        directory: The folder of raw segments.
        actor: Who reads.
    """

    def __init__(self, ledger: Ledger, blobs: BlobStore, directory: Path, *, actor: str) -> None:
        super().__init__(ledger, blobs, directory)
        self._told = ledger
        self._actor = actor

    def scan(
        self,
        service: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        where: DecisionFilter = ANY,
        columns: Sequence[str] | None = None,
        labels: bool = False,
        signals: Sequence[str] = (),
        matured_by: datetime | None = None,
    ) -> pl.LazyFrame:
        """See `DecisionLog.scan`."""
        self._enter(service, since, until, where)
        return super().scan(
            service,
            since=since,
            until=until,
            where=where,
            columns=columns,
            labels=labels,
            signals=signals,
            matured_by=matured_by,
        )

    def filewise(
        self,
        service: str | None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        columns: Sequence[str],
        known: Collection[str] = (),
    ) -> FilewiseDecisions:
        """See `DecisionLog.filewise`."""
        self._enter("all" if service is None else service, since, until)
        return super().filewise(service, since=since, until=until, columns=columns, known=known)

    def page(
        self,
        service: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        where: DecisionFilter = ANY,
        before: str | None = None,
        limit: int = 100,
    ) -> DecisionPage:
        """See `DecisionLog.page`."""
        self._enter(service, since, until, where, before=before, limit=limit)
        return super().page(
            service, since=since, until=until, where=where, before=before, limit=limit
        )

    def pages(
        self,
        service: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        where: DecisionFilter = ANY,
        signals: Sequence[str] | None = None,
        rows: int = 50_000,
    ) -> Iterator[pl.DataFrame]:
        """See `DecisionLog.pages`; all of them are one reading."""
        self._enter(service, since, until, where, export=True)
        return super().pages(
            service, since=since, until=until, where=where, signals=signals, rows=rows
        )

    def scan_labelled(
        self,
        service: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        matured_by: datetime | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.LazyFrame:
        """See `DecisionLog.scan_labelled`."""
        self._enter(service, since, until)
        return super().scan_labelled(
            service, since=since, until=until, matured_by=matured_by, columns=columns
        )

    def scan_signals(
        self,
        service: str,
        *,
        names: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        matured_by: datetime | None = None,
    ) -> pl.LazyFrame:
        """See `DecisionLog.scan_signals`."""
        self._enter(service, since, until, signals=True)
        return super().scan_signals(
            service, names=names, since=since, until=until, matured_by=matured_by
        )

    def labels(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> pl.LazyFrame:
        """See `DecisionLog.labels`."""
        self._enter("all", since, until, labels=True)
        return super().labels(since=since, until=until)

    def keys(self, service: str) -> pl.DataFrame:
        """See `DecisionLog.keys`."""
        self._enter(service, None, None, keys=True)
        return super().keys(service)

    def find(self, decision_id: str) -> Decision | None:
        """See `DecisionLog.find`."""
        self._enter_one(decision_id)
        return super().find(decision_id)

    def label_of(self, decision_id: str) -> Label | None:
        """See `DecisionLog.label_of`."""
        self._enter_one(decision_id)
        return super().label_of(decision_id)

    def signals_of(self, decision_id: str) -> list[Signal]:
        """See `DecisionLog.signals_of`."""
        self._enter_one(decision_id)
        return super().signals_of(decision_id)

    def _enter(
        self,
        service: str,
        since: datetime | None,
        until: datetime | None,
        where: DecisionFilter = ANY,
        **said: Any,
    ) -> None:
        with self._told.write(actor=self._actor) as tx:
            tx.events.append(READ, f"service:{service}", **asked_for(since, until, where), **said)

    def _enter_one(self, decision_id: str) -> None:
        with self._told.write(actor=self._actor) as tx:
            tx.events.append("decision.read", f"decision:{decision_id}", payload=True)
