"""What running steps print: in order, bounded, without an event, and deleted for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from towpath.ledger.logs import KEPT_BYTES, LogPart

if TYPE_CHECKING:
    from towpath.ledger import Ledger


def add(ledger: Ledger, run_id: str, begins: int, data: bytes) -> None:
    with ledger.write() as tx:
        tx.logs.append({run_id: LogPart(begins=begins, data=data)})


def read(ledger: Ledger, run_id: str, after: int = 0) -> LogPart | None:
    with ledger.read() as tx:
        return tx.logs.read(run_id, after=after)


def test_pieces_are_read_from_any_place_on(ledger: Ledger) -> None:
    add(ledger, "a", 0, b"one\n")
    add(ledger, "b", 0, b"other\n")
    add(ledger, "a", 4, b"two\xff\n")
    whole = b"one\ntwo\xff\n"
    for after in range(len(whole)):
        assert read(ledger, "a", after) == LogPart(begins=after, data=whole[after:])
    assert read(ledger, "a", len(whole)) == LogPart(begins=len(whole), data=b"")
    assert read(ledger, "nobody") is None


def test_what_is_added_twice_is_there_once(ledger: Ledger) -> None:
    for _ in range(2):
        add(ledger, "a", 0, b"one\n")
    assert read(ledger, "a") == LogPart(begins=0, data=b"one\n")


def test_only_the_newest_is_kept(ledger: Ledger) -> None:
    piece = 100_000
    for index in range(12):
        add(ledger, "a", index * piece, bytes([index]) * piece)
    found = read(ledger, "a")
    assert found is not None
    assert found.ends == 12 * piece
    assert KEPT_BYTES - piece < len(found.data) <= KEPT_BYTES
    assert found.data[-1] == 11
    assert read(ledger, "a", 5) == found


def test_dropping_takes_everything_of_some_runs(ledger: Ledger) -> None:
    for name in "abc":
        add(ledger, name, 0, b"x")
        add(ledger, name, 1, b"y")
    with ledger.write() as tx:
        assert tx.logs.sizes() == {"a": 2, "b": 2, "c": 2}
        assert tx.logs.drop(["a", "b", "unknown"]) == 4
        assert tx.logs.drop([]) == 0
    assert (read(ledger, "a"), read(ledger, "b")) == (None, None)
    assert read(ledger, "c") == LogPart(begins=0, data=b"xy")


def test_pruning_goes_by_when_a_piece_was_added(ledger: Ledger) -> None:
    add(ledger, "a", 0, b"x")
    now = datetime.now(UTC)
    with ledger.write() as tx:
        assert tx.logs.prune(now - timedelta(hours=1)) == 0
        assert tx.logs.prune(now + timedelta(hours=1)) == 1
    assert read(ledger, "a") is None


def test_it_leaves_no_event(ledger: Ledger) -> None:
    with ledger.read() as tx:
        before = tx.events.size()
    add(ledger, "a", 0, b"somebody's name")
    with ledger.write() as tx:
        tx.logs.drop(["a"])
    with ledger.read() as tx:
        assert tx.events.size() == before
