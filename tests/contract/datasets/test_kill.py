"""Kill -9 in the middle of commits and erasures: nothing half-written, nothing left behind."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from towpath.assets.datasets import ParquetDatasetStore
from towpath.core.refs import Ref
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

# The child kills itself just before the n-th time that it touches the world: a blob written or
# deleted, a transaction begun or committed.
CHILD = """
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
sys.path.insert(0, {folder!r})
from test_kill import Parts, riders
from towpath.assets.datasets import staging
staging._LEASE_S = 0.2  # the dead child's lease must not hold up the test

class Fuse:
    left = {moment}
    def burn(self):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

class Blobs:
    def __init__(self, blobs): self.blobs = blobs
    def __getattr__(self, name): return getattr(self.blobs, name)
    def put(self, data):
        fuse.burn()
        return self.blobs.put(data)
    def delete(self, digest):
        fuse.burn()
        return self.blobs.delete(digest)

class Ledger:
    def __init__(self, ledger): self.ledger = ledger
    def __getattr__(self, name): return getattr(self.ledger, name)
    @contextmanager
    def write(self, **options):
        fuse.burn()
        with self.ledger.write(**options) as tx:
            yield tx
            fuse.burn()

fuse = Fuse()
parts = Parts(Path({home!r}), wrap=lambda ledger, blobs: (Ledger(ledger), Blobs(blobs)))
{action}
"""


class Parts:
    """An embedded home, opened anew by parent and child."""

    def __init__(self, home: Path, wrap=lambda ledger, blobs: (ledger, blobs)) -> None:
        self.database = open_database(f"sqlite:///{home}/towpath.db")
        self.database.migrate()
        keyring = FileKeyring(home / "keys")
        ledger, self.blobs = wrap(
            open_ledger(self.database, keyring), open_blobs(f"file://{home}/blobs")
        )
        self.store = ParquetDatasetStore(ledger, self.blobs, keyring)

    def append(self, first: int, count: int):
        return self.store.commit(riders(), rows(first, count), project="p")


def riders():
    from towpath.assets.datasets import Dataset, Schema

    class Ride(Schema):
        ride_id: str
        rider: str

    return Dataset("rides", schema=Ride, key="ride_id", subject="rider", buckets=2)


def rows(first: int, count: int) -> pl.DataFrame:
    numbers = range(first, first + count)
    return pl.DataFrame(
        {"ride_id": [f"r{n:04}" for n in numbers], "rider": [f"rider-{n % 5}" for n in numbers]}
    )


def run_until_killed(home: Path, action: str, moment: int) -> bool:
    """Run an action in a child that dies at a moment; False if it got through first."""
    script = CHILD.format(
        folder=str(Path(__file__).parent), home=str(home), moment=moment, action=action
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def used_blobs(store: ParquetDatasetStore) -> set[str]:
    used: set[str] = set()
    for version in store.versions("rides"):
        used |= {version.body["manifest"], version.body["profile"]}
        used |= {file.digest for file in store.files(version.ref)}
    return used


@pytest.fixture
def parts(tmp_path: Path):
    opened = Parts(tmp_path)
    yield opened
    opened.database.close()


# A commit of two buckets touches the world ten times: announce (2), four blobs, record (2) …
@pytest.mark.parametrize("moment", [2, 5, 8])
def test_a_killed_commit_leaves_the_version_before(tmp_path: Path, parts: Parts, moment: int):
    parts.append(0, 20)
    assert run_until_killed(tmp_path, "parts.append(20, 20)", moment)
    assert [version.ref.version for version in parts.store.versions("rides")] == [1]
    assert parts.store.scan(Ref("dataset", "rides")).collect().sort("ride_id").equals(rows(0, 20))
    # The same call again completes it; what other rows had left behind goes with the next erasure.
    assert parts.append(20, 20).ref.version == 2
    parts.store.erase("rider-1", "rides")
    assert set(parts.blobs.walk()) == used_blobs(parts.store)


def test_what_a_killed_commit_wrote_of_a_subject_goes_when_they_do(tmp_path: Path, parts: Parts):
    parts.append(0, 20)
    assert run_until_killed(tmp_path, "parts.append(20, 20)", 7)
    orphans = set(parts.blobs.walk()) - used_blobs(parts.store)
    assert orphans, "the child died with files written and not recorded"
    parts.store.erase("rider-3", "rides")
    assert not orphans & set(parts.blobs.walk())


@pytest.mark.parametrize("moment", [1, 4, 7, 8, 11, 14])
def test_a_killed_erasure_is_finished_by_the_next_call(tmp_path: Path, parts: Parts, moment: int):
    parts.append(0, 20)
    parts.append(20, 9)
    assert run_until_killed(tmp_path, "parts.store.erase('rider-3', 'rides')", moment)
    for number, total in ((1, 20), (2, 29)):
        left = parts.store.scan(Ref("dataset", "rides", number)).collect()
        gone = total - left.height
        assert gone in (0, rows(0, total).filter(rider="rider-3").height), "all of it or nothing"
    erased = parts.store.erase("rider-3", "rides")
    assert [version.rows_removed for version in erased.versions] == [4, 6]
    assert [version.revision for version in erased.versions] == [2, 2]
    assert erased.rows_removed == 6
    assert set(parts.blobs.walk()) == used_blobs(parts.store)
    for digest in parts.blobs.walk():
        data = parts.blobs.get(digest)
        if data[:4] == b"PAR1":
            assert "rider-3" not in pl.read_parquet(io.BytesIO(data))["rider"]
