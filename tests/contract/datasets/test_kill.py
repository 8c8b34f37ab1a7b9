"""Kill -9 at every moment of commits, compactions and erasures: all of it or nothing, nothing left."""

from __future__ import annotations

import io
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import polars as pl
import pytest

from towpath.assets.datasets import ParquetDatasetStore
from towpath.assets.datasets.changes import piling
from towpath.core.refs import Ref
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Forks a child per line that it reads. The child kills itself just before, or after, the n-th time that
# it touches the world: a blob written or deleted, a transaction begun, committed or over. The process
# that forks has the libraries loaded and no thread started, so that a child costs a tenth of a second.
FORKS = """
import json, os, signal, sys
from contextlib import contextmanager
from pathlib import Path
import structlog
sys.path.insert(0, {folder!r})
from test_kill import Parts, act
from towpath.assets.datasets import staging
from towpath.assets.datasets.changes import piling
staging._LEASE_S = 0.2  # the dead child's lease must not hold up the test
piling.RUNS_MOST = 3  # so that the merge merges layers too
structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # stdout is for the answers

class Fuse:
    left = 0
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
        fuse.burn()

fuse = Fuse()
for line in sys.stdin:
    home, action, fuse.left = json.loads(line)
    child = os.fork()
    if not child:
        try:
            act(Parts(Path(home), lambda ledger, blobs: (Ledger(ledger), Blobs(blobs))), action)
        except BaseException:
            import traceback; traceback.print_exc()
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
NOBODY = "nobody"


class Parts:
    """An embedded home, opened anew by parent and child."""

    def __init__(
        self,
        home: Path,
        wrap: Callable[..., tuple] = lambda ledger, blobs: (ledger, blobs),
    ) -> None:
        self.database = open_database(f"sqlite:///{home}/towpath.db")
        self.database.migrate()
        keyring = FileKeyring(home / "keys")
        self.ledger, self.blobs = wrap(
            open_ledger(self.database, keyring), open_blobs(f"file://{home}/blobs")
        )
        self.store = ParquetDatasetStore(self.ledger, self.blobs, keyring)

    def contents(self) -> list[pl.DataFrame]:
        """Read every version."""
        refs = [version.ref for version in self.store.versions("rides")]
        return [self.store.scan(ref).collect().sort("ride_id") for ref in refs]

    def used(self) -> set[str]:
        """Return the blobs that versions use."""
        used: set[str] = set()
        for version in self.store.versions("rides"):
            used |= {version.body["manifest"], version.body["profile"]}
            used |= {file.digest for file in self.store.files(version.ref)}
        return used

    def told(self) -> set[str]:
        """Return the blobs that the ledger knows to be on their way in or out."""
        with self.ledger.read() as tx:
            rows = [*tx.intents.list("dataset_commit"), *tx.intents.list("dataset_deletion")]
        return {digest for row in rows for digest in row.spec["blobs"]}

    def riders(self) -> set[str]:
        """Decode every blob with Polars alone and return the riders found."""
        found: set[str] = set()
        for digest in self.blobs.walk():
            data = self.blobs.get(digest)
            if data[:4] == b"PAR1":
                found.update(pl.read_parquet(io.BytesIO(data))["rider"])
        return found


def rides():
    from towpath.assets.datasets import Dataset, Schema

    class Ride(Schema):
        ride_id: str
        rider: str
        miles: int

    return Dataset("rides", schema=Ride, key="ride_id", subject="rider", buckets=2)


def rows(first: int, count: int, *, riders: int = 5, miles: int = 0) -> pl.DataFrame:
    numbers = range(first, first + count)
    return pl.DataFrame(
        {
            "ride_id": [f"r{number:04}" for number in numbers],
            "rider": [f"rider-{number % riders}" for number in numbers],
            "miles": [miles] * count,
        }
    )


def act(parts: Parts, action: str) -> None:
    """Do what is to be killed, or repeated, or compared with."""
    store, dataset = parts.store, rides()
    if action == "append":
        store.commit(dataset, rows(36, 8), project="p")
    elif action == "merge":
        # Replaces rows, moves some to other riders (and so other buckets), and adds some.
        store.commit(dataset, rows(30, 8, riders=4, miles=3), project="p", mode="merge")
    elif action == "compact":
        store.compact("rides")
    elif action == "erase":
        store.erase("rider-3", "rides")


@dataclass
class Killer:
    """Runs an action on a copy of a home with layers, up to its n-th touch of the world."""

    forks: subprocess.Popen[str]
    base: Path
    folder: Path

    def each_moment(self, action: str, *, step: int = 1) -> Iterator[Path]:
        """Yield the home that each kill leaves behind, until the action gets through."""
        for moment in range(1, 200, step):
            home = self.copy()
            killed = self.run(home, action, moment)
            if not killed:
                assert moment > 8, "it touches the world more often than that"
                return
            yield home
            shutil.rmtree(home.parent)
        pytest.fail("it never got through")

    def run(self, home: Path, action: str, moment: int) -> bool:
        """Tell whether the action was killed before it was done."""
        assert self.forks.stdin is not None
        assert self.forks.stdout is not None
        print(json.dumps([str(home), action, moment]), file=self.forks.stdin, flush=True)
        status = int(self.forks.stdout.readline())
        assert status in (0, -signal.SIGKILL)
        return status != 0

    def done(self, action: str) -> list[pl.DataFrame]:
        """Return what every version holds when nobody is killed."""
        home = self.copy()
        self.run(home, action, 0)
        parts = Parts(home)
        try:
            return parts.contents()
        finally:
            parts.database.close()

    def copy(self) -> Path:
        """Return a home that is like the base."""
        return Path(shutil.copytree(self.base, Path(mkdtemp(dir=self.folder)) / "home"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home with three versions, of which two have layers and one has delete markers."""
    home = tmp_path_factory.mktemp("base")
    patch = pytest.MonkeyPatch()
    patch.setattr(piling, "RUNS_MOST", 3)
    parts = Parts(home)
    store, dataset = parts.store, rides()
    store.commit(dataset, rows(0, 36), project="p")
    store.commit(dataset, rows(0, 6, riders=4, miles=1), project="p", mode="merge")
    store.commit(dataset, rows(8, 3).select("ride_id"), project="p", mode="delete")
    files = store.files(Ref("dataset", "rides"))
    assert {file.role for file in files} == {"rows", "deletes"}
    assert max(file.layer for file in files) > 1
    parts.database.close()
    patch.undo()
    return home


@pytest.fixture(scope="module")
def killer(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    script = FORKS.format(folder=str(Path(__file__).parent))
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as forks:
        yield Killer(forks, base, tmp_path_factory.mktemp("killed"))
        assert forks.stdin is not None
        forks.stdin.close()


# Deleting and overwriting write as merging does.
@pytest.mark.parametrize("action", ["append", "merge", "compact"])
def test_a_commit_killed_anywhere_is_there_whole_or_not_at_all(killer: Killer, action: str):
    after = killer.done(action)
    before = after[:-1]
    for home in killer.each_moment(action):
        parts = Parts(home)
        found = parts.contents()
        assert _equal(found, before) or _equal(found, after)
        assert set(parts.blobs.walk()) <= parts.used() | parts.told(), "no byte is forgotten"
        # The same call again completes it, and the next erasure clears away what was left.
        act(parts, action)
        assert _equal(parts.contents(), after)
        parts.store.erase(NOBODY, "rides")
        assert set(parts.blobs.walk()) == parts.used()
        parts.database.close()


def test_an_erasure_killed_anywhere_is_finished_by_the_next_call(killer: Killer, base: Path):
    after = killer.done("erase")
    parts = Parts(base)
    before = parts.contents()
    parts.database.close()
    for home in killer.each_moment("erase", step=2):
        parts = Parts(home)
        for found, whole, left in zip(parts.contents(), before, after, strict=True):
            assert found.equals(whole) or found.equals(left), "all of it or nothing"
        erased = parts.store.erase("rider-3", "rides")
        assert _equal(parts.contents(), after)
        assert [version.revision for version in erased.versions] == [2, 2, 2]
        assert [version.rows_removed for version in erased.versions] == [
            whole.height - left.height for whole, left in zip(before, after, strict=True)
        ]
        assert set(parts.blobs.walk()) == parts.used()
        assert "rider-3" not in parts.riders()
        parts.database.close()


def test_what_a_killed_commit_wrote_of_a_subject_goes_when_they_do(killer: Killer):
    """Files that no version has are found by the record that came before them."""
    orphaned = 0
    for home in killer.each_moment("merge", step=2):
        parts = Parts(home)
        orphaned += bool(set(parts.blobs.walk()) - parts.used())
        parts.store.erase("rider-3", "rides")
        assert "rider-3" not in parts.riders()
        assert set(parts.blobs.walk()) == parts.used()
        parts.database.close()
    assert orphaned, "some child died with files written and not recorded"


def _equal(some: list[pl.DataFrame], others: list[pl.DataFrame]) -> bool:
    return len(some) == len(others) and all(
        one.equals(other) for one, other in zip(some, others, strict=True)
    )
