"""Processes race and are killed; every ledger keeps facts, events and leases together."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from towpath.core.refs import Ref
from towpath.ledger import leaf_of, open_ledger, verify_consistency
from towpath.ledger.merkle import append_leaf, fold
from towpath.storage.database import open_database

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.storage.keys import Keyring

OPEN = """
import sys, pathlib
from towpath.core.errors import Conflict, FenceLost
from towpath.core.refs import Ref
from towpath.ledger import open_ledger
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
ledger = open_ledger(open_database(sys.argv[1]), FileKeyring(pathlib.Path(sys.argv[2])))
me = sys.argv[3]
"""
COMMIT_FOR_EVER = """
while True:
    with ledger.write(actor=me) as tx:
        run = tx.runs.start(kind="pipeline", name="train", project="p")
        version = tx.versions.commit("model", "late", digest="0" * 64, body={}, made_by=run.id)
        tx.events.append("extra.thing", str(version.ref))
    print(version.ref.version, flush=True)
"""
COMPARE_AND_SWAP = """
won = 0
while won < 15:
    with ledger.read() as tx:
        latest = tx.versions.latest("model", "late")
    expected = latest.ref.version if latest else 0
    try:
        with ledger.write(actor=me) as tx:
            tx.versions.commit("model", "late", digest=f"{expected:064}", body={}, expected=expected)
    except Conflict:
        continue
    won += 1
"""
WORK_OFF = """
while True:
    with ledger.write(actor=me) as tx:
        held = tx.intents.claim(["task"], owner=me, lease_s=0.03)
    if held is None:
        with ledger.read() as tx:
            if not tx.intents.list("task", phases=["new"]):
                break
        continue
    try:
        with ledger.write(actor=me) as tx:
            tx.events.append("task.done", f"task:{held.name}", fence=held.fence)
            tx.intents.advance(held, phase="done")
    except FenceLost:
        pass
"""


def spawn(program: str, url: str, keys: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OPEN + program, url, str(keys), name],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def late(ledger: Ledger) -> Ledger:
    with ledger.write() as tx:
        tx.versions.declare("model", "late", project="p")
    return ledger


def check_log(ledger: Ledger) -> int:
    """Recompute the whole tree from the entries' content, and return its size."""
    peaks: list[bytes] = []
    with ledger.read() as tx:
        for event in tx.events.read(limit=1_000_000):
            assert leaf_of(event) == event.leaf
            peaks, _ = append_leaf(event.seq, peaks, bytes.fromhex(event.leaf))
        assert tx.events.root() == fold(peaks).hex()
        size = tx.events.size()
        assert verify_consistency(
            old_size=size // 2,
            old_root=tx.events.root(size // 2),
            new_size=size,
            new_root=tx.events.root(),
            proof=tx.events.consistency(size // 2),
        )
        return size


@pytest.mark.parametrize("kill_after", [1, 4, 9])
def test_killed_while_writing_keeps_what_was_told_and_whole_transactions_only(
    late: Ledger, database_url: str, tmp_path: Path, kill_after: int
) -> None:
    told: list[int] = []
    with spawn(COMMIT_FOR_EVER, database_url, tmp_path / "keys", "victim") as victim:
        assert victim.stdout is not None
        for line in victim.stdout:
            told.append(int(line))
            if len(told) == kill_after:
                victim.send_signal(signal.SIGKILL)  # the next transaction is under way
    with late.write() as tx:  # the lock of the dead is free
        tx.events.append("after.crash", "model:late")
    check_log(late)
    with late.read() as tx:
        versions = tx.versions.list("model", "late")
        events = Counter(event.type for event in tx.events.read(limit=100_000))
        numbers = [version.ref.version for version in versions][::-1]
        assert numbers == list(range(1, len(versions) + 1))
        assert set(told) <= set(numbers)
        assert len(versions) == events["version.committed"] == events["run.started"]
        assert (
            len(versions) == events["extra.thing"] == events["edge.linked"] == len(tx.runs.list())
        )
        assert len(tx.graph.trace(Ref("model", "late", numbers[-1])).edges) == 1


def test_processes_that_commit_at_once_each_get_a_number_of_their_own(
    late: Ledger, database_url: str, tmp_path: Path
) -> None:
    racers = [spawn(COMPARE_AND_SWAP, database_url, tmp_path / "keys", f"r{n}") for n in range(2)]
    for racer in racers:
        racer.communicate()
        assert racer.returncode == 0
    size = check_log(late)
    with late.read() as tx:
        versions = tx.versions.list("model", "late")
        assert [version.ref.version for version in versions] == list(range(30, 0, -1))
        assert [version.digest for version in versions] == [f"{n:064}" for n in range(29, -1, -1)]
        assert [event.seq for event in tx.events.read()] == list(range(size))


def test_workers_whose_leases_are_too_short_still_do_each_row_once(
    ledger: Ledger, database_url: str, tmp_path: Path
) -> None:
    with ledger.write() as tx:
        for number in range(40):
            tx.intents.put("task", str(number), project="p", spec={})
    workers = [spawn(WORK_OFF, database_url, tmp_path / "keys", f"w{n}") for n in range(2)]
    for worker in workers:
        worker.communicate()
        assert worker.returncode == 0
    with ledger.read() as tx:
        done = Counter(event.subject for event in tx.events.read(types=["task.done"]))
    assert done == {f"task:{number}": 1 for number in range(40)}


def test_what_one_process_wrote_another_reads_at_once(
    ledger: Ledger, database_url: str, keyring: Keyring
) -> None:
    other_database = open_database(database_url)
    other = open_ledger(other_database, keyring)
    for number in range(5):
        with ledger.write() as tx:
            tx.intents.put("clock", "default", project="p", spec={"n": number}, due=False)
        with other.read() as tx:
            assert tx.intents.get("clock", "default").spec == {"n": number}
    other_database.close()
