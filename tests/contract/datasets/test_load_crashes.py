"""A load that dies at any point of its life: nothing half-written, nothing that nobody knows of.

The process "dies" by an exception that nothing catches, at the n-th time that it touches the world, and
from then on every further touch raises it again: what a dying process would clean up, a dead one can't.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema, staging
from towpath.core.errors import Conflict
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import FileKeyring

RIDES = Ref("dataset", "rides")


class Ride(Schema):
    ride_id: str
    rider: str
    miles: int


rides = Dataset("rides", schema=Ride, key="ride_id", subject="rider", buckets=2)


class Died(BaseException):
    """The process is gone."""


class Fuse:
    """Burns down with every touch; `moment` 0 never goes off."""

    def __init__(self, moment: int) -> None:
        self._left = moment
        self.dead = False

    def burn(self) -> None:
        self._left -= 1
        self.dead = self.dead or self._left == 0
        if self.dead:
            raise Died


class FusedBlobs:
    """Blobs that a process may die before writing or deleting."""

    def __init__(self, blobs: BlobStore, fuse: Fuse) -> None:
        self._blobs = blobs
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def put(self, data: bytes) -> str:
        self._fuse.burn()
        return self._blobs.put(data)

    def delete(self, digest: str) -> bool:
        self._fuse.burn()
        return self._blobs.delete(digest)


class FusedLedger:
    """A ledger that a process may die before writing to, and before committing."""

    def __init__(self, ledger: Ledger, fuse: Fuse) -> None:
        self._ledger = ledger
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    @contextmanager
    def write(self, **options: Any) -> Iterator[Any]:
        self._fuse.burn()
        with self._ledger.write(**options) as tx:
            yield tx
            self._fuse.burn()


class World:
    """An embedded home, and stores on it that die."""

    def __init__(self, ledger: Ledger, blobs: BlobStore, keyring: FileKeyring) -> None:
        self.ledger, self.blobs, self.keyring = ledger, blobs, keyring
        self.store = ParquetDatasetStore(ledger, blobs, keyring)

    def dying(self, moment: int) -> ParquetDatasetStore:
        fuse = Fuse(moment)
        return ParquetDatasetStore(
            FusedLedger(self.ledger, fuse), FusedBlobs(self.blobs, fuse), self.keyring
        )

    def content(self) -> pl.DataFrame:
        return self.store.scan(RIDES).collect().sort("ride_id")

    def blobs_left(self) -> set[str]:
        """Return the blobs that no version uses."""
        used: set[str] = set()
        for version in self.store.versions("rides"):
            used |= {version.body["manifest"], version.body["profile"]}
            used |= {file.digest for file in self.store.files(version.ref)}
        return set(self.blobs.walk()) - used

    def known_blobs(self) -> set[str]:
        """Return the blobs that the ledger could tell an erasure of, beside those of versions."""
        found: set[str] = set()
        with self.ledger.read() as tx:
            for kind in (staging.COMMIT, staging.DELETION):
                for row in tx.intents.list(kind):
                    found.update(row.spec["blobs"])
            for row in tx.intents.list("dataset_load"):
                found.update(row.status.get("announced", ()))
                found.update(file["digest"] for file in row.status.get("files", ()))
        return found


@pytest.fixture
def world(
    sqlite_ledger: Ledger,
    disk_blobs: BlobStore,
    keyring: FileKeyring,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    monkeypatch.setattr(
        staging, "_LEASE_S", 0.2
    )  # a dead process's lease must not hold up the test
    return World(sqlite_ledger, disk_blobs, keyring)


def rows(first: int, count: int, miles: int = 0) -> pl.DataFrame:
    numbers = range(first, first + count)
    return pl.DataFrame(
        {
            "ride_id": [f"r{n:04}" for n in numbers],
            "rider": [f"rider-{n % 5}" for n in numbers],
            "miles": [n + miles for n in numbers],
        }
    )


def write(load: Any) -> None:
    """Load two pieces, of which the second repeats rows of the first, wherever a load stands."""
    pieces = [rows(10, 25), rows(20, 30)]
    begun = 0 if load.position is None else load.position["pieces"]
    for place in range(begun, len(pieces)):
        load.write(pieces[place], position={"pieces": place + 1})


def write_and_commit(store: ParquetDatasetStore, mode: str, done: list[Any]) -> None:
    with store.load(rides, project="p", name="one", mode=mode) as load:
        write(load)
        load.commit(also=lambda tx, version: tx.events.append("load.done", str(version.ref)))
    done.append(True)


def moments(act: Callable[[int], bool]) -> int:
    """Die at every moment of an act in turn, until it gets through; return how many there are."""
    for moment in range(1, 200):
        if act(moment):
            return moment - 1
    raise AssertionError("it never got through")


@pytest.mark.parametrize("mode", ["append", "overwrite", "merge"])
def test_a_load_that_dies_is_carried_on_to_the_same_version(world: World, mode: str):
    world.store.commit(rides, rows(0, 10), project="p")
    number = 1

    def act(moment: int) -> bool:
        nonlocal number
        done: list[Any] = []
        if mode != "append":  # how pieces are written has nothing to do with what becomes of them
            write(world.store.load(rides, project="p", name="one", mode=mode))
        try:
            write_and_commit(world.dying(moment), mode, done)
        except Died:
            assert world.blobs_left() <= world.known_blobs()
        latest = world.store.versions("rides")[-1].ref.version
        if not done and latest == number:  # it died before the version: the next one carries it on
            write_and_commit(world.store, mode, [])
            latest = world.store.versions("rides")[-1].ref.version
        assert latest == number + 1
        first = 10 if mode == "overwrite" else 0
        assert world.content().equals(rows(first, 50 - first))
        # Put everything back, so that the next death finds the same world.
        world.store.commit(rides, rows(0, 10), project="p", mode="overwrite")
        number = latest + 1
        return bool(done)

    assert moments(act) > 7
    with world.ledger.read() as tx:
        noted = [event.subject for event in tx.events.read(types=["load.done"])]
        assert len(noted) == len(set(noted)), "what goes with a version happens once for each"
        assert tx.intents.list("dataset_load") == []
    staging.DeletionReconciler(world.ledger, world.blobs).finish("rides")
    assert world.blobs_left() <= world.known_blobs()


def test_a_discard_that_dies_is_finished_by_the_next_writer(world: World):
    def act(moment: int) -> bool:
        with world.store.load(rides, project="p", name="one") as load:
            load.write(rows(0, 20), position={"at": 20})
        try:
            world.dying(moment).load(rides, project="p", name="one").discard()
        except Died:
            assert world.blobs_left() <= world.known_blobs()
            world.store.load(rides, project="p", name="one").discard()
            assert world.blobs_left() == set()
            return False
        assert world.blobs_left() == set()
        return True

    assert moments(act) > 3


def test_an_erasure_that_dies_over_an_open_load_is_finished_by_the_next(world: World):
    world.store.commit(rides, rows(0, 10), project="p")

    def act(moment: int) -> bool:
        load = world.store.load(rides, project="p", name="one")
        load.write(rows(10, 20), position={"at": 20})
        through = True
        try:
            world.dying(moment).erase("rider-1", "rides")
        except Died:
            through = False
            world.store.erase("rider-1", "rides")
        assert world.blobs_left() == set()
        with pytest.raises(Conflict):
            load.commit()
        assert world.blobs_left() == set()
        world.store.commit(rides, rows(0, 10), project="p", mode="overwrite")
        return through

    assert moments(act) > 3
