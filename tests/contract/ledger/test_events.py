"""Every ledger keeps its log, and proves it, as the contract says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from towpath.core.errors import UsageError
from towpath.ledger import leaf_of, verify_checkpoint, verify_consistency, verify_inclusion

if TYPE_CHECKING:
    from towpath.ledger import Ledger
    from towpath.storage.keys import Keyring


def fill(ledger: Ledger, count: int) -> None:
    for number in range(count):
        with ledger.write(actor="tester") as tx:
            tx.events.append("thing.happened", f"run:{number % 3}", number=number)


def test_entries_are_numbered_without_gaps(ledger: Ledger) -> None:
    fill(ledger, 3)
    with pytest.raises(ZeroDivisionError), ledger.write() as tx:
        tx.events.append("thing.lost", "run:1")
        assert 1 / 0
    fill(ledger, 2)
    with ledger.read() as tx:
        events = tx.events.read()
        assert tx.events.size() == 5
    assert [event.seq for event in events] == [0, 1, 2, 3, 4]
    assert {event.actor for event in events} == {"tester"}


def test_an_entry_is_returned_as_it_will_be_read(ledger: Ledger) -> None:
    with ledger.write() as tx:
        added = tx.events.append("a.b", "run:1", f=0.1, n=None, deep={"z": [1, (2, 3)], "a": "é"})
    with ledger.read() as tx:
        assert tx.events.read() == [added]
    assert added.payload == {"f": 0.1, "n": None, "deep": {"z": [1, [2, 3]], "a": "é"}}
    assert leaf_of(added) == added.leaf
    assert leaf_of(replace(added, actor="mallory")) != added.leaf


def test_reading_pages_filters_and_turns_round(ledger: Ledger) -> None:
    fill(ledger, 7)
    with ledger.write() as tx:
        tx.events.append("other.thing", "run:0")
        assert [e.seq for e in tx.events.read(after=2, limit=2)] == [3, 4]
        assert [e.seq for e in tx.events.read(types=["other.thing"])] == [7]
        assert [e.seq for e in tx.events.read(subject="run:0")] == [0, 3, 6, 7]
        assert [e.seq for e in tx.events.read(newest_first=True, limit=2)] == [7, 6]
        assert [e.seq for e in tx.events.read(newest_first=True, after=2)] == [1, 0]
        assert tx.events.read(types=[]) == []


def test_every_entry_is_proved_in_every_tree_that_holds_it(ledger: Ledger) -> None:
    fill(ledger, 13)
    with ledger.read() as tx:
        events, roots = tx.events.read(), [tx.events.root(size) for size in range(14)]
        for size in range(1, 14):
            for seq in range(size):
                proof = {"seq": seq, "size": size, "path": tx.events.inclusion(seq, size)}
                leaf = events[seq].leaf
                assert verify_inclusion(leaf=leaf, root=roots[size], **proof)
                assert not verify_inclusion(leaf=leaf, root=roots[size - 1], **proof)
            for old in range(size + 1):
                assert verify_consistency(
                    old_size=old,
                    old_root=roots[old],
                    new_size=size,
                    new_root=roots[size],
                    proof=tx.events.consistency(old, size),
                )


def test_sizes_that_the_log_never_had_are_refused(ledger: Ledger) -> None:
    fill(ledger, 2)
    with ledger.read() as tx:
        for ask in (
            lambda: tx.events.root(3),
            lambda: tx.events.inclusion(2),
            lambda: tx.events.inclusion(-1),
            lambda: tx.events.consistency(3),
        ):
            with pytest.raises(UsageError):
                ask()


def test_a_checkpoint_is_signed_and_stored_once(ledger: Ledger, keyring: Keyring) -> None:
    fill(ledger, 5)
    with ledger.write() as tx:
        made = tx.events.checkpoint()
        assert tx.events.checkpoint() == made
        assert made.root == tx.events.root()
    assert verify_checkpoint(made, keyring.public_key_pem)
    for forged in (
        replace(made, size=4),
        replace(made, root="00" * 32),
        replace(made, signature="00" * 64),
        replace(made, signature="no"),
    ):
        assert not verify_checkpoint(forged, keyring.public_key_pem)
    fill(ledger, 1)
    with ledger.write() as tx:
        newer = tx.events.checkpoint()
    with ledger.read() as tx:
        assert tx.events.checkpoints() == [newer, made]
        assert tx.events.checkpoints(1) == [newer]


def test_the_root_sees_entries_of_the_open_transaction(ledger: Ledger) -> None:
    with ledger.write() as tx:
        empty = tx.events.root()
        event = tx.events.append("a.b", "run:1")
        assert tx.events.root() == event.leaf != empty
        assert tx.events.read() == [event]
