"""A data-set store that can be made to die just before the n-th time that it touches the world."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from towpath.assets.datasets import ParquetDatasetStore
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Iterator


class Fuse:
    """Kills its process, as kill -9 does, when it has burnt down; never where it has no length."""

    def __init__(self, length: int | None) -> None:
        self._left = length

    def burn(self) -> None:
        """Touch the world once more."""
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class FusedBlobs:
    """A blob store whose writes and deletions burn the fuse."""

    def __init__(self, blobs: Any, fuse: Fuse) -> None:
        self._blobs = blobs
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def put(self, data: bytes) -> str:
        self._fuse.burn()
        return self._blobs.put(data)

    def delete(self, digest: str) -> None:
        self._fuse.burn()
        self._blobs.delete(digest)


class FusedLedger:
    """A ledger whose transactions burn the fuse when they begin, and just before they commit."""

    def __init__(self, ledger: Any, fuse: Fuse) -> None:
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


class FusedStore:
    """An embedded store, opened anew by parent and child.

    Attributes:
        store: The store.
        blobs: Its blobs.
    """

    def __init__(self, home: Path, moment: int | None = None) -> None:
        self.database = open_database(f"sqlite:///{home}/towpath.db")
        self.database.migrate()
        fuse, keyring = Fuse(moment), FileKeyring(home / "keys")
        self.ledger = FusedLedger(open_ledger(self.database, keyring), fuse)
        self.blobs = FusedBlobs(open_blobs(f"file://{home}/blobs"), fuse)
        self.store = ParquetDatasetStore(self.ledger, self.blobs, keyring)

    def close(self) -> None:
        self.database.close()


_NURSERY = """
import json, os, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from fused_store import FusedStore
from towpath.assets.datasets import staging
import judged_rides
staging._LEASE_S = 0.2  # the dead child's lease must not hold up the test
for line in sys.stdin:
    home, moment, action = json.loads(line)
    child = os.fork()
    if child == 0:
        failed = 1
        os.dup2(2, 1)  # what it logs is not an answer
        try:
            exec(action, {{"store": FusedStore(Path(home), moment).store}})
            failed = 0
        finally:
            os._exit(failed)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Nursery:
    """A process that has everything imported and nothing begun, whose forks do what they are told.

    So a child costs a fraction of a second, and a test can let one die at every single moment.
    """

    def __init__(self) -> None:
        script = _NURSERY.format(paths=[str(Path(__file__).parent)])
        self._process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def dies(self, home: Path, moment: int, action: str) -> bool:
        """Run an action on a home's `store` in a child that dies at a moment; False if it got through."""
        self._process.stdin.write(json.dumps([str(home), moment, action]) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        assert code in (0, -signal.SIGKILL), "the child failed by itself; see standard error"
        return code != 0

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
