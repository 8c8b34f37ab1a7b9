"""Every ledger lists a stream's files as the contract says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from towpath.ledger import Segment

if TYPE_CHECKING:
    from towpath.ledger import Ledger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def hours(count: float) -> datetime:
    return NOON + timedelta(hours=count)


def segment(
    number: int, *, stream: str = "decisions/board", first: str = "0", last: str = "f"
) -> Segment:
    return Segment(
        stream=stream,
        partition=f"hour={number}",
        digest=f"{number:064x}",
        rows=10,
        size_bytes=1000,
        first_id=first,
        last_id=last,
        since=hours(number),
        until=hours(number + 0.9),
    )


@pytest.fixture
def listed(ledger: Ledger) -> Ledger:
    """Return a ledger with three hours of decisions and one of labels."""
    with ledger.write() as tx:
        tx.segments.add(
            [
                segment(2, first="20", last="2f"),
                segment(0, last="0f"),
                segment(1, first="10", last="1f"),
            ]
        )
        tx.segments.add([segment(9, stream="labels/board")])
    return ledger


def numbers(ledger: Ledger, stream: str | None = "decisions/board", **limits: object) -> list[int]:
    with ledger.read() as tx:
        return [int(s.digest, 16) for s in tx.segments.list(stream, **limits)]


def test_segments_are_listed_by_time_and_read_back_whole(listed: Ledger) -> None:
    assert numbers(listed) == [0, 1, 2]
    assert numbers(listed, None) == [0, 1, 2, 9]
    with listed.read() as tx:
        assert tx.segments.list("labels/board") == [segment(9, stream="labels/board")]


def test_time_prunes_with_an_open_end(listed: Ledger) -> None:
    assert numbers(listed, since=hours(1), until=hours(2)) == [1]
    assert numbers(listed, since=hours(0.9)) == [0, 1, 2]
    assert numbers(listed, since=hours(0.95)) == [1, 2]
    assert numbers(listed, until=hours(0)) == []


def test_an_id_prunes(listed: Ledger) -> None:
    assert numbers(listed, record_id="15") == [1]
    assert numbers(listed, record_id="99") == []


def test_compaction_swaps_files_in_one_step(listed: Ledger) -> None:
    with listed.write() as tx:
        tx.segments.add([segment(7)], retire=[segment(0).digest, segment(1).digest, "e" * 64])
    assert numbers(listed) == [2, 7]
    with listed.read() as tx:
        event = tx.events.read(types=["segments.changed"], newest_first=True)[0]
    assert event.payload["added"] == [segment(7).digest]
    assert segment(0).digest in event.payload["retired"]


def test_nothing_added_is_nothing_said(listed: Ledger) -> None:
    with listed.write() as tx:
        before = tx.events.size()
        tx.segments.add([])
        assert tx.events.size() == before
