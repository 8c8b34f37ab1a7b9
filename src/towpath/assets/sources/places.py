"""Where files lie: on disk, in a bucket, or behind an address; what is there, and how to open it."""

from __future__ import annotations

import glob
import hashlib
import shutil
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow as pa

from towpath.assets.sources.references import expand, shown
from towpath.core.errors import NotFound, Unavailable, UsageError
from towpath.storage.files import disk_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from contextlib import AbstractContextManager

    from obstore import ReadableFile
    from obstore.store import ClientConfig, S3Config, S3Store

ArrowFile: TypeAlias = Any  # a `pyarrow.NativeFile`, open and seekable; Arrow has no types
FINGERPRINT_BYTES = 8
_READ_AHEAD_BYTES = 8 << 20
_WILD = frozenset("*?[")
_S3_SETTINGS = ("endpoint", "region", "access_key_id", "secret_access_key", "session_token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file.

    Attributes:
        name: What to call it in messages.
        fingerprint: Eight bytes that change when its name, length or time of change does.
        size_bytes: Its length, where that is known beforehand.
        open: Gives it as a seekable file, for as long as the context lasts.
        fetch: Gives it as a file on this disk, likewise.
    """

    name: str
    fingerprint: bytes
    size_bytes: int | None
    open: Callable[[], AbstractContextManager[ArrowFile]]
    fetch: Callable[[], AbstractContextManager[Path]]


def find_items(
    location: str, *, folder: Path, environ: Mapping[str, str], private: bool
) -> list[Item]:
    """Return the files that a location names, in order of their names.

    Args:
        location: A path or pattern (`data/**/*.parquet`), `s3://bucket/pattern`, or one
            `https://` address.
        folder: What a relative path is relative to.
        environ: See `Reading`.
        private: Whether an address may be in the private network; see `Peers`.

    Raises:
        NotFound: A path without a pattern, or a bucket, is not there.
    """
    expanded = expand(location, environ)
    match urlsplit(expanded).scheme:
        case "http" | "https":
            return [_on_the_web(location, expanded, private=private)]
        case "s3":
            return _in_a_bucket(location, expanded)
        case "file":
            return _on_disk(Path(unquote(urlsplit(expanded).path)))
        case _:
            return _on_disk(folder / expanded)


def _fingerprint(*parts: object) -> bytes:
    text = "\0".join(map(str, parts)).encode()
    return hashlib.blake2b(text, digest_size=FINGERPRINT_BYTES).digest()


def _on_disk(pattern: Path) -> list[Item]:
    wild = _WILD.intersection(str(pattern)) and not pattern.exists()
    found = sorted(glob.glob(str(pattern), recursive=True)) if wild else [str(pattern)]  # noqa: PTH207 -- Path.glob knows no absolute patterns
    items: list[Item] = []
    for path in map(Path, found):
        if not path.is_file():
            if wild:
                continue  # a folder that the pattern happens to match
            raise NotFound(f"there is no file {str(path)!r}", path=str(path))
        with disk_errors(path):
            stat = path.stat()
        items.append(
            Item(
                name=path.name,
                fingerprint=_fingerprint(path, stat.st_size, stat.st_mtime_ns),
                size_bytes=stat.st_size,
                open=lambda path=path: _opened(path),
                fetch=lambda path=path: nullcontext(path),
            )
        )
    return items


@contextmanager
def _opened(path: Path) -> Generator[ArrowFile]:
    with disk_errors(path), pa.OSFile(str(path)) as file:
        yield file


def _on_the_web(location: str, address: str, *, private: bool) -> Item:
    name = urlsplit(shown(location)).path.rpartition("/")[2] or shown(location)

    @contextmanager
    def fetched() -> Generator[Path]:
        from towpath.assets.sources.web import Web  # noqa: PLC0415 -- only files on the web need its client

        # Parquet is read from its end, so it is fetched whole; into a file, not into memory.
        with TemporaryDirectory(prefix="towpath-fetch-") as folder:
            path = Path(folder) / _ending(name)
            with Web(address, private=private) as web:
                web.download(address, path)
            yield path

    @contextmanager
    def opened() -> Generator[ArrowFile]:
        with fetched() as path, _opened(path) as file:
            yield file

    # What lies behind an address may change without a sign: it has no fingerprint of its own.
    return Item(
        name=name,
        fingerprint=_fingerprint(location),
        size_bytes=None,
        open=opened,
        fetch=fetched,
    )


def _in_a_bucket(location: str, address: str) -> list[Item]:
    import obstore  # noqa: PLC0415 -- not needed on disk
    from obstore.exceptions import BaseError  # noqa: PLC0415 -- likewise
    from obstore.store import S3Store  # noqa: PLC0415 -- likewise

    parts = urlsplit(address)
    settings = dict(parse_qsl(parts.query))
    unknown = [name for name in settings if name not in _S3_SETTINGS]
    if unknown:
        raise UsageError(
            f"the address {shown(location)} has an unknown parameter {unknown[0]!r}",
            remedy=f"Known: {', '.join(_S3_SETTINGS)}.",
        )
    options: ClientConfig = {"allow_http": settings.get("endpoint", "").startswith("http://")}
    pattern = unquote(parts.path.lstrip("/"))
    fixed = pattern[: min((pattern.find(sign) for sign in _WILD if sign in pattern), default=None)]
    try:
        store = S3Store(parts.netloc, config=cast("S3Config", settings), client_options=options)
        pages = obstore.list(store, prefix=fixed.rpartition("/")[0] or None)
        found = [one for page in pages for one in page]
    except BaseError as error:
        raise _unreachable(location, error) from error
    kept = [one for one in found if one["path"] == pattern or fnmatchcase(one["path"], pattern)]
    if not kept and fixed == pattern:
        raise NotFound(f"there is no object {shown(location)!r}", address=shown(location))
    return [
        Item(
            name=one["path"].rpartition("/")[2],
            fingerprint=_fingerprint(parts.netloc, one["path"], one["size"], one["e_tag"]),
            size_bytes=one["size"],
            open=lambda path=one["path"]: _object(store, path, location),
            fetch=lambda path=one["path"]: _downloaded(store, path, location),
        )
        for one in sorted(kept, key=lambda one: one["path"])
    ]


@contextmanager
def _object(store: S3Store, path: str, location: str) -> Generator[ArrowFile]:
    import obstore  # noqa: PLC0415 -- not needed on disk
    from obstore.exceptions import BaseError  # noqa: PLC0415 -- likewise

    try:
        reader = obstore.open_reader(store, path, buffer_size=_READ_AHEAD_BYTES)
        with pa.PythonFile(_Object(reader), mode="r") as file:
            yield file
    except BaseError as error:
        raise _unreachable(location, error) from error


@contextmanager
def _downloaded(store: S3Store, path: str, location: str) -> Generator[Path]:
    with (
        TemporaryDirectory(prefix="towpath-fetch-") as folder,
        _object(store, path, location) as file,
    ):
        local = Path(folder) / _ending(path)
        with disk_errors(local), local.open("wb") as copy:
            shutil.copyfileobj(file, copy, _READ_AHEAD_BYTES)
        yield local


def _ending(name: str) -> str:
    """Return a file name that has nothing of the given one but its ending."""
    return "fetched" + "".join(Path(name).suffixes[-2:])


class _Object:
    """An object of a bucket as Arrow wants a Python file to be."""

    def __init__(self, reader: ReadableFile) -> None:
        self._reader = reader
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        return bytes(self._reader.read(None if size < 0 else size))

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._reader.seek(offset, whence)

    def tell(self) -> int:
        return self._reader.tell()

    def size(self) -> int:
        return self._reader.size

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def _unreachable(location: str, error: Exception) -> Unavailable:
    return Unavailable(
        f"the bucket of {shown(location)} does not answer ({type(error).__name__})",
        remedy="Check the address, the region and the credentials that it names.",
    )
