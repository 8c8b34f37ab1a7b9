"""Decisions and labels to write, and a log that can be brought into every state they may lie in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.clock import to_micros
from towpath.operate.decisions import (
    Compactor,
    Decision,
    DecisionIds,
    Label,
    Record,
    SegmentDecisionLog,
    SegmentDirectory,
    SegmentWriter,
    Signal,
    encode_frame,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore

START = datetime(2013, 3, 1, tzinfo=UTC)


class LogBench:
    """Writes to a log and moves what was written on: raw and open, raw and sealed, or Parquet."""

    def __init__(self, ledger: Ledger, blobs: BlobStore, path: Path) -> None:
        self.ledger = ledger
        self.blobs = blobs
        self.path = path
        self.directory = SegmentDirectory(path)
        self.compactor = Compactor(ledger, blobs, path)
        self.log = SegmentDecisionLog(ledger, blobs, path)
        self._ids = DecisionIds()
        self._writer: SegmentWriter | None = None
        self._recorded = 0

    @property
    def writer(self) -> SegmentWriter:
        if self._writer is None:
            self._writer = SegmentWriter(self.directory)
        return self._writer

    def decision(self, *, hours: float = 0, service: str = "board", **fields: Any) -> Decision:
        """Make a decision `hours` after the start, with everything else made up."""
        self._recorded += 1
        values: dict[str, Any] = {
            "decision_id": self._ids.next(),
            "at_us": to_micros(START + timedelta(hours=hours)),
            "recorded_us": self._recorded,
            "service": service,
            "release": "release:production@1",
            "model": "model:late@1",
            "arm": "champion",
            "inputs": {"distance": 500.0, "carrier": "UA"},
            "outputs": {"late": 0.25},
            "latency_us": 120,
        }
        return Decision(**(values | fields))

    def label(self, decision: Decision | str, value: float, *, hours: float = 6) -> Label:
        self._recorded += 1
        name = decision if isinstance(decision, str) else decision.decision_id
        at = to_micros(START + timedelta(hours=hours))
        return Label(decision_id=name, value=value, at_us=at, recorded_us=self._recorded)

    def signal(
        self, decision: Decision | str, name: str, value: float, *, hours: float = 6, **fields: Any
    ) -> Signal:
        """Make a signal for a decision; for a key where the decision is text like `board:UA-1`."""
        self._recorded += 1
        at = to_micros(START + timedelta(hours=hours))
        values: dict[str, Any] = {"name": name, "value": value, "at_us": at}
        values["recorded_us"] = self._recorded
        if isinstance(decision, Decision):
            return Signal(decision_id=decision.decision_id, **(values | fields))
        service, _, key = decision.partition(":")
        if not key:
            return Signal(decision_id=decision, **(values | fields))
        return Signal(decision_id=None, service=service, key=key, **(values | fields))

    def write(self, *records: Record) -> None:
        """Write records durably, as one request."""
        self.writer.append(b"".join(map(encode_frame, records))).result(10)

    def seal(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def compact(self) -> None:
        self.seal()
        self.compactor.compact()

    def settle(self, state: str) -> None:
        """Bring everything written so far into a state."""
        match state:
            case "sealed":
                self.seal()
            case "parquet":
                self.compact()

    def spread(self, state: str, batches: Iterable[Iterable[Record]]) -> None:
        """Write batches; with `mixed` they end in different states, else all in the same."""
        for index, batch in enumerate(batches):
            self.write(*batch)
            if state == "mixed" and index % 2 == 0:
                self.settle("parquet" if index % 4 == 0 else "sealed")
        self.settle(state)


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Any]:
    benches: list[LogBench] = []

    def make(ledger: Ledger, blobs: BlobStore) -> LogBench:
        benches.append(LogBench(ledger, blobs, tmp_path / "decisions"))
        return benches[-1]

    yield make
    for bench in benches:
        bench.seal()


@pytest.fixture
def bench(make_bench: Any, sqlite_ledger: Ledger, disk_blobs: BlobStore) -> LogBench:
    return make_bench(sqlite_ledger, disk_blobs)


@pytest.fixture(params=["open", "sealed", "parquet", "mixed"])
def state(request: pytest.FixtureRequest) -> str:
    """Where the rows lie that a test reads."""
    return request.param
