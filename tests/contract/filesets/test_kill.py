"""Death at any write: nothing half-added, nothing half-erased, nothing left behind.

Every write point is tried by fault injection: from that point on nothing can be written any more, as
in a process that is dead. At a few of them a real process is killed.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from towpath.assets.datasets import staging
from towpath.assets.filesets import deleting
from towpath.core.digests import digest_bytes
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.blobs.disk import DiskBlobStore
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BEFORE = {"p1/front.png": b"one", "p2/front.png": b"two"}
AFTER = BEFORE | {"p1/front.png": b"ONE", "p1/side.png": b"new", "p3/front.png": b"three"}
# Each is one blob given its name, one deleted, or a transaction begun or committed.
WRITES = (("_publish", DiskBlobStore), ("delete", DiskBlobStore))


class Dead(BaseException):
    """The process is gone."""


class Fuse:
    """Lets so many writes through, then none."""

    def __init__(self, writes: int) -> None:
        self.left = writes

    def burn(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Dead


@contextmanager
def dying(home: Any, writes: int) -> Iterator[Fuse]:
    """Let the home's writes fail from some point on."""
    fuse = Fuse(writes)
    with pytest.MonkeyPatch.context() as patch:
        for name, owner in WRITES:
            patch.setattr(owner, name, burning(fuse, getattr(owner, name)))
        begin = home.ledger.write

        @contextmanager
        def write(**options: Any) -> Iterator[Any]:
            fuse.burn()
            with begin(**options) as tx:
                yield tx
                fuse.burn()

        patch.setattr(home.ledger, "write", write)
        with suppress(Dead):
            yield fuse


def burning(fuse: Fuse, function: Callable[..., Any]) -> Callable[..., Any]:
    def burn(*given: Any, **options: Any) -> Any:
        fuse.burn()
        return function(*given, **options)

    return burn


def all_readable(home: Any) -> None:
    for version in home.datasets.versions("scans"):
        for path, data in home.held(version=version.ref.version).items():
            assert data in {BEFORE.get(path), AFTER.get(path)}


@contextmanager
def opened(kind: type, folder: Path) -> Iterator[Any]:
    """Open the home that lies in a folder, as another process would."""
    keyring = FileKeyring(folder / "keys")
    database = open_database(f"sqlite:///{folder}/towpath.db")
    yield kind(
        folder=folder / "raw",
        caches=folder / "stat",
        ledger=open_ledger(database, keyring),
        blobs=open_blobs(f"file://{folder}/blobs"),
        keyring=keyring,
    )
    database.close()


def test_an_add_that_dies_at_any_write_is_whole_or_nothing(embedded: Any, tmp_path: Path) -> None:
    embedded.write(BEFORE)
    embedded.add()
    embedded.write(AFTER)
    for writes in range(100):
        folder = tmp_path.with_name(f"{tmp_path.name}-{writes}")
        shutil.copytree(tmp_path, folder)
        with opened(type(embedded), folder) as home, dying(home, writes) as fuse:
            home.add()
        with opened(type(embedded), folder) as home:
            versions = [one.ref.version for one in home.datasets.versions("scans")]
            assert versions in ([1], [1, 2])
            assert home.held() == (BEFORE if versions == [1] else AFTER)
            home.pass_time()
            assert home.add().version.ref.version == 2
            assert home.held() == AFTER
            home.store.collect()
            assert set(home.area.walk()) == home.used()
        assert list((folder / "blobs" / "files" / "unfinished").iterdir()) == []
        if fuse.left >= 0:
            break
    assert writes > 10, "fewer than an announcement, three files and a commit of rows must make"


def test_an_erasure_that_dies_at_any_write_is_finished_by_the_next_call(
    embedded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "_LEASE_S", 0.1)  # nobody waits for the dead
    monkeypatch.setattr(staging, "_LEASE_S", 0.1)
    embedded.write(AFTER)
    embedded.add()
    generation = embedded.suppress("p1")

    def erase() -> None:
        embedded.datasets.erase("p1", "scans")
        embedded.store.purge(generation)

    died = 0
    gone = {digest_bytes(b"ONE"), digest_bytes(b"new")}
    while True:
        with dying(embedded, died) as fuse:
            erase()
        all_readable(embedded)
        if fuse.left >= 0:
            break
        died += 1
        embedded.pass_time()
    assert died >= 3, "fewer writes than an erasure of two files must make"
    assert not gone & set(embedded.area.walk())
    assert set(embedded.area.walk()) == embedded.used()


@pytest.mark.parametrize("at", range(4))
def test_a_collection_that_dies_is_finished_by_the_next(embedded: Any, at: int) -> None:
    embedded.write(BEFORE)
    embedded.add()
    orphans = {embedded.area.put(f"orphan {number}".encode()) for number in range(3)}
    with dying(embedded, at):
        embedded.store.collect()
    assert embedded.held() == BEFORE
    embedded.pass_time()
    embedded.store.collect()
    assert not orphans & set(embedded.area.walk())
    with embedded.ledger.read() as tx:
        assert tx.intents.list("file_deletion") == []


CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {here!r})
import test_kill
from conftest import FileHome

def burn(fuse):
    fuse.left -= 1
    if fuse.left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

test_kill.Fuse.burn = burn
with test_kill.opened(FileHome, Path({folder!r})) as home, test_kill.dying(home, {writes}):
    {action}
"""


def run_killed(folder: Path, action: str, writes: int) -> None:
    """Run something in a process that kills itself, as -9 does, before one of its writes."""
    script = CHILD.format(
        here=str(Path(__file__).parent), folder=str(folder), writes=writes, action=action
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("writes", [3, 5])
def test_a_killed_process_is_finished_by_another(
    embedded: Any, tmp_path: Path, writes: int
) -> None:
    embedded.write(BEFORE)
    embedded.add()
    embedded.write(AFTER)
    run_killed(tmp_path, "home.add()", writes)
    assert embedded.held() == BEFORE
    # What it had stored is taken for wanted as long as it may live, and as nobody's afterwards.
    assert embedded.store.collect(dry_run=True).blobs == 0
    embedded.pass_time()
    generation = embedded.suppress("p1")
    run_killed(tmp_path, "home.datasets.erase('p1', 'scans'); home.store.purge(1)", writes)
    embedded.datasets.erase("p1", "scans")
    embedded.pass_time()
    embedded.store.purge(generation)
    assert embedded.held() == {"p2/front.png": b"two"}
    assert set(embedded.area.walk()) == {digest_bytes(b"two")}
