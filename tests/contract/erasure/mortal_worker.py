"""Forks a worker per line that it reads, which kills itself the n-th time that it touches the world.

A touch is a transaction begun, about to be committed, or over; a file that is opened to be written,
renamed, linked or removed (blobs, certificates, sealing keys, and online rows' files are); a change of
online rows begun or over. The process that forks has the libraries loaded, and no thread.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from towpath.app.home import open_home
from towpath.app.place import Place
from towpath.app.working import erasure_parts
from towpath.assets.datasets import staging
from towpath.assets.filesets import deleting
from towpath.core.settings import Settings
from towpath.storage.database import Database
from towpath.storage.online.drafting import LmdbDraft
from towpath.storage.online.embedded import LmdbOnlineStore
from towpath.trace.erasure import ErasureReconciler

if TYPE_CHECKING:
    from collections.abc import Iterator

for lease in (staging, deleting):
    lease._LEASE_S = 0.2  # the dead one's must not hold up the test
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Fuse:
    """Burns down by one with each touch; 0 is never lit."""

    left = 0

    def burn(self) -> None:
        """Touch the world, or die."""
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


fuse = Fuse()


def arm(folder: Path) -> None:
    """Let every touch of what lies in a folder burn the fuse."""
    inside = str(folder)
    write = Database.write

    @contextmanager
    def dying(self: Database) -> Iterator[Any]:
        fuse.burn()
        with write(self) as connection:
            yield connection
            fuse.burn()
        fuse.burn()

    def hear(event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = given
            if not flags & _WRITES:
                return
        elif event in ("os.remove", "os.rename", "os.link"):
            path = given[0]
        else:
            return
        if str(path).startswith(inside) and ".db" not in str(path):
            fuse.burn()

    Database.write = dying  # pyright: ignore[reportAttributeAccessIssue]
    for owner, names in ((LmdbOnlineStore, ("put", "drop")), (LmdbDraft, ("write", "publish"))):
        for name in names:
            setattr(owner, name, _around(getattr(owner, name)))
    sys.addaudithook(hear)


def _around(method: Any) -> Any:
    def call(*values: Any, **named: Any) -> Any:
        fuse.burn()
        done = method(*values, **named)
        fuse.burn()
        return done

    return call


def work(folder: Path, touches: int) -> None:
    """Take the erasure's steps until it is done; nobody else works here, so it has nothing to wait for."""
    place = Place(root=folder, home=folder / "home", settings=Settings(erasure_quiet_s=0))
    with open_home(place) as home:
        with home.ledger.write() as tx:
            tx.intents.release("mortal")
        reconciler = ErasureReconciler(erasure_parts(home))
        arm(place.home)
        fuse.left = touches
        while True:
            with home.ledger.write() as tx:
                held = tx.intents.claim(["erasure"], owner="mortal", lease_s=60)
            if held is not None:
                reconciler.reconcile(held)
                continue
            with home.ledger.write() as tx:
                (erasure,) = tx.intents.list("erasure")
                if erasure.phase in ("certified", "blocked"):
                    return
                tx.intents.wake("erasure", erasure.name)


def phase_of(folder: Path) -> str:
    """Return how far the erasure is, read past the program."""
    import sqlite3

    connection = sqlite3.connect(folder / "home" / "towpath.db")
    try:
        ((phase,),) = connection.execute("SELECT phase FROM intents WHERE kind = 'erasure'")
    finally:
        connection.close()
    return str(phase)


def main() -> None:
    """Fork, wait, tell how it ended."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # stdout is for the answers
    for line in sys.stdin:
        folder, touches = json.loads(line)
        child = os.fork()
        if not child:
            try:
                work(Path(folder), touches)
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps([status, phase_of(Path(folder))]), flush=True)


if __name__ == "__main__":
    main()
