"""Signals from scripts and jobs: checked as a whole, recorded durably, repeatable."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.clock import ManualClock
from towpath.core.errors import InvalidRequest
from towpath.operate.decisions import Feedback, SegmentDirectory
from towpath.operate.decisions.frames import HEADER, decode_frames
from towpath.operate.decisions.records import Signal

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 5, 4, tzinfo=UTC)
ID = "0199a5c2-d3e4-7f60-a1b2-c3d4e5f60718"


@pytest.fixture
def feedback(tmp_path: Path) -> Feedback:
    return Feedback(tmp_path, ManualClock(NOW), source="import:refunds.csv")


def recorded(folder: Path) -> list[Signal]:
    found: list[Any] = []
    for source in SegmentDirectory(folder).sources():
        records, _ = decode_frames(source.path.read_bytes()[len(HEADER) :])
        found += records
    return found


def test_rows_are_recorded_with_who_says_so_and_when(feedback: Feedback, tmp_path: Path) -> None:
    rows = [
        {"name": "clicked", "value": True, "decision_id": ID.upper()},
        {"name": "refund_eur", "value": 3, "service": "board", "key": "k", "at": "2026-05-01"},
        {"name": "won", "value": 1.5, "service": "board", "key": "k", "at": NOW},
    ]
    assert feedback.signals(rows) == 3
    clicked, refund, won = recorded(tmp_path)
    assert (clicked.decision_id, clicked.value, clicked.at) == (ID, 1.0, NOW)
    assert clicked.source == "import:refunds.csv"
    assert (refund.service, refund.key, refund.at.day) == ("board", "k", 1)
    assert won.at == NOW


def test_one_wrong_row_records_none(feedback: Feedback, tmp_path: Path) -> None:
    good = {"name": "clicked", "value": 1, "decision_id": ID}
    for bad, says in (
        ({**good, "value": float("nan")}, "value of signal 1"),
        ({**good, "value": "much"}, "value of signal 1"),
        ({**good, "value": None}, "value of signal 1"),
        ({**good, "name": None}, "no plain name"),
        ({**good, "decision_id": None}, "must name its decision"),
        ({**good, "key": "k"}, "must name its decision"),
        ({**good, "price": 1}, "a field 'price'"),
        ({**good, "at": "soon"}, "time of signal 1"),
    ):
        with pytest.raises(InvalidRequest, match=says):
            feedback.signals([good, bad])
    assert recorded(tmp_path) == []


def test_many_rows_need_no_more_than_one_flush_each_ten_thousand(
    feedback: Feedback, tmp_path: Path
) -> None:
    rows = [{"name": "n", "value": n, "service": "board", "key": str(n)} for n in range(25_000)]
    assert feedback.signals(rows) == 25_000
    assert [one.value for one in recorded(tmp_path)] == list(range(25_000))
