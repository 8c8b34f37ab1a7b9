"""Operations on versions that die at any point: what was done is whole, and a second call carries on."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from dying_parts import Died, Mortality
from pyiceberg.catalog import load_catalog
from pyiceberg.io.pyarrow import PyArrowFileIO

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema, staging
from towpath.assets.datasets.history import LedgerDatasetHistory, Retention
from towpath.assets.datasets.publishing import IcebergPublisher
from towpath.core.digests import digest_bytes
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import FileKeyring

LATER = datetime(2100, 1, 1, tzinfo=UTC)
TRUNK = Ref("dataset", "rides")
KEEP_ONE = Retention(keep_last=1)
COLLECT = """
import sys; sys.path.insert(0, sys.argv[1])
from datetime import UTC, datetime
from pathlib import Path
from dying_parts import Mortality
from towpath.assets.datasets.history import LedgerDatasetHistory, Retention
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
home = Path(sys.argv[2])
life = Mortality(7, for_real=True)
ledger = open_ledger(open_database(f"sqlite:///{home}/towpath.db"), FileKeyring(home / "keys"))
blobs = open_blobs(f"file://{home}/blobs")
history = LedgerDatasetHistory(life.ledger(ledger), life.blobs(blobs))
history.collect("rides", Retention(), now=datetime(2100, 1, 1, tzinfo=UTC))
"""


class Ride(Schema):
    ride_id: int
    rider: str


rides = Dataset("rides", schema=Ride, key="ride_id", subject="rider", buckets=2)


class World:
    """The parts of a home, and what they hold."""

    def __init__(self, ledger: Ledger, blobs: BlobStore, keyring: FileKeyring, home: Path) -> None:
        self.ledger = ledger
        self.blobs = blobs
        self.keyring = keyring
        self.home = home
        self.store = ParquetDatasetStore(ledger, blobs, keyring)
        self.history = LedgerDatasetHistory(ledger, blobs)
        self.publisher = IcebergPublisher(ledger, blobs, home / "iceberg")

    def living(self, life: Mortality) -> World:
        """Return the same parts in a process that may die."""
        return World(life.ledger(self.ledger), life.blobs(self.blobs), self.keyring, self.home)

    def grow(self, times: int) -> None:
        for _ in range(times):
            with self.ledger.read() as tx:
                latest = tx.versions.latest("dataset", "rides")
            self.store.commit(rides, some_rows(latest.body["rows"] if latest else 0), project="p")

    def states(self) -> dict[str, str]:
        with self.ledger.read() as tx:
            names = [asset.name for asset in tx.versions.assets("dataset")]
            found = [version for name in names for version in tx.versions.list("dataset", name)]
        return {str(version.ref): version.state for version in found}

    def check(self) -> None:
        """Every version that says it is there reads, and has the rows it says."""
        for ref, state in self.states().items():
            if state == "ready":
                version = self.history.find(ref)
                assert self.store.scan(version.ref).collect().height == version.body["rows"]

    def needed(self) -> set[str]:
        needed: set[str] = set()
        for ref, state in self.states().items():
            if state == "ready":
                version = self.history.find(ref)
                needed |= {version.body["manifest"], version.body["profile"]}
                needed |= {file.digest for file in self.store.files(version.ref)}
        return needed


def some_rows(first: int, count: int = 4) -> pl.DataFrame:
    numbers = range(first, first + count)
    return pl.DataFrame(
        {"ride_id": list(numbers), "rider": [f"rider-{n % 3}" for n in numbers]},
        schema=Ride.polars_schema(),
    )


@pytest.fixture
def world(
    sqlite_ledger: Ledger,
    disk_blobs: BlobStore,
    keyring: FileKeyring,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    monkeypatch.setattr(staging, "_LEASE_S", 0.05)  # the dead one's lease must not hold us up
    return World(sqlite_ledger, disk_blobs, keyring, tmp_path)


def test_a_collection_may_die_at_any_touch(world: World):
    """Each round grows three more versions, dies collecting at the next later touch, and looks."""
    moment, survived = 0, False
    while not survived:
        moment += 1
        world.grow(3)
        life = Mortality(moment)
        try:
            world.living(life).history.collect("rides", KEEP_ONE, now=LATER)
            survived = True
        except Died:
            world.check()
            assert world.needed() <= set(world.blobs.walk())
            world.history.collect("rides", KEEP_ONE, now=LATER)
        world.check()
        assert list(world.states().values()).count("ready") == 1
        assert set(world.blobs.walk()) == world.needed(), f"died at touch {moment}"
    assert moment > 8, "it has touched the world more often than that"


@pytest.mark.parametrize("operation", ["branch", "adopt", "restore"])
def test_a_version_is_carried_whole_or_not_at_all(world: World, operation: str):
    world.grow(2)
    world.history.branch(TRUNK, "line")
    world.store.commit(rides, some_rows(100), project="p", branch="line")
    calls: dict[str, Any] = {
        "branch": lambda history: history.branch(TRUNK, "other"),
        "adopt": lambda history: history.adopt("rides", "line"),
        "restore": lambda history: history.restore(TRUNK.at(1)),
    }
    before = world.states()
    for moment in (1, 2):
        with pytest.raises(Died):
            calls[operation](world.living(Mortality(moment)).history)
        assert world.states() == before
        assert [one.name for one in world.history.branches("rides")] == ["line"]
    calls[operation](world.history)
    assert len(world.states()) == len(before) + 1


def test_a_publication_may_die_at_any_touch_of_the_ledger(world: World):
    world.grow(2)
    moment, survived = 0, False
    while not survived:
        moment += 1
        world.grow(1)
        try:
            world.living(Mortality(moment)).publisher.publish("rides")
            survived = True
        except Died:
            # What may be published already is not collected.
            world.history.collect("rides", KEEP_ONE, now=LATER)
            if world.publisher.publications():
                world.publisher.refresh("rides")
            else:
                world.publisher.publish("rides")
        (published,) = world.publisher.publications()
        catalog = load_catalog(
            "towpath", type="sql", uri=f"sqlite:///{world.home}/iceberg/catalog.db"
        )
        table = catalog.load_table(published.table)
        for ref, snapshot in published.snapshots.items():
            rows = world.history.find(str(ref)).body["rows"]
            assert table.scan(snapshot_id=snapshot).to_arrow().num_rows == rows
        catalog.close()
    assert moment > 3


@pytest.mark.parametrize("operation", ["refresh", "withdraw"])
def test_metadata_that_a_killed_call_had_replaced_is_deleted_by_the_next(
    world: World, operation: str, monkeypatch: pytest.MonkeyPatch
):
    """What is left of an erased row is its event time, as a bound, in metadata nobody reads."""
    world.grow(2)
    world.publisher.publish("rides")
    before = set((world.home / "iceberg").rglob("*.avro"))
    world.store.erase("rider-1", "rides")

    def die(*_: object) -> None:
        raise Died

    calls: dict[str, Any] = {
        "refresh": world.publisher.refresh,
        "withdraw": world.publisher.withdraw,
    }
    with monkeypatch.context() as patch:
        patch.setattr(PyArrowFileIO, "delete", die)
        with pytest.raises(Died):
            calls[operation]("rides")
    assert before <= set((world.home / "iceberg").rglob("*.avro"))
    calls[operation]("rides")
    assert not before & set((world.home / "iceberg").rglob("*.avro"))
    left = len(list((world.home / "iceberg").rglob("*.metadata.json")))
    assert left == (1 if operation == "refresh" else 0)


def test_a_collection_survives_a_real_kill(world: World, tmp_path: Path):
    world.grow(4)
    done = subprocess.run(
        [sys.executable, "-c", COLLECT, str(Path(__file__).parents[2] / "support"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    world.check()
    assert set(world.blobs.walk()) > world.needed(), "it was in the midst of deleting"
    world.history.collect("rides", KEEP_ONE, now=LATER)
    assert set(world.blobs.walk()) == world.needed()
    assert world.store.scan(TRUNK).collect().height == 16


def test_what_a_failed_commit_wrote_goes_without_reading_every_version(world: World):
    """A writer that loses its race takes back its bytes, and reads only what has come since."""
    world.grow(3)
    writer = staging.Staging(world.ledger, world.blobs, dataset="rides", project="p")
    digest = world.blobs.put(b"there before")
    commit_id = writer.announce([digest, *(digest_bytes(text) for text in (b"lost", b"won"))])
    for text in (b"lost", b"won"):
        world.blobs.put(text)
    world.grow(1)
    with world.ledger.write() as tx:
        latest = tx.versions.latest("dataset", "rides")
        body = {**latest.body, "profile": digest_bytes(b"won")}
        tx.versions.commit("dataset", "rides", digest="x", body=body)
    read: list[str] = []
    get = world.blobs.get
    world.blobs.get = lambda digest: (read.append(digest), get(digest))[1]  # type: ignore[method-assign]
    writer.abandon(commit_id)
    held = set(world.blobs.walk())
    assert digest_bytes(b"lost") not in held
    assert {digest_bytes(b"won"), digest} <= held
    assert len(read) <= 2, "the versions that came since, and no other"


def test_bytes_kept_for_another_writer_go_when_that_one_fails(world: World):
    world.grow(1)
    first, second = (
        staging.Staging(world.ledger, world.blobs, dataset="rides", project="p") for _ in range(2)
    )
    shared = digest_bytes(b"shared")
    one = first.announce([shared])
    world.blobs.put(b"shared")
    two = second.announce([shared])
    first.abandon(one)
    assert shared in set(world.blobs.walk()), "the second one counts on it"
    second.abandon(two)
    assert shared not in set(world.blobs.walk())


def test_what_was_left_by_a_process_killed_long_ago_is_collected(world: World):
    world.grow(1)
    with pytest.raises(Died):
        world.living(Mortality(4)).grow(1)
    assert set(world.blobs.walk()) != world.needed()
    now = datetime.now(UTC)
    world.history.collect("rides", KEEP_ONE, now=now)
    assert set(world.blobs.walk()) != world.needed(), "it may be under way"
    world.history.collect("rides", KEEP_ONE, now=now + timedelta(days=2))
    assert set(world.blobs.walk()) == world.needed()
