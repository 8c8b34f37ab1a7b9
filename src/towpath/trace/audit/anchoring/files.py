"""A file that grows by a line for each statement: on a share, a write-once medium, another machine."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from towpath.core.errors import Unavailable
from towpath.storage.files import sync_folder
from towpath.trace.audit.anchoring.contract import line_of, statements_of

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger import Checkpoint


class FileAnchor:
    """See `Anchor`. Only ever appends, so the file may be append-only (`chattr +a`)."""

    readable = True

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Checkpoint]:
        """See `Anchor.read`. No file holds nothing."""
        try:
            return statements_of(self._path.read_bytes().splitlines())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unavailable(error) from error

    def put(self, checkpoint: Checkpoint) -> None:
        """See `Anchor.put`. A line that a kill tore is ended, and the statement written whole."""
        try:
            with self._path.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                text = self._path.read_bytes()
                kept = statements_of(text.splitlines())
                if kept and kept[-1] == checkpoint and text.endswith(b"\n"):
                    return
                file.write(b"" if not text or text.endswith(b"\n") else b"\n")
                file.write(line_of(checkpoint))
                file.flush()
                os.fsync(file.fileno())
            sync_folder(self._path.parent)
        except OSError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: OSError) -> Unavailable:
        return Unavailable(
            f"the anchor {self._path} can't be used: {error.strerror}",
            remedy="Mend it there; the worker tries again by itself.",
        )
