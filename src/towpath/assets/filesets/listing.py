"""Finds the files of a folder or glob, with what the file system says of each."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from towpath.assets.filesets.paths import check_path
from towpath.assets.filesets.patterns import PathPattern
from towpath.core.errors import NotFound, UsageError
from towpath.storage.files import disk_errors

_WILD = frozenset("*?[")


class Stat(NamedTuple):
    """What changes whenever a file's bytes change, as far as the file system can tell.

    Attributes:
        size_bytes: Its length.
        mtime_ns: When its bytes changed last, by whoever set it last.
        ctime_ns: When anything of it changed last; no program can set it.
        inode: Which file it is on its device.
        device: Which device.
    """

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int


class SourceFile(NamedTuple):
    """One file to add.

    Attributes:
        path: What it will be called in the set.
        location: Where it lies.
        stat: What it was like when it was found.
    """

    path: str
    location: str
    stat: Stat


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a source holds.

    Attributes:
        root: The folder that paths are relative to, absolute.
        files: Ordered by path.
        left_out: Symbolic links, hidden and special files, hidden folders.
        whole: Whether it is all of a folder, so that what is not listed is not there.
    """

    root: Path
    files: tuple[SourceFile, ...]
    left_out: int
    whole: bool


def list_source(source: Path | str) -> Listing:
    """Return the files of a folder, of a glob, or a single one.

    Raises:
        NotFound: There is no such folder or file, or the glob matches none.
        UsageError: A name can't be kept.
        InfrastructureError: A folder can't be read.
    """
    text = os.fspath(source)
    root, pattern = _split(text)
    if pattern is None and root.is_file():
        return Listing(
            root=root.parent.resolve(), files=(_single(root.resolve()),), left_out=0, whole=False
        )
    if not root.is_dir():
        raise NotFound(f"there is no folder or file {text!r}", remedy="Check the path.", path=text)
    files: list[SourceFile] = []
    resolved = root.resolve()
    with disk_errors(resolved):
        left_out = _walk(str(resolved), "", files)
    if pattern is not None:
        glob = PathPattern.of_glob(pattern)
        files = [file for file in files if glob.match(file.path) is not None]
    if not files:
        what = f"{text!r} matches no file" if pattern else f"the folder {text!r} has no files"
        raise NotFound(what, remedy="Hidden files and symbolic links don't count.", path=text)
    files.sort(key=lambda file: file.path)
    return Listing(root=resolved, files=tuple(files), left_out=left_out, whole=pattern is None)


def stat_of(location: str) -> Stat | None:
    """Return what a regular file is like now; None if it is gone or something else."""
    try:
        found = Path(location).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _stat(found) if stat.S_ISREG(found.st_mode) else None


def _walk(folder: str, prefix: str, files: list[SourceFile]) -> int:
    left_out = 0
    deeper: list[tuple[str, str]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.is_symlink():
                left_out += 1
            elif entry.is_dir(follow_symlinks=False):
                deeper.append((entry.path, f"{prefix}{entry.name}/"))
            elif entry.is_file(follow_symlinks=False):
                path = check_path(prefix + entry.name)
                found = _stat(entry.stat(follow_symlinks=False))
                files.append(SourceFile(path, entry.path, found))
            else:
                left_out += 1
    return left_out + sum(_walk(path, inner, files) for path, inner in deeper)


def _single(location: Path) -> SourceFile:
    found = stat_of(str(location))
    if found is None:
        raise UsageError(f"{str(location)!r} is not a regular file", remedy="Add its folder.")
    return SourceFile(path=check_path(location.name), location=str(location), stat=found)


def _split(text: str) -> tuple[Path, str | None]:
    """Part a glob at its first wildcard: the folder to walk, and the pattern of paths below it."""
    if not _WILD.intersection(text) or Path(text).exists():
        return Path(text), None
    parts = text.split("/")
    fixed = next(at for at, part in enumerate(parts) if _WILD.intersection(part))
    folder = "/".join(parts[:fixed]) or ("/" if text.startswith("/") else ".")
    return Path(folder), "/".join(parts[fixed:])


def _stat(found: os.stat_result) -> Stat:
    return Stat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)
