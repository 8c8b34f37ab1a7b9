"""The list of who has withdrawn: it only grows, in the order of commits, and is followed from any place on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from towpath.core.errors import UsageError
from towpath.ledger import Withdrawal

if TYPE_CHECKING:
    from towpath.ledger import Ledger


def add(ledger: Ledger, *subjects: str) -> list[int]:
    with ledger.write() as tx:
        return [tx.withdrawals.add(one) for one in subjects]


def test_each_takes_the_next_place_and_keeps_it(ledger: Ledger) -> None:
    with ledger.read() as tx:
        assert tx.withdrawals.position() == 0
        assert tx.withdrawals.since(0) == []
    assert add(ledger, "a", "b", "a") == [1, 2, 1]
    assert add(ledger, "c", "b") == [3, 2]
    with ledger.read() as tx:
        assert tx.withdrawals.position() == 3
        assert tx.withdrawals.since(2) == [
            Withdrawal(position=2, subject="b"),
            Withdrawal(position=3, subject="c"),
        ]
        assert tx.withdrawals.since(4) == []
        assert tx.withdrawals.subjects() == {"a", "b", "c"}
        assert tx.withdrawals.among(["b", "x"]) == {"b"}
        assert tx.withdrawals.among([]) == set()
        assert tx.withdrawals.among({"a", "c", "x", "y", "z"}) == {"a", "c"}


def test_who_withdraws_is_entered_in_the_log_once(ledger: Ledger) -> None:
    add(ledger, "a")
    add(ledger, "a")
    with ledger.read() as tx:
        (event,) = tx.events.read(types=["subject.withdrawn"])
    assert (event.subject, event.payload) == ("subject:a", {"position": 1})


def test_what_is_rolled_back_takes_no_place(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError), ledger.write() as tx:
        tx.withdrawals.add("a")
        raise RuntimeError
    assert add(ledger, "b") == [1]
    with ledger.read() as tx, pytest.raises(UsageError):
        tx.withdrawals.add("c")


def test_writers_side_by_side_leave_no_gap_that_a_follower_could_pass(ledger: Ledger) -> None:
    seen: list[Withdrawal] = []

    def write(name: str) -> None:
        for turn in range(10):
            add(ledger, f"{name}{turn}")

    writers = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for one in writers:
        one.start()
    while len(seen) < 30:
        with ledger.read() as tx:
            seen += tx.withdrawals.since(len(seen) + 1)
        assert [one.position for one in seen] == list(range(1, len(seen) + 1))
    for one in writers:
        one.join()
    assert {one.subject for one in seen} == {
        f"{name}{turn}" for name in "abc" for turn in range(10)
    }
