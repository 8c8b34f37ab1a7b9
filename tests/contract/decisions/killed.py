"""Run as a program by the tests: does one thing to a log and dies where it is told to.

    python killed.py HOME append
    python killed.py HOME compact|erase PLACE

`append` prints each id once it is durable, until killed. The others end by SIGKILL when they reach
PLACE, or print `done` if they never do.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from towpath.ledger import open_ledger
from towpath.operate.decisions import (
    Compactor,
    Decision,
    DecisionIds,
    SegmentDecisionLog,
    SegmentDirectory,
    SegmentWriter,
    encode_frame,
)
from towpath.operate.decisions.shelf import SegmentShelf
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring


def die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def append(home: Path) -> None:
    writer = SegmentWriter(SegmentDirectory(home / "decisions"))
    ids = DecisionIds()
    while True:
        batch = [
            Decision(
                decision_id=ids.next(),
                at_us=1_362_096_000_000_000,
                recorded_us=1,
                service="board",
                release="release:production@1",
                model="model:late@1",
                arm="champion",
                inputs={"distance": 1.0},
                outputs={"late": 0.5},
            )
            for _ in range(20)
        ]
        writer.append(b"".join(map(encode_frame, batch))).result()
        print("\n".join(decision.decision_id for decision in batch), flush=True)


def change(home: Path, action: str, place: str) -> None:
    database = open_database(f"sqlite:///{home}/towpath.db")
    ledger = open_ledger(database, FileKeyring(home / "keys"))
    blobs = open_blobs(f"file://{home}/blobs")
    put, delete, sweep = blobs.put, blobs.delete, SegmentShelf.sweep
    swept: list[bool] = []

    def put_then_die(data: bytes) -> None:
        put(data)
        die()

    def delete_then_die(digest: str) -> None:
        delete(digest)
        die()

    def sweep_unless_late(shelf: SegmentShelf) -> None:
        if swept:
            die()
        swept.append(True)
        sweep(shelf)

    places: dict[str, tuple[Any, str, Any]] = {
        "before storing": (blobs, "put", die),
        "between storing and listing": (blobs, "put", put_then_die),
        "before cleaning up": (SegmentShelf, "sweep", sweep_unless_late),
        "amid cleaning up": (blobs, "delete", delete_then_die),
        "before removing raw": (Path, "unlink", die),
    }
    owner, name, replacement = places[place]
    if action == "compact":
        work = Compactor(ledger, blobs, home / "decisions").compact
    else:
        log = SegmentDecisionLog(ledger, blobs, home / "decisions")

        def work() -> Any:
            return log.erase_subjects(["aa" * 16])

    setattr(owner, name, replacement)
    work()
    print("done", flush=True)


if __name__ == "__main__":
    if sys.argv[2] == "append":
        append(Path(sys.argv[1]))
    else:
        change(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
