"""Filters, pages, and how few files a read opens."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.operate.decisions import DecisionFilter, SegmentDecisionLog, partitions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = datetime(2013, 3, 1, tzinfo=UTC)
ME = "00" * 16


def hours(n: float) -> datetime:
    return START + timedelta(hours=n)


class CountingBlobs:
    """Passes on to a store, and says which files were opened."""

    def __init__(self, blobs: Any) -> None:
        self._blobs = blobs
        self.opened: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    @contextmanager
    def open_local(self, digest: str) -> Iterator[Path]:
        self.opened.append(digest)
        with self._blobs.open_local(digest) as path:
            yield path


@pytest.fixture
def counting(bench: Any) -> tuple[SegmentDecisionLog, CountingBlobs]:
    """Six days of two services, each day in files of its own, cut by subject into two buckets."""
    for day in range(6):
        for service in ("board", "other"):
            bench.write(
                *(
                    bench.decision(hours=24 * day + n, subject=f"{n:04x}" + "0" * 28)
                    if service == "board"
                    else bench.decision(hours=24 * day + n, service=service)
                    for n in range(8)
                )
            )
        bench.compact()
    blobs = CountingBlobs(bench.blobs)
    return SegmentDecisionLog(bench.ledger, blobs, bench.path), blobs


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few rows fill a file, so that days and buckets have files of their own."""
    monkeypatch.setattr(partitions, "ROWS_PER_FILE", 4)
    monkeypatch.setattr(
        partitions, "_GRAINS", (("day", "%Y-%m-%d", timedelta(days=1)), partitions._GRAINS[-1])
    )


def test_filters_ask_for_rows_with_every_value(bench: Any, state: str) -> None:
    bench.spread(
        state,
        [
            [bench.decision(model="model:late@1", key="a"), bench.decision(model="model:late@2")],
            [bench.decision(model="model:late@2", status="error", error="x", outputs={})],
            [bench.decision(model="model:late@2", arm="challenger", service_version="web@2")],
        ],
    )
    log = bench.log

    def count(**asked: str) -> int:
        where = DecisionFilter(**asked)
        assert log.scan("board", where=where, columns=["at"]).collect().height == log.count(
            "board", where=where
        )
        return log.count("board", where=where)

    assert count(model="model:late@2") == 3
    assert count(model="model:late@2", status="ok") == 2
    assert count(arm="challenger", service_version="web@2") == 1
    assert count(key="a") == 1
    assert count(key="b") == 0
    assert log.count(where=DecisionFilter(status="error")) == 1


def test_labels_and_signals_come_beside_whoever_has_none(bench: Any, state: str) -> None:
    first, second = bench.decision(), bench.decision(hours=1)
    bench.spread(state, [[first, second], [bench.label(first, 1), bench.signal(second, "won", 2)]])
    frame = bench.log.scan("board", columns=["at"], labels=True, signals=["won"]).collect()
    assert frame.columns == ["at", "label", "label_at", "signal.won"]
    assert frame.sort("at")["label"].to_list() == [1.0, None]
    assert frame.sort("at")["signal.won"].to_list() == [None, 2.0]


def test_pages_show_every_decision_once_newest_first(bench: Any, state: str) -> None:
    decisions = [bench.decision(hours=n % 5, key=f"k{n}") for n in range(23)]
    bench.spread(state, [decisions[:9], decisions[9:10], decisions[10:17], decisions[17:]])
    bench.write(bench.label(decisions[3], 1), bench.signal("board:k4", "won", 2, hours=5))

    seen: list[str] = []
    before = None
    labels: list[float] = []
    won: list[float] = []
    for number in range(10):
        page = bench.log.page("board", before=before, limit=5)
        seen += page.rows["decision_id"].to_list()
        labels += page.rows["label"].drop_nulls().to_list()
        if "signal.won" in page.rows:
            won += page.rows["signal.won"].drop_nulls().to_list()
        before = page.before
        bench.write(bench.decision(hours=number))  # newer ones shift nothing
        if before is None:
            break
    assert seen == [one.decision_id for one in reversed(decisions)]
    assert (labels, won) == ([1.0], [2.0])

    filtered = bench.log.page("board", where=DecisionFilter(key="k4"), limit=5)
    assert filtered.rows["decision_id"].to_list() == [decisions[4].decision_id]
    assert filtered.before is None
    assert bench.log.page("nothing").rows.is_empty()
    exported = pl.concat(bench.log.pages("board", until=hours(9), rows=4), how="diagonal_relaxed")
    assert set(exported["decision_id"]) >= set(seen)
    assert exported["decision_id"].is_unique().all()


def test_every_service_is_read_file_by_file_in_one_state(counting: Any, bench: Any) -> None:
    log, blobs = counting
    bench.write(bench.decision(hours=200, service="late"))
    columns = ["service", "at"]
    seen = log.filewise(None, columns=columns)
    apart = [log.filewise(name, columns=columns) for name in ("board", "late", "other")]
    assert seen.read.keys() == {digest for one in apart for digest in one.read}
    assert sum(rows.height for rows in seen.read.values()) == log.count() - 1
    assert seen.unsealed["service"].to_list() == ["late"]

    blobs.opened.clear()
    again = log.filewise(None, columns=columns, known=seen.read.keys())
    assert (set(again.known), dict(again.read)) == (set(seen.read), {})
    assert not set(blobs.opened) & seen.read.keys()


@pytest.mark.usefixtures("small_files")
def test_reads_open_only_files_of_their_time_service_and_bucket(counting: Any) -> None:
    log, blobs = counting

    def opened(read: Any) -> int:
        blobs.opened.clear()
        read()
        return len(blobs.opened)

    day = {"since": hours(48), "until": hours(72)}
    assert opened(lambda: log.scan("board", columns=["at"], **day).collect()) == 2
    assert opened(lambda: log.scan("board", columns=["at"]).collect()) == 12
    mine = DecisionFilter(subject="0002" + "0" * 28)
    assert opened(lambda: log.scan("board", where=mine, **day).collect()) == 1
    assert log.scan("board", where=mine, **day).collect().height == 1
    assert opened(lambda: log.scan("board", where=mine).collect()) == 6
    assert opened(lambda: log.count("board", **day)) == 0

    some = log.scan("board", **day).collect()["decision_id"][3]
    assert opened(lambda: log.find(some)) <= 2
    assert log.find(some) is not None
    assert opened(lambda: log.page("board", limit=8)) <= 3
    assert log.page("board", limit=8).rows.height == 8
    before = log.page("board", limit=24).before
    assert opened(lambda: log.page("board", limit=8, before=before)) <= 4
