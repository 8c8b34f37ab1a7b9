"""The folder of raw segments on one machine: who writes what, and who has died writing.

    id            names this folder in the ledger
    <uuid>.new    being created: no record yet
    <uuid>.open   a writer holds its lock and appends
    <uuid>.sealed finished, waiting to become Parquet
    rotate        its modification time asks writers to seal what they have
    compact.lock  held by whoever compacts or erases

A lock (flock) dies with its process, so an open segment whose lock can be taken has lost its writer.
The lock is taken before the file gets its `.open` name and released after it has lost it.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import structlog

from towpath.core.ids import new_id
from towpath.operate.decisions.frames import HEADER, check_header, whole_frames

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_log = structlog.get_logger()
_CREATION_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A raw segment: `id` stays the same when an open one is sealed."""

    id: str
    path: Path
    state: Literal["open", "sealed"]


class SegmentDirectory:
    """Raw segments in a folder, made with mode 0700 if absent. Process-safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.id = self._own_id()

    def sources(self) -> list[Source]:
        """Return open and sealed segments, oldest first. One caught between names is listed once."""
        found: dict[str, Source] = {}
        for path in sorted(self.path.iterdir()):
            if path.suffix == ".open":
                found[path.stem] = Source(id=path.stem, path=path, state="open")
            elif path.suffix == ".sealed":
                found[path.stem] = Source(id=path.stem, path=path, state="sealed")
        return list(found.values())

    def recover(self) -> list[Source]:
        """Seal what dead writers left, cutting torn tails off, and return those segments."""
        recovered: list[Source] = []
        for path in sorted(self.path.glob("*.open")):
            sealed = _seal_if_abandoned(path)
            if sealed is not None:
                recovered.append(Source(id=path.stem, path=sealed, state="sealed"))
                _log.warning("segment.recovered", segment=path.stem)
        for path in self.path.glob("*.new"):
            # A living writer needs a moment between creating the file and locking it.
            if time.time() - path.stat().st_mtime > _CREATION_S:
                with _locked_if_free(path) as free:
                    if free is not None:
                        path.unlink(missing_ok=True)
        return recovered

    def request_rotation(self) -> None:
        """Ask every writer here to seal its segment soon."""
        before = self.rotation_mark()
        marker = self.path / "rotate"
        marker.touch(mode=0o600)
        # Coarse clocks give two requests the same time; the second must count all the same.
        mark = max(time.time_ns(), before + 1)
        os.utime(marker, ns=(mark, mark))

    def rotation_mark(self) -> int:
        """Return a number that changes with each `request_rotation`."""
        try:
            return (self.path / "rotate").stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    @contextmanager
    def exclusively(self) -> Generator[None]:
        """Hold the right to compact and erase here; waits for another holder to finish."""
        descriptor = os.open(self.path / "compact.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def sync(self) -> None:
        """Make created, renamed and removed names durable."""
        sync_folder(self.path)

    def _own_id(self) -> str:
        """Return the folder's id, drawing one if it has none; of two that race one wins."""
        own = self.path / "id"
        if not own.exists():
            drawn = self.path / f"id.{new_id()}"
            drawn.write_text(new_id())
            with suppress(FileExistsError):
                os.link(drawn, own)
            drawn.unlink()
            self.sync()
        return own.read_text().strip()


def sync_folder(path: Path) -> None:
    """Flush a folder's entries to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def seal(path: Path) -> Path:
    """Give an open segment its sealed name, durably. The caller holds its lock."""
    sealed = path.with_suffix(".sealed")
    path.rename(sealed)
    sync_folder(path.parent)
    return sealed


@contextmanager
def _locked_if_free(path: Path) -> Generator[int | None]:
    """Give a locked descriptor of the file, or None if its writer lives or it is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        # A writer that sealed it between our listing and our lock is not dead, it is done.
        yield descriptor if path.exists() else None
    finally:
        os.close(descriptor)


def _seal_if_abandoned(path: Path) -> Path | None:
    """Seal one open segment unless its writer lives; a segment without a record is removed."""
    with _locked_if_free(path) as descriptor:
        if descriptor is None:
            return None
        data = path.read_bytes()
        end = len(HEADER) if check_header(data) else 0
        for after, _ in whole_frames(memoryview(data)[len(HEADER) :]):
            end = len(HEADER) + after
        if end <= len(HEADER):
            path.unlink()
            return None
        if end < len(data):
            _log.warning("segment.torn", segment=path.stem, torn_bytes=len(data) - end)
            os.ftruncate(descriptor, end)
        os.fsync(descriptor)
        return seal(path)
