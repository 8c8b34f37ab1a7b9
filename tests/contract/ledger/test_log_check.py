"""A log that was tampered with is found out, by name and place, on every database."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from towpath.core.errors import IntegrityError
from towpath.ledger import (
    Statement,
    key_history,
    leaf_of,
    merkle,
    rotate_key,
    verify_checkpoint,
    verify_log,
)
from towpath.ledger.checkpoints import sign_checkpoint
from towpath.storage.database import tables
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.ledger import Checkpoint, Ledger

ENTRIES = 40


class Intruder:
    """Somebody with the database and without the keys."""

    def __init__(self, engine: sa.Engine, ledger: Ledger) -> None:
        self.engine = engine
        self.ledger = ledger

    def do(self, *statements: Any) -> None:
        with self.engine.begin() as connection:
            for one in statements:
                connection.execute(one)

    def rebuild(self) -> None:
        """Make leaves, tree and head fit the rows again."""
        with self.ledger.read() as tx:
            events = tx.events.read(limit=None)
        peaks: list[bytes] = []
        nodes: list[dict[str, Any]] = []
        leaves: list[dict[str, Any]] = []
        for seq, event in enumerate(events):
            leaf = bytes.fromhex(leaf_of(event))
            peaks, completed = merkle.append_leaf(seq, peaks, leaf)
            leaves.append({"which": event.seq, "to": leaf})
            nodes += [{"level": lv, "position": pos, "hash": node} for (lv, pos), node in completed]
        with self.engine.begin() as connection:
            update = sa.update(tables.events).where(tables.events.c.seq == sa.bindparam("which"))
            connection.execute(update.values(leaf=sa.bindparam("to")), leaves)
            connection.execute(sa.delete(tables.log_nodes))
            connection.execute(sa.insert(tables.log_nodes), nodes)
            head = {"size": len(events), "peaks": b"".join(peaks)}
            connection.execute(sa.update(tables.log_head).values(**head))


@pytest.fixture
def intruder(database_url: str, ledger: Ledger) -> Iterator[Intruder]:
    engine = sa.create_engine(database_url)
    yield Intruder(engine, ledger)
    engine.dispose()


def fill(ledger: Ledger, count: int) -> None:
    with ledger.write(actor="tester") as tx:
        for number in range(count):
            tx.events.append("thing.happened", f"run:{number % 3}", number=number)


@pytest.fixture
def signed(ledger: Ledger) -> list[Checkpoint]:
    """Fill the log, and sign it at 11 and at 41 entries: the key's introduction is one."""
    made: list[Checkpoint] = []
    for count in (10, 30):
        fill(ledger, count)
        with ledger.write() as tx:
            made.append(tx.events.checkpoint())
    fill(ledger, ENTRIES - 40 + 5)
    return made


def troubles(ledger: Ledger, **given: Any) -> list[tuple[str, int, int | None]]:
    return [(one.trouble, one.position, one.until) for one in verify_log(ledger, **given).findings]


def test_an_honest_log_holds(
    ledger: Ledger, signed: list[Checkpoint], keyring: FileKeyring
) -> None:
    told: list[tuple[int, int]] = []
    check = verify_log(
        ledger,
        anchored=[Statement(checkpoint=signed[0], said_by="file")],
        trusted_pem=keyring.public_key_pem,
        progress=lambda done, of: told.append((done, of)),
    )
    with ledger.read() as tx:
        assert (check.size, check.root) == (tx.events.size(), tx.events.root())
    assert check.ok
    assert (check.statements, check.keys, check.pinned) == (3, (keyring.key_id,), True)
    assert told[-1] == (check.size, check.size)


def test_an_edited_row_is_named(
    ledger: Ledger, signed: list[Checkpoint], intruder: Intruder
) -> None:
    for column, value in (("actor", "mallory"), ("payload", {"number": 999}), ("type", "x.y")):
        where = tables.events.c.seq == 17
        with intruder.engine.begin() as connection:
            before = connection.execute(sa.select(tables.events.c[column]).where(where)).scalar()
        intruder.do(sa.update(tables.events).where(where).values({column: value}))
        assert troubles(ledger) == [("edited", 17, None)]
        intruder.do(sa.update(tables.events).where(where).values({column: before}))
    assert troubles(ledger) == []


def test_an_edit_that_was_made_to_fit_is_found_by_what_was_signed(
    ledger: Ledger, signed: list[Checkpoint], intruder: Intruder
) -> None:
    intruder.do(sa.update(tables.events).where(tables.events.c.seq == 17).values(actor="mallory"))
    intruder.rebuild()
    assert troubles(ledger) == [("rewritten", 11, 41)]
    intruder.do(sa.delete(tables.checkpoints))
    assert troubles(ledger) == []  # nobody says otherwise any more, but whoever anchored it
    anchor = Statement(checkpoint=signed[1], said_by="file:/worm/anchors.jsonl")
    [found] = verify_log(ledger, anchored=[anchor]).findings
    assert (found.trouble, found.until, found.said_by) == ("rewritten", 41, anchor.said_by)


def test_a_deleted_tail_is_found_against_an_anchor(
    ledger: Ledger, signed: list[Checkpoint], intruder: Intruder
) -> None:
    intruder.do(
        sa.delete(tables.events).where(tables.events.c.seq >= 30),
        sa.delete(tables.checkpoints).where(tables.checkpoints.c.size > 30),
    )
    intruder.rebuild()
    assert troubles(ledger) == []
    anchor = Statement(checkpoint=signed[1], said_by="git")
    assert troubles(ledger, anchored=[anchor]) == [("tail", 30, 41)]


def test_a_tail_that_was_cut_off_carelessly_is_found_by_the_log_itself(
    ledger: Ledger, signed: list[Checkpoint], intruder: Intruder
) -> None:
    size = verify_log(ledger).size
    intruder.do(sa.delete(tables.events).where(tables.events.c.seq >= size - 2))
    assert troubles(ledger) == [("removed", size - 2, None), ("removed", size - 1, None)]


def test_reordered_entries_are_told_from_edited_ones(
    ledger: Ledger, signed: list[Checkpoint], intruder: Intruder
) -> None:
    seq = tables.events.c.seq
    intruder.do(  # the rows change places, with all that is in them
        sa.update(tables.events).where(seq == 5).values(seq=1000),
        sa.update(tables.events).where(seq == 9).values(seq=5),
        sa.update(tables.events).where(seq == 1000).values(seq=9),
    )
    check = verify_log(ledger)
    assert [(one.trouble, one.position) for one in check.findings] == [
        ("reordered", 5),
        ("reordered", 9),
    ]
    assert "was entry 9" in check.findings[0].detail


@pytest.mark.parametrize("place", ["next", "further", "before"])
def test_rows_outside_the_log_are_found(
    ledger: Ledger, signed: list[Checkpoint], intruder: Intruder, place: str
) -> None:
    size = verify_log(ledger).size
    seq = {"next": size, "further": size + 7, "before": -4}[place]
    with intruder.engine.begin() as connection:
        row = dict(
            connection.execute(sa.select(tables.events).where(tables.events.c.seq == 3))
            .mappings()
            .one()
        )
        connection.execute(sa.insert(tables.events).values({**row, "seq": seq}))
    assert troubles(ledger) == [("inserted", seq, None)]
    assert troubles(ledger, since=signed[1]) == [("inserted", seq, None)]


def test_a_broken_tree_is_found_though_all_rows_are_right(
    ledger: Ledger, signed: list[Checkpoint], intruder: Intruder
) -> None:
    nodes = tables.log_nodes
    intruder.do(
        sa.update(nodes).where(nodes.c.level == 2, nodes.c.position == 3).values(hash=bytes(32))
    )
    assert troubles(ledger) == [("tree", 12, 16)]


def test_what_was_verified_before_is_not_read_again(
    ledger: Ledger, signed: list[Checkpoint], intruder: Intruder
) -> None:
    check = verify_log(ledger, since=signed[1])
    assert check.ok
    assert check.since == 41
    assert len(check.keys) == 1
    intruder.do(sa.update(tables.events).where(tables.events.c.seq == 42).values(actor="mallory"))
    assert troubles(ledger, since=signed[1]) == [("edited", 42, None)]
    intruder.do(sa.update(tables.events).where(tables.events.c.seq == 7).values(actor="mallory"))
    intruder.rebuild()
    found = troubles(ledger, since=signed[1])
    assert ("rewritten", 0, 41) in found  # the tree does not hold what was verified


def test_a_key_is_rotated_by_the_one_before(
    ledger: Ledger, signed: list[Checkpoint], keyring: FileKeyring
) -> None:
    first, first_pem = keyring.key_id, keyring.public_key_pem
    message = b"a model that was signed earlier"
    signature = keyring.sign(message)
    made = rotate_key(ledger, keyring, actor="tester")
    fill(ledger, 3)
    with ledger.write() as tx:
        newest = tx.events.checkpoint()
    assert (newest.key_id, keyring.key_id, keyring.origin) == (made.key_id, made.key_id, first)
    assert verify_checkpoint(newest, keyring.public_key_pem)
    assert not verify_checkpoint(newest, first_pem)
    from towpath.storage.keys import verify_signature

    assert verify_signature(keyring.public_keys_pem, message, signature)
    check = verify_log(
        ledger, trusted_pem=first_pem
    )  # whoever kept the first key trusts the second
    assert check.ok
    assert check.keys == (first, made.key_id)


def test_a_rotation_that_was_cut_short_is_finished_by_whoever_signs_next(
    ledger: Ledger, signed: list[Checkpoint], keyring: FileKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(key_id: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(keyring, "succeed", killed)
    with pytest.raises(KeyboardInterrupt):
        rotate_key(ledger, keyring, actor="tester")
    monkeypatch.undo()
    former = keyring.key_id
    with ledger.write() as tx:
        made = tx.events.checkpoint()
    assert made.key_id == keyring.key_id != former
    assert verify_log(ledger).ok


def test_a_swapped_key_is_found(
    ledger: Ledger,
    signed: list[Checkpoint],
    intruder: Intruder,
    keyring: FileKeyring,
    tmp_path: Path,
) -> None:
    forger = FileKeyring(tmp_path / "forger")
    with ledger.read() as tx:
        size, root = tx.events.size(), tx.events.root()
    forged = sign_checkpoint(forger.signer(), size=size, root=root, at=signed[0].at)
    columns = {
        name: getattr(forged, name) for name in ("size", "root", "at", "key_id", "signature")
    }
    intruder.do(sa.insert(tables.checkpoints).values(**columns))
    [found] = verify_log(ledger).findings
    assert (found.trouble, found.position) == ("key", size)
    assert forger.key_id in found.detail
    assert keyring.key_id in found.detail
    # A signature under the right name does not help either.
    renamed = replace(forged, key_id=keyring.key_id)
    intruder.do(
        sa.update(tables.checkpoints)
        .where(tables.checkpoints.c.size == size)
        .values(key_id=renamed.key_id)
    )
    assert troubles(ledger) == [("checkpoint", size, None)]
    # And whoever kept the true key elsewhere notices a history that begins with another.
    intruder.do(sa.delete(tables.checkpoints).where(tables.checkpoints.c.size == size))
    assert troubles(ledger, trusted_pem=forger.public_key_pem) == [("key", 0, None)]


def test_a_log_that_names_no_key_is_not_vouched_for(ledger: Ledger, keyring: FileKeyring) -> None:
    assert verify_log(ledger, trusted_pem=keyring.public_key_pem).ok  # there is nothing yet
    fill(ledger, 3)
    assert troubles(ledger) == []
    assert troubles(ledger, trusted_pem=keyring.public_key_pem) == [("key", 0, None)]


def test_a_key_that_the_log_does_not_name_signs_nothing(
    ledger: Ledger, signed: list[Checkpoint], keyring: FileKeyring, tmp_path: Path
) -> None:
    other = FileKeyring(tmp_path / "other")
    (tmp_path / "keys" / "signing.pem").write_bytes((tmp_path / "other/signing.pem").read_bytes())
    assert keyring.key_id == other.key_id
    with (
        pytest.raises(IntegrityError, match="not the one that signs this log"),
        ledger.write() as tx,
    ):
        tx.events.checkpoint()


def test_an_announcement_without_handover_is_found(
    ledger: Ledger, signed: list[Checkpoint], tmp_path: Path, keyring: FileKeyring
) -> None:
    forger = FileKeyring(tmp_path / "forger")
    with ledger.write(actor="mallory") as tx:
        tx.events.append(
            "key.rotated",
            f"key:{forger.key_id}",
            former=keyring.key_id,
            public_key=forger.public_key_pem.decode(),
            handover="00" * 64,
            possession="00" * 64,
        )
        seq = tx.events.size() - 1
    assert troubles(ledger) == [("key", seq, None)]
    with ledger.read() as tx, pytest.raises(IntegrityError):
        key_history(tx.events)


def test_pieces_meet(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, intruder: Intruder) -> None:
    monkeypatch.setattr("towpath.ledger.verifying._PIECE", 8)
    monkeypatch.setattr("towpath.ledger.verifying._LEVEL", 3)
    for count in (5, 3, 8, 9):
        fill(ledger, count)
        with ledger.write() as tx:
            tx.events.checkpoint()
    assert verify_log(ledger).ok
    intruder.do(sa.update(tables.events).where(tables.events.c.seq == 9).values(actor="mallory"))
    assert troubles(ledger) == [("edited", 9, None)]
    intruder.rebuild()
    assert troubles(ledger) == [("rewritten", 9, 17)]
