"""A process that dies at any point of a build or a purge: nothing half-made, nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from towpath.assets.features import LayoutFeatureStore
from towpath.assets.features.staging import BUILD, DELETION
from towpath.core.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Died(BaseException):
    """The process is gone: nothing catches it and nothing works any more."""


class Fuse:
    """Burns down by one each time the world is touched; then every touch is one too many."""

    def __init__(self, length: int) -> None:
        self.left = length

    def burn(self) -> None:
        self.left -= 1
        if self.left <= 0:
            raise Died


class Blobs:
    """A blob store that dies just before it writes or deletes."""

    def __init__(self, blobs: Any, fuse: Fuse) -> None:
        self._blobs, self._fuse = blobs, fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def area(self, name: str) -> Blobs:
        return Blobs(self._blobs.area(name), self._fuse)

    def put(self, data: bytes) -> str:
        self._fuse.burn()
        return self._blobs.put(data)

    def delete(self, digest: str) -> bool:
        self._fuse.burn()
        return self._blobs.delete(digest)


class Ledger:
    """A ledger that dies just before a transaction begins, or just before it is committed."""

    def __init__(self, ledger: Any, fuse: Fuse) -> None:
        self._ledger, self._fuse = ledger, fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    @contextmanager
    def write(self, **options: Any) -> Iterator[Any]:
        self._fuse.burn()
        with self._ledger.write(**options) as tx:
            yield tx
            self._fuse.burn()


def each_death(home: Any, act: Callable[[LayoutFeatureStore], object]) -> Iterator[bool]:
    """Let `act` die at its first touch of the world, its second, …; last of all let it live."""
    for length in range(1, 200):
        fuse = Fuse(length)
        store = LayoutFeatureStore(Ledger(home.ledger, fuse), Blobs(home.blobs, fuse))
        try:
            act(store)
        except Died:
            yield False
        else:
            yield True
            return
    pytest.fail("it never came to an end")


def announced(home: Any) -> set[str]:
    """Return every file that the ledger has a record of."""
    with home.ledger.read() as tx:
        rows = [*tx.intents.list(BUILD), *tx.intents.list(DELETION)]
        layouts = [row.spec["layout"] for row in tx.intents.list("features_layout")]
    files = {digest for row in rows for digest in row.spec["blobs"]}
    for layout in layouts:
        for segment in layout["segments"]:
            files |= {segment["directory"], segment["observations"]}
    return files


def test_a_build_that_dies_leaves_nothing_that_is_not_on_record(home: Any) -> None:
    source = home.dataset()
    view = home.view(source, created="noted")
    home.commit(source, home.readings((1, "ann", 0, None), (2, "bob", 1, 3)))
    rows = home.askers(("ann", 3), ("bob", 3))
    deaths = 0
    for lived in each_death(home, lambda store: store.build(view, project="races")):
        deaths += not lived
        assert home.layout_files().keys() <= announced(home)
        joined = home.features.join(rows, view, time="when")
        assert joined["pulse"].to_list() == [1.0, 2.0]
        if lived:
            break
    assert deaths > 5
    assert [one.ref.version for one in home.features.versions(view.name)] == [1]

    # An hour later, what the dead ones wrote is known to be nobody's.
    later = ManualClock(datetime.now(UTC) + timedelta(hours=2))
    LayoutFeatureStore(home.ledger, home.blobs, wall=later).build(view, project="races")
    pin = home.features.pin(view, source=source.ref)
    assert home.layout_files().keys() == pin.layout.blobs
    with home.ledger.read() as tx:
        assert tx.intents.list(BUILD) == []
        runs = tx.runs.list(kind="features", name=view.name)
    assert sorted({run.status for run in runs}) == ["finished", "killed"]


def test_a_purge_that_dies_is_finished_by_the_next(home: Any) -> None:
    source = home.dataset()
    view = home.view(source)
    home.commit(source, home.readings((1, "ann", 0, None), (2, "bob", 0, None)))
    home.features.build(view, project="races")
    home.commit(source, home.readings((3, "ann", 1, None)))
    # A build that was killed has files of its own lying about.
    for lived in each_death(home, lambda store: store.build(view, project="races")):
        if lived or len(home.layout_files()) > 2:
            break
    erased = [one.ref for one in home.datasets.erase("ann", source.name).versions]

    for lived in each_death(home, lambda store: store.purge(erased)):
        rows = home.askers(("ann", 3), ("bob", 3))
        assert home.features.join(rows, view, time="when")["pulse"].to_list() == [None, 2.0]
        if lived:
            break

    assert not any(b"ann" in data for data in home.layout_files().values())


CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from conftest import Home
from towpath.assets.datasets import ParquetDatasetStore
from towpath.assets.features import LayoutFeatureStore
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

keyring = FileKeyring(Path({folder_of_home!r}) / "keys")
blobs = open_blobs({blobs!r})
ledger = open_ledger(open_database({database!r}), keyring)
put = type(blobs).put
def dying(self, data):
    put(self, data)
    os.kill(os.getpid(), signal.SIGKILL)
type(blobs).put = dying
home = Home(features=LayoutFeatureStore(ledger, blobs), datasets=ParquetDatasetStore(ledger, blobs, keyring),
            ledger=ledger, blobs=blobs, keyring=keyring)
home.features.build(home.view(home.dataset("pulses")), project="races")
"""


def test_a_killed_process_holds_nobody_up(embedded_home: Any, tmp_path: Path) -> None:
    home = embedded_home
    source = home.dataset("pulses")
    view = home.view(source)
    home.commit(source, home.readings((1, "ann", 0, None)))
    child = CHILD.format(
        folder=str(Path(__file__).parent),
        folder_of_home=str(tmp_path),
        blobs=f"file://{tmp_path}/blobs",
        database=f"sqlite:///{tmp_path}/towpath.db",
    )

    ended = subprocess.run([sys.executable, "-c", child], check=False, capture_output=True)

    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert len(home.layout_files()) == 1
    home.features.build(view, project="races")
    assert home.features.join(home.askers(("ann", 1)), view, time="when")["pulse"].item() == 1.0
    home.features.purge([one.ref for one in home.datasets.erase("ann", source.name).versions])
    assert home.layout_files() == {}
