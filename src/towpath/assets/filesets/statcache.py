"""Remembers the digests of files that were read, so that unchanged ones need not be read again.

One small file per file set and source folder, below the home's cache. It names nobody: paths are keyed
hashes. It can be lost or damaged at any time, and then everything is read once more.

An entry counts only while size, both times, inode and device are what they were, and it is only made
when a later write could not go unseen. File systems stamp files with the time of a clock tick; a write
in the tick in which a file was read leaves the very same stamp. Git calls such entries racily clean
(Documentation/technical/racy-git) and re-reads them; so do we, by not remembering them.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from towpath.core.digests import digest_bytes
from towpath.storage.files import disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from towpath.assets.filesets.listing import SourceFile, Stat

FORMAT = 1
_SECOND_NS = 1_000_000_000
_COARSE_TICK_NS = 2 * _SECOND_NS  # FAT counts in steps of two seconds
_FINE_TICK_NS = 20_000_000  # Linux stamps files by a clock that ticks at least 100 times a second
_CHECKSUM_BYTES = 32

Entry: TypeAlias = tuple[int, int, int, int, int, bytes]
_encode = msgspec.msgpack.Encoder().encode
_Stored: TypeAlias = tuple[int, dict[bytes, Entry]]
_decoder = msgspec.msgpack.Decoder(_Stored)


class StatCache:
    """The entries of one source folder. Not thread-safe; two processes may each save theirs.

    Args:
        folder: Where the caches are.
        fileset: Whose it is.
        root: The source folder.
        secret: Keys the hashes of paths; the same for the same home.
    """

    def __init__(self, folder: Path, *, fileset: str, root: Path, secret: bytes) -> None:
        self._secret = secret
        self._path = folder / f"{fileset}.{self._hash(str(root)).hex()}"
        self._entries = _load(self._path)
        self._kept: dict[bytes, Entry] = {}

    def digest_of(self, file: SourceFile) -> str | None:
        """Return the digest of a file that is surely as it was when it was read; else None."""
        name = self._hash(file.path)
        entry = self._entries.get(name)
        if entry is None or entry[:-1] != file.stat:
            return None
        self._kept[name] = entry
        return entry[-1].hex()

    def was_other(self, file: SourceFile) -> bool:
        """Tell whether a file was read before and has been written to, or replaced, since."""
        entry = self._entries.get(self._hash(file.path))
        return entry is not None and entry[:-1] != file.stat

    def remember(self, file: SourceFile, digest: str, *, read_from_ns: int) -> None:
        """Keep a digest, unless a write that came after it was read could have gone unseen.

        Args:
            file: The file, with what it was like before and after it was read.
            digest: What was read.
            read_from_ns: Wall time at which the reading began, in nanoseconds since 1970.
        """
        if not is_racy(file.stat, read_from_ns=read_from_ns):
            size_bytes, mtime_ns, ctime_ns, inode, device = file.stat
            entry = (size_bytes, mtime_ns, ctime_ns, inode, device, bytes.fromhex(digest))
            self._kept[self._hash(file.path)] = entry

    def save(self) -> None:
        """Write the entries of the files that were asked for or remembered; others are dropped."""
        if self._kept != self._entries:
            _store(self._path, self._kept)
            self._entries = dict(self._kept)

    def _hash(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode(), key=self._secret, digest_size=16).digest()


def forget_digests(folder: Path, digests: Iterable[str]) -> None:
    """Drop the entries of these digests from every cache in a folder."""
    gone = {bytes.fromhex(digest) for digest in digests}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        before = _load(path)
        after = {name: entry for name, entry in before.items() if entry[-1] not in gone}
        if after != before:
            _store(path, after)


def is_racy(found: Stat, *, read_from_ns: int) -> bool:
    """Tell whether a write after `read_from_ns` could leave a file's times as they are.

    It could if the times are of the clock tick in which the reading began, or later. Times that are
    whole seconds come from a file system that counts in seconds.
    """
    newest = max(found.mtime_ns, found.ctime_ns)
    coarse = found.mtime_ns % _SECOND_NS == 0 and found.ctime_ns % _SECOND_NS == 0
    return newest + (_COARSE_TICK_NS if coarse else _FINE_TICK_NS) > read_from_ns


def _load(path: Path) -> dict[bytes, Entry]:
    try:
        data = path.read_bytes()
        if digest_bytes(data[_CHECKSUM_BYTES:]) != data[:_CHECKSUM_BYTES].hex():
            return {}
        form, entries = _decoder.decode(data[_CHECKSUM_BYTES:])
    except (OSError, msgspec.DecodeError):
        return {}
    return entries if form == FORMAT else {}


def _store(path: Path, entries: dict[bytes, Entry]) -> None:
    """Replace a cache whole. Not synced: a torn one fails its checksum, and counts for nothing."""
    data = _encode((FORMAT, entries))
    part = path.with_name(f".{secrets.token_hex(8)}")
    with disk_errors(path.parent):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            part.write_bytes(bytes.fromhex(digest_bytes(data)) + data)
            part.replace(path)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
