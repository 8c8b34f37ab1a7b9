"""Death at every single write of compaction, merging, erasure and retention, one after another."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.errors import StorageFull
from towpath.operate.decisions import Compactor, Retention, SegmentDecisionLog
from towpath.operate.decisions.directory import SegmentDirectory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START = datetime(2013, 3, 1, tzinfo=UTC)
GONE = "aa" * 16
KEEP = {"sample": 1.0, "by": "decision", "always": [], "redact": {}, "keep_for": "90d"}


class Died(BaseException):
    """Stands for the end of the process: nothing in the program catches it."""


class Deaths:
    """Ends the program at the n-th change of anything that outlives it, before or after it is made."""

    def __init__(self, patch: pytest.MonkeyPatch, ledger: Any, blobs: Any) -> None:
        self.armed_at: int | None = None
        self.passed = 0
        for owner, name in (
            (blobs, "put"),
            (blobs, "delete"),
            (Path, "unlink"),
            (Path, "rename"),
            (os, "ftruncate"),
        ):
            patch.setattr(owner, name, self._around(getattr(owner, name)))
        patch.setattr(ledger, "write", self._transaction(ledger.write))

    def __enter__(self) -> None:
        self.passed = 0

    def __exit__(self, *_: object) -> None:
        self.armed_at = None

    def _point(self) -> None:
        self.passed += 1
        if self.armed_at is not None and self.passed >= self.armed_at:
            raise Died

    def _around(self, change: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*arguments: Any, **options: Any) -> Any:
            self._point()
            made = change(*arguments, **options)
            self._point()
            return made

        return dying

    def _transaction(self, write: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def dying(*arguments: Any, **options: Any) -> Iterator[Any]:
            with write(*arguments, **options) as tx:
                yield tx
                self._point()  # all was said, nothing is committed
            self._point()

        return dying


class Clock:
    now_is = START + timedelta(days=400)

    def now(self) -> datetime:
        return self.now_is


def ids(log: SegmentDecisionLog) -> list[str]:
    return sorted(log.scan("board", columns=["decision_id"]).collect()["decision_id"])


def fill(bench: Any, count: int) -> list[Any]:
    """Write decisions of two people with labels and signals, one sealed segment each."""
    decisions = [
        bench.decision(hours=n / 100, subject=GONE if n % 3 == 0 else "bb" * 16, key=f"k{n}")
        for n in range(count)
    ]
    for n, decision in enumerate(decisions):
        bench.write(decision, bench.label(decision, 1), bench.signal(f"board:k{n}", "won", 1))
        bench.seal()
    return decisions


def assert_nothing_is_left_over(bench: Any) -> None:
    """Every blob is listed, every listed file is there, no raw segment and no note remains."""
    bench.compactor.compact()
    with bench.ledger.read() as tx:
        listed = {segment.digest for segment in tx.segments.list()}
    assert set(bench.blobs.walk()) == listed
    assert SegmentDirectory(bench.path).sources() == []


def die_everywhere(deaths: Deaths, work: Callable[[], object], check: Callable[[], None]) -> int:
    """Run `work` again and again, each time dying one point later, until it lives through."""
    for point in range(1, 500):
        deaths.armed_at = point
        try:
            with deaths:
                work()
        except Died:
            check()
            continue
        return point
    raise AssertionError("it never came to its end")


@pytest.fixture
def deaths(bench: Any, monkeypatch: pytest.MonkeyPatch) -> Deaths:
    return Deaths(monkeypatch, bench.ledger, bench.blobs)


def test_compaction_and_merging_lose_and_double_nothing(bench: Any, deaths: Deaths) -> None:
    expected: list[str] = []
    reader = SegmentDecisionLog(bench.ledger, bench.blobs, bench.path)
    compactor = Compactor(bench.ledger, bench.blobs, bench.path)

    def check() -> None:
        assert ids(reader) == sorted(expected)
        assert reader.count("board") == len(expected)
        assert reader.tally().signalled == len(expected)

    for n in range(8):
        decision = bench.decision(hours=n / 100)
        expected.append(decision.decision_id)
        bench.write(decision, bench.signal(decision, "won", 1))
        bench.seal()
        if n < 7:
            bench.compactor.compact()
    # The eighth file of its size makes a merge of each stream.
    assert die_everywhere(deaths, compactor.compact, check) > 20
    check()
    with bench.ledger.read() as tx:
        assert len(tx.segments.list("decisions/board")) == 1
    assert_nothing_is_left_over(bench)


def test_erasure_is_finished_whenever_it_died(bench: Any, deaths: Deaths) -> None:
    decisions = fill(bench, 6)
    stay = sorted(one.decision_id for one in decisions if one.subject != GONE)
    log = SegmentDecisionLog(bench.ledger, bench.blobs, bench.path)

    def check() -> None:
        assert set(stay) <= set(ids(log))

    assert die_everywhere(deaths, lambda: log.erase_subjects([GONE]), check) > 3
    assert ids(log) == stay
    assert log.holdings(GONE).decisions == 0
    assert (log.tally().labelled, log.tally().signalled) == (len(stay), len(stay))
    assert log.tally().unmatched_signals == 0
    assert_nothing_is_left_over(bench)


def test_retention_removes_whole_files_whenever_it_died(bench: Any, deaths: Deaths) -> None:
    old = fill(bench, 4)
    bench.compact()
    young = bench.decision(hours=24 * 399)
    every = sorted(one.decision_id for one in [*old, young])
    late = bench.label(young, 1, hours=24 * 399)
    bench.write(young, late)
    bench.compact()
    with bench.ledger.write() as tx:
        spec = {"logging": KEEP}
        tx.intents.put("service", "board", project="p", spec=spec)
    log = SegmentDecisionLog(bench.ledger, bench.blobs, bench.path)
    retention = Retention(bench.ledger, bench.blobs, bench.path, Clock())

    def check() -> None:
        assert ids(log) in ([young.decision_id], every)

    assert die_everywhere(deaths, retention.expire, check) > 3
    assert ids(log) == [young.decision_id]
    assert log.labels().collect()["decision_id"].to_list() == [young.decision_id]
    assert log.tally().unmatched_signals == 0
    with bench.ledger.read() as tx:
        told = [one.payload for one in tx.events.read(types=["decisions.expired"])]
    assert sum(one["rows"] for one in told) == 12
    assert {one["stream"] for one in told} == {"decisions/board", "labels", "keyed/board"}
    assert_nothing_is_left_over(bench)


def test_what_no_service_says_is_kept(bench: Any) -> None:
    fill(bench, 2)
    other = bench.decision(service="other")
    bench.write(other, bench.label(other, 1))
    bench.compact()
    with bench.ledger.write() as tx:
        spec = {"logging": KEEP}
        tx.intents.put("service", "board", project="p", spec=spec)
        tx.intents.put("service", "other", project="p", spec={"logging": None})
    retention = Retention(bench.ledger, bench.blobs, bench.path, Clock())
    gone = {one.stream for one in retention.expire()}
    assert gone == {"decisions/board", "keyed/board"}
    assert bench.log.find(other.decision_id) == other
    assert bench.log.labels().collect().height == 3  # nobody said how long labels are wanted


@pytest.mark.parametrize("room", [0, 1, 2])
def test_full_disk_stops_compaction_and_loses_nothing(
    bench: Any, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    decisions = fill(bench, 3)
    put, left = bench.blobs.put, [room]

    def put_while_there_is_room(data: bytes) -> Any:
        if not left[0]:
            raise StorageFull("the disk is full", remedy="Free space.")
        left[0] -= 1
        return put(data)

    expected = sorted(one.decision_id for one in decisions)
    with monkeypatch.context() as patch:
        patch.setattr(bench.blobs, "put", put_while_there_is_room)
        with pytest.raises(StorageFull):
            bench.compactor.compact()
        assert ids(bench.log) == expected
    bench.compactor.compact()
    assert ids(bench.log) == expected
    assert bench.log.tally().signalled == 3
    assert_nothing_is_left_over(bench)


def test_segment_torn_at_any_byte_gives_the_records_before(bench: Any) -> None:
    written = [bench.decision(hours=n) for n in range(3)]
    bench.write(*written)
    bench.seal()
    (source,) = bench.directory.sources()
    whole = source.path.read_bytes()
    source.path.unlink()
    seen: list[int] = []
    for end in range(0, len(whole), 7):
        path = bench.path / f"{source.id}.open"
        path.write_bytes(whole[:end])
        bench.directory.recover()
        found = ids(SegmentDecisionLog(bench.ledger, bench.blobs, bench.path))
        assert found == [one.decision_id for one in written[: len(found)]]
        seen.append(len(found))
        path.with_suffix(".sealed").unlink(missing_ok=True)
    assert sorted(seen) == seen
    assert set(seen) == {0, 1, 2}
