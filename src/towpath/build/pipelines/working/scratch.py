"""Temporary files of running steps, in one folder per process, so that those of the dead are found."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING, Self

from towpath.ledger.owners import is_dead, this_owner
from towpath.storage.files import disk_errors

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.build.pipelines.working.shipping import LogShipper
    from towpath.storage.blobs import BlobStore

_HEAD_BYTES = 64 << 10
_TAIL_BYTES = 448 << 10


class Scratch:
    """A private folder for one run's logs and temporary files, gone with the run.

    Args:
        root: Folder that holds such folders; made if need be.
        run_id: Names this one.
        shipper: Told of each log, so that it can be read elsewhere while it is written.

    Attributes:
        run_id: The run that it is of.
    """

    def __init__(self, root: Path, run_id: str, shipper: LogShipper | None = None) -> None:
        self.run_id = run_id
        self._root = root
        self._shipper = shipper
        self.folder = root / this_owner() / run_id

    def __enter__(self) -> Self:
        """Make the folder, and remove what processes that died have left."""
        with disk_errors(self._root):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in self._root.iterdir():
                if is_dead(left.name):
                    shutil.rmtree(left, ignore_errors=True)
            self.folder.mkdir(mode=0o700, parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.folder.parent.rmdir()

    def log(self, name: str) -> Path:
        """Return the file that takes a step's output."""
        path = self._path(name)
        if self._shipper is not None:
            self._shipper.hold(name, path)
        return path

    def keep_log(self, name: str, blobs: BlobStore) -> str | None:
        """Store what a step printed, its middle left out if it is long; None if it printed nothing."""
        path = self._path(name)
        digest, is_whole = self._keep(path, blobs)
        if self._shipper is not None:
            self._shipper.let_go(name, kept=is_whole)
        path.unlink(missing_ok=True)
        return digest

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _keep(self, path: Path, blobs: BlobStore) -> tuple[str | None, bool]:
        """Return the digest of what was printed, and whether it is all of it."""
        left_out = 0
        try:
            with path.open("rb") as file:
                size = path.stat().st_size
                text = file.read(_HEAD_BYTES)
                if size > _HEAD_BYTES + _TAIL_BYTES:
                    file.seek(size - _TAIL_BYTES)
                    left_out = size - _HEAD_BYTES - _TAIL_BYTES
                    text += f"\n… {left_out} bytes left out …\n".encode()
                text += file.read()
        except OSError:
            return None, False
        return (blobs.put(text) if text else None), not left_out
