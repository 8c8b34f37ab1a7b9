"""The decision log over a folder of raw segments and the ledger's Parquet files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

import polars as pl

from towpath.core.errors import Conflict, NotFound
from towpath.operate.decisions.columns import (
    SIGNAL_SCHEMA,
    decision_of,
    label_of,
    last_labels,
    last_signals,
    signal_of,
)
from towpath.operate.decisions.compaction import Compactor
from towpath.operate.decisions.contract import ANY, SIGNAL
from towpath.operate.decisions.directory import SegmentDirectory
from towpath.operate.decisions.erasing import erase_from_files, holdings_of
from towpath.operate.decisions.filewise import read_filewise
from towpath.operate.decisions.joining import beside, signals_in, with_labels
from towpath.operate.decisions.paging import by_inputs, page_of, whole, with_outcomes
from towpath.operate.decisions.shelf import SegmentShelf, read_note
from towpath.operate.decisions.streams import DECISIONS, KEYED, LABELS, SIGNALS
from towpath.operate.decisions.tails import Tails
from towpath.operate.decisions.tallying import tally_of
from towpath.operate.decisions.view import ALWAYS, Scope, View, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from towpath.ledger.contract import Ledger
    from towpath.operate.decisions.records import (
        Decision,
        DecisionFilter,
        DecisionPage,
        ErasedDecisions,
        FilewiseDecisions,
        Holdings,
        Label,
        Signal,
        Tally,
    )
    from towpath.storage.blobs.contract import BlobStore

_ATTEMPTS: Final = 10
_WHOLE: Final = Scope()
_T = TypeVar("_T")


class SegmentDecisionLog:
    """Implements `DecisionLog`.

    Args:
        ledger: Knows the Parquet files.
        blobs: Holds them.
        directory: The folder of raw segments; made if absent. Writers and compactors of the same
            machine share it. Raw segments of other machines are not seen until compacted there.
    """

    def __init__(self, ledger: Ledger, blobs: BlobStore, directory: Path) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._directory = SegmentDirectory(directory)
        self._shelf = SegmentShelf(ledger, blobs, self._directory)
        self._compactor = Compactor(ledger, blobs, directory)
        self._tails = Tails()

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
        window = Window(since=since, until=until)
        names = list(dict.fromkeys(signals))

        def read(view: View) -> pl.DataFrame:
            found = view.decisions(service, window, _with_ids(columns, labels or names), where)
            if labels:
                found = with_labels(view, found, matured_by=matured_by)
            if names:
                given = signals_in(view, service, found, names=names, matured_by=matured_by)
                found = beside(found, given, names)
            joined = [*("label", "label_at") * labels, *(SIGNAL + name for name in names)]
            return found if columns is None else found.select(*columns, *joined)

        beside_it = [*[LABELS] * labels, *[SIGNALS, KEYED + service] * bool(names)]
        # A signal by key may belong to a decision after the window.
        scope = Scope(service, Window(since=since) if names else window, beside_it)
        return self._read(read, scope).lazy()

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
        window = Window(since=since, until=until)
        return self._read(
            lambda view: read_filewise(view, service, window, columns, known),
            Scope(service, window),
        )

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
        window = Window(since=since, until=until)

        def read(view: View) -> DecisionPage:
            page = page_of(view, service, window, where, before=before, limit=limit)
            return replace(page, rows=with_outcomes(view, service, whole(page.rows)))

        return self._read(read, _page_scope(service, since))

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
        """See `DecisionLog.pages`."""
        window = Window(since=since, until=until)

        def read(view: View) -> tuple[list[pl.DataFrame], str | None]:
            page = page_of(view, service, window, where, before=before, limit=rows)
            apart = by_inputs(page.rows)
            found = [with_outcomes(view, service, one, names=signals) for one in apart]
            return found, page.before

        before: str | None = None
        while True:
            frames, before = self._read(read, _page_scope(service, since))
            yield from frames
            if before is None:
                return

    def signal_names(self, service: str) -> list[str]:
        """See `DecisionLog.signal_names`."""
        every = [SIGNALS, KEYED + service]

        def read(view: View) -> list[str]:
            frames = [view.rows(stream, SIGNAL_SCHEMA).select("signal") for stream in every]
            return pl.concat(frames).unique().sort("signal").collect()["signal"].to_list()

        return self._read(read)

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
        window = Window(since=since, until=until)

        def read(view: View) -> pl.DataFrame:
            found = view.decisions(service, window, _with_ids(columns, needed=True))
            joined = with_labels(view, found, matured_by=matured_by, only=True)
            return joined if columns is None else joined.select(*columns, "label", "label_at")

        return self._read(read, Scope(service, window, [LABELS])).lazy()

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
        window = Window(since=since, until=until)

        def read(view: View) -> pl.DataFrame:
            decisions = view.decisions(service, window, ["decision_id", "key", "at"])
            return signals_in(view, service, decisions, names=names, matured_by=matured_by)

        scope = Scope(service, Window(since=since), [SIGNALS, KEYED + service])
        return self._read(read, scope).lazy()

    def signals_of(self, decision_id: str) -> list[Signal]:
        """See `DecisionLog.signals_of`."""
        mine = pl.col("decision_id") == decision_id
        by_id = self._read(
            lambda view: view.rows(SIGNALS, SIGNAL_SCHEMA).filter(mine).collect(),
            Scope(record_id=decision_id),
        )
        found = [by_id]
        decision = self.find(decision_id)
        if decision is not None and decision.key is not None:
            service = decision.service
            one = pl.DataFrame(
                {"decision_id": [decision_id], "key": [decision.key], "at": [decision.at]}
            )
            scope = Scope(service, Window(since=decision.at), [KEYED + service])
            found.append(self._read(lambda view: signals_in(view, service, one), scope))
        counting = last_signals(pl.concat(found, how="diagonal_relaxed").lazy()).sort("signal")
        return [signal_of(row) for row in counting.collect().iter_rows(named=True)]

    def labels(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> pl.LazyFrame:
        """See `DecisionLog.labels`."""
        inside = Window(since=since, until=until).holds("label_at")
        return self._read(lambda view: last_labels(view.labels()).filter(inside).collect()).lazy()

    def find(self, decision_id: str) -> Decision | None:
        """See `DecisionLog.find`."""
        row = self._read(lambda view: view.decision(decision_id), Scope(record_id=decision_id))
        return None if row is None else decision_of(row)

    def label_of(self, decision_id: str) -> Label | None:
        """See `DecisionLog.label_of`."""
        mine = pl.col("decision_id") == decision_id
        found = self._read(
            lambda view: last_labels(view.labels().filter(mine)).collect(),
            Scope(record_id=decision_id),
        )
        return None if found.is_empty() else label_of(found.row(0, named=True))

    def keys(self, service: str) -> pl.DataFrame:
        """See `DecisionLog.keys`."""

        def read(view: View) -> pl.DataFrame:
            decisions = view.decisions(service, ALWAYS, ["key", "decision_id", "at"])
            decisions = decisions.filter(pl.col("key").is_not_null())
            labelled = view.labels_of(decisions).select("decision_id").unique().collect()
            return decisions.with_columns(
                labelled=pl.col("decision_id").is_in(labelled["decision_id"].to_list())
            )

        return self._read(read, Scope(service, ALWAYS, [LABELS]))

    def count(
        self,
        service: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        where: DecisionFilter = ANY,
    ) -> int:
        """See `DecisionLog.count`."""
        window = Window(since=since, until=until)
        columns = ["at", *where.asked()]

        def read(view: View) -> int:
            files = view.files(DECISIONS + (service or ""))
            known = [one for one in files if window.contains(one)] if where == ANY else []
            rest = view.only([segment for segment in files if segment not in known])
            names = rest.services() if service is None else [service]
            return sum(segment.rows for segment in known) + sum(
                rest.decisions(name, window, columns, where).height for name in names
            )

        return self._read(read, Scope(service, window))

    def tally(self, service: str | None = None) -> Tally:
        """See `DecisionLog.tally`."""
        return self._read(lambda view: tally_of(view, service))

    def services(self) -> list[str]:
        """See `DecisionLog.services`."""
        return self._read(View.services)

    def holdings(self, *subjects: str) -> Holdings:
        """See `DecisionLog.holdings`."""
        return self._read(lambda view: holdings_of(view, subjects))

    def erase_subjects(
        self, subjects: Collection[str], *, timeout_s: float = 15.0
    ) -> ErasedDecisions:
        """See `DecisionLog.erase_subjects`."""
        return erase_from_files(
            subjects,
            blobs=self._blobs,
            directory=self._directory,
            shelf=self._shelf,
            compactor=self._compactor,
            timeout_s=timeout_s,
        )

    def _read(self, read: Callable[[View], _T], scope: Scope = _WHOLE) -> _T:
        """Call `read` with a view, again if a compaction or erasure removed a file under it."""
        for _ in range(_ATTEMPTS):
            try:
                return read(self._view(scope))
            except (FileNotFoundError, NotFound):
                continue
        raise Conflict("the decision log kept changing while it was read", remedy="Read it again.")

    def _view(self, scope: Scope) -> View:
        """Take the state of the log, as far as somebody wants to see it.

        The folder is listed before the ledger is read: a segment compacted in between is listed and
        noted as done, so its rows come from Parquet; one that is compacted afterwards is not noted, and
        its rows come from the raw file or, if that is gone already, from another attempt.
        """
        sources = self._directory.sources()
        with self._ledger.read() as tx:
            segments = scope.listed(tx)
            done = read_note(tx, self._directory).sources
        raw = self._tails.read([source for source in sources if source.id not in done])
        return View(blobs=self._blobs, segments=segments, raw=raw)


def _page_scope(service: str, since: datetime | None) -> Scope:
    # A signal by key may belong to a decision after the window.
    return Scope(service, Window(since=since), [LABELS, SIGNALS, KEYED + service])


def _with_ids(columns: Sequence[str] | None, needed: object) -> list[str] | None:
    """Return the columns to read, with those that others are joined by where they are needed."""
    if columns is None:
        return None
    return list(dict.fromkeys(["decision_id", "key", "at", *columns] if needed else columns))
