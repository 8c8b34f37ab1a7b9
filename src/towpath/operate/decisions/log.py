"""The decision log over a folder of raw segments and the ledger's Parquet files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import polars as pl

from towpath.core.clock import as_utc
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
from towpath.operate.decisions.contract import SIGNAL
from towpath.operate.decisions.directory import SegmentDirectory
from towpath.operate.decisions.erasing import (
    SubjectRows,
    erase_from_files,
    files_of_subject,
    rows_of_subject,
)
from towpath.operate.decisions.joining import beside, owned, signals_in
from towpath.operate.decisions.records import Holdings, Tally
from towpath.operate.decisions.shelf import SegmentShelf, read_note
from towpath.operate.decisions.streams import (
    DECISIONS,
    KEYED,
    LABELS,
    SIGNALS,
    is_stream,
    service_of,
)
from towpath.operate.decisions.tails import Tails
from towpath.operate.decisions.view import ALWAYS, View, Window, schema_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from towpath.ledger.contract import Ledger
    from towpath.operate.decisions.records import Decision, ErasedDecisions, Label, Signal
    from towpath.storage.blobs.contract import BlobStore

_ATTEMPTS: Final = 10
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
        columns: Sequence[str] | None = None,
        signals: Sequence[str] = (),
        matured_by: datetime | None = None,
    ) -> pl.LazyFrame:
        """See `DecisionLog.scan`."""
        window = Window(since=since, until=until)

        def read(view: View) -> pl.DataFrame:
            if not signals:
                return view.decisions(service, window, columns)
            wanted = None if columns is None else list(dict.fromkeys(["decision_id", *columns]))
            decisions = view.decisions(service, window, wanted)
            given = signals_in(view, service, window, names=signals, matured_by=matured_by)
            joined = beside(decisions, given, signals)
            if columns is None:
                return joined
            return joined.select(*columns, *(SIGNAL + name for name in dict.fromkeys(signals)))

        return self._read(read).lazy()

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
        return self._read(
            lambda view: signals_in(view, service, window, names=names, matured_by=matured_by)
        ).lazy()

    def signals_of(self, decision_id: str) -> list[Signal]:
        """See `DecisionLog.signals_of`."""

        def read(view: View) -> pl.DataFrame:
            row = view.decision(decision_id)
            if row is None or row["key"] is None:
                one = pl.DataFrame({"decision_id": [decision_id]})
                return last_signals(view.signals_of(one)).collect()
            return signals_in(view, row["service"], Window(since=row["at"]))

        found = self._read(read).filter(pl.col("decision_id") == decision_id).sort("signal")
        return [signal_of(row) for row in found.iter_rows(named=True)]

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
        wanted = None if columns is None else list(dict.fromkeys(["decision_id", *columns]))

        def read(view: View) -> pl.DataFrame:
            decisions = view.decisions(service, window, wanted)
            labels = view.labels_of(decisions)
            if matured_by is not None:
                labels = labels.filter(pl.col("label_at") <= as_utc(matured_by))
            counting = last_labels(labels).drop("label_recorded", "label_source")
            joined = decisions.lazy().join(counting, on="decision_id", how="inner")
            if columns is not None:
                joined = joined.select(*columns, "label", "label_at")
            return joined.collect()

        return self._read(read).lazy()

    def labels(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> pl.LazyFrame:
        """See `DecisionLog.labels`."""
        inside = Window(since=since, until=until).holds("label_at")
        return self._read(lambda view: last_labels(view.labels()).filter(inside).collect()).lazy()

    def find(self, decision_id: str) -> Decision | None:
        """See `DecisionLog.find`."""
        row = self._read(lambda view: view.decision(decision_id), record_id=decision_id)
        return None if row is None else decision_of(row)

    def label_of(self, decision_id: str) -> Label | None:
        """See `DecisionLog.label_of`."""
        mine = pl.col("decision_id") == decision_id
        found = self._read(
            lambda view: last_labels(view.labels().filter(mine)).collect(), record_id=decision_id
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

        return self._read(read)

    def count(
        self,
        service: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """See `DecisionLog.count`."""
        window = Window(since=since, until=until)

        def read(view: View) -> int:
            files = view.files(DECISIONS + (service or ""))
            whole = sum(segment.rows for segment in files if window.contains(segment))
            rest = view.only([segment for segment in files if not window.contains(segment)])
            names = rest.services() if service is None else [service]
            return whole + sum(rest.decisions(name, window, ["at"]).height for name in names)

        return self._read(read)

    def tally(self, service: str | None = None) -> Tally:
        """See `DecisionLog.tally`."""
        columns = ["decision_id", "service", "status", "key", "at"]

        def read(view: View) -> Tally:
            frames = {name: view.decisions(name, ALWAYS, columns) for name in view.services()}
            every = pl.concat([pl.DataFrame(schema=schema_of(columns)), *frames.values()])
            labelled = view.labels().select("decision_id").unique().collect()
            signalled, unmatched = _signalled(view, frames)
            mine = every if service is None else every.filter(pl.col("service") == service)
            return Tally(
                decisions=mine.height,
                errors=mine.filter(pl.col("status") == "error").height,
                labelled=mine.join(labelled, on="decision_id", how="semi").height,
                unmatched_labels=labelled.join(every, on="decision_id", how="anti").height,
                signalled=mine.join(signalled, on="decision_id", how="semi").height,
                unmatched_signals=unmatched
                + signalled.join(every, on="decision_id", how="anti").height,
            )

        return self._read(read)

    def services(self) -> list[str]:
        """See `DecisionLog.services`."""
        return self._read(View.services)

    def holdings(self, subject_hash: str) -> Holdings:
        """See `DecisionLog.holdings`."""

        def read(view: View) -> Holdings:
            raw = SubjectRows()
            services: set[str] = set()
            for stream, frames in view.raw.streams.items():
                if stream.startswith(DECISIONS):
                    for frame in frames:
                        found = rows_of_subject(frame, service_of(stream), subject_hash)
                        services.update([service_of(stream)] * bool(found.ids))
                        raw |= found
            files, rows = files_of_subject(self._blobs, view.segments, subject_hash, more=raw)
            counts = {LABELS: 0, SIGNALS: 0}
            for stream, frames in view.raw.streams.items():
                condition = rows.condition(stream, "", chr(0x10FFFF))
                if condition is not None:
                    kind = LABELS if stream == LABELS else SIGNALS
                    counts[kind] += sum(frame.filter(condition).height for frame in frames)
            return Holdings(
                decisions=len(rows.ids),
                labels=counts[LABELS] + sum(count for _, count in files.labels.values()),
                signals=counts[SIGNALS] + sum(count for _, count in files.signals.values()),
                files=tuple(sorted(files.touched)),
                services=tuple(sorted(services | files.services)),
            )

        return self._read(read)

    def erase_subject(self, subject_hash: str, *, timeout_s: float = 15.0) -> ErasedDecisions:
        """See `DecisionLog.erase_subject`."""
        return erase_from_files(
            subject_hash,
            blobs=self._blobs,
            directory=self._directory,
            shelf=self._shelf,
            compactor=self._compactor,
            timeout_s=timeout_s,
        )

    def _read(self, read: Callable[[View], _T], *, record_id: str | None = None) -> _T:
        """Call `read` with a view, again if a compaction or erasure removed a file under it."""
        for _ in range(_ATTEMPTS):
            try:
                return read(self._view(record_id))
            except (FileNotFoundError, NotFound):
                continue
        raise Conflict("the decision log kept changing while it was read", remedy="Read it again.")

    def _view(self, record_id: str | None) -> View:
        """Take the state of the log.

        The folder is listed before the ledger is read: a segment compacted in between is listed and
        noted as done, so its rows come from Parquet; one that is compacted afterwards is not noted, and
        its rows come from the raw file or, if that is gone already, from another attempt.
        """
        sources = self._directory.sources()
        with self._ledger.read() as tx:
            segments = [s for s in tx.segments.list(record_id=record_id) if is_stream(s.stream)]
            done = read_note(tx, self._directory).sources
        raw = self._tails.read([source for source in sources if source.id not in done])
        return View(blobs=self._blobs, segments=segments, raw=raw)


def _signalled(view: View, decisions: Mapping[str, pl.DataFrame]) -> tuple[pl.DataFrame, int]:
    """Return the ids that have signals, and how many keys have some that no decision carries."""
    ids = [view.rows(SIGNALS, SIGNAL_SCHEMA).select("decision_id").collect()]
    unmatched = 0
    services = {service_of(s.stream) for s in view.files(KEYED)} | {
        service_of(stream) for stream in view.raw.streams if stream.startswith(KEYED)
    }
    for service in services:
        made = decisions.get(service, pl.DataFrame(schema=schema_of(["decision_id", "key", "at"])))
        given = owned(view.keyed(service), made).select("decision_id", "key").collect()
        ids.append(given.select("decision_id").drop_nulls())
        unmatched += given.filter(pl.col("decision_id").is_null())["key"].n_unique()
    return pl.concat(ids).unique(), unmatched
