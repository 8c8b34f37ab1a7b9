"""Blobs as objects in a bucket, read through a verified local cache."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import SplitResult, parse_qsl

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from towpath.core.digests import digest_bytes, digest_file
from towpath.core.errors import Conflict, InvalidSetting, NotFound, Unavailable
from towpath.core.refs import check_name
from towpath.storage.blobs.naming import absent, check_digest, corrupt, is_digest
from towpath.storage.files import disk_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Sequence

    from obstore.store import S3Config

_MULTIPART_BYTES = 16 << 20
_THREADS = 8
_SETTINGS = ("endpoint", "region", "access_key_id", "secret_access_key", "session_token")


class ObjectBlobStore:
    """Objects named `sha256/ab/<64 hex>` below a prefix.

    An object store puts an object whole or not at all and answers once it is durable. Two writers of
    one name write the same bytes, so the last one winning is as good as the first. Downloads go to
    `cache_dir`; a file there is checked against its name before this process first trusts it.
    """

    def __init__(
        self,
        store: S3Store,
        *,
        name: str,
        cache_dir: Path | None,
        folder: str = "sha256",
        within: ObjectBlobStore | None = None,
    ) -> None:
        self._store = store
        self._name = name
        self._folder = folder
        self._within = within  # an area lives in its store's cache, so that must live as long
        if cache_dir is None:
            cache_dir = Path(tempfile.mkdtemp(prefix="towpath-blobs-"))
            # Removed with this object, at the latest when the process ends.
            weakref.finalize(self, shutil.rmtree, cache_dir, ignore_errors=True)
        self._cache = cache_dir.absolute()
        self._trusted: set[str] = set()
        with disk_errors(self._cache):
            self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, data: bytes | memoryview) -> str:
        """See `BlobStore.put`."""
        digest = digest_bytes(data)
        if not self._holds(digest, memoryview(data).nbytes):
            with self._answers():
                obstore.put(self._store, self._key(digest), bytes(data), use_multipart=False)
        return digest

    def put_file(self, path: Path) -> str:
        """See `BlobStore.put_file`; reads the file twice, to know its name before sending it."""
        with disk_errors(path):
            digest = digest_file(path)
            size_bytes = path.stat().st_size
        if not self._holds(digest, size_bytes):
            with self._answers():
                obstore.put(
                    self._store,
                    self._key(digest),
                    path,
                    use_multipart=size_bytes > _MULTIPART_BYTES,
                    chunk_size=_MULTIPART_BYTES,
                )
        return digest

    def put_files(
        self, paths: Sequence[Path], *, announce: Callable[[Sequence[str]], None]
    ) -> list[str]:
        """See `BlobStore.put_files`; reads each file twice, to know its name before sending it."""
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="put") as pool:
            with disk_errors(self._cache):
                digests = list(pool.map(digest_file, paths))
            announce(digests)
            list(pool.map(self._send, paths, digests))
        return digests

    def area(self, name: str) -> ObjectBlobStore:
        """See `BlobStore.area`; a prefix of its own."""
        check_name(name, "area")
        return ObjectBlobStore(
            self._store,
            name=self._name,
            cache_dir=self._cache / name,
            folder=f"{name}/{self._folder}",
            within=self,
        )

    def get(self, digest: str) -> bytes:
        """See `BlobStore.get`."""
        cached = self._cached(digest)
        if digest in self._trusted:
            with suppress(FileNotFoundError):
                data = cached.read_bytes()
                if digest_bytes(data) == digest:
                    return data
        with self._answers(digest):
            data = bytes(obstore.get(self._store, self._key(digest)).bytes())
        if digest_bytes(data) != digest:
            raise corrupt(digest)
        return data

    @contextmanager
    def open_local(self, digest: str) -> Generator[Path]:
        """See `BlobStore.open_local`."""
        path = self._cached(digest)
        with disk_errors(self._cache):
            if not (digest in self._trusted and path.exists()):
                if not (path.exists() and digest_file(path) == digest):
                    self._download(digest, path)
                self._trusted.add(digest)
        yield path

    def location(self, digest: str) -> str:
        """See `BlobStore.location`."""
        return f"s3://{self._name.rstrip('/')}/{self._key(digest)}"

    def exists(self, digest: str) -> bool:
        """See `BlobStore.exists`."""
        return self._size(digest) is not None

    def missing(self, digests: Collection[str]) -> set[str]:
        """See `BlobStore.missing`."""
        asked = list(dict.fromkeys(digests))
        if len(asked) < 2:
            return {digest for digest in asked if not self.exists(digest)}
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="missing") as pool:
            there = pool.map(self.exists, asked)
            return {digest for digest, is_there in zip(asked, there, strict=True) if not is_there}

    def size_bytes(self, digest: str) -> int:
        """See `BlobStore.size_bytes`."""
        size_bytes = self._size(digest)
        if size_bytes is None:
            raise absent(digest)
        return size_bytes

    def delete(self, digest: str) -> bool:
        """See `BlobStore.delete`. Caches of other machines are theirs to clear."""
        self._trusted.discard(digest)
        with disk_errors(self._cache):
            self._cached(digest).unlink(missing_ok=True)
        was_there = self._size(digest) is not None
        if was_there:
            with self._answers():
                obstore.delete(self._store, self._key(digest))
        return was_there

    def walk(self) -> Iterator[str]:
        """See `BlobStore.walk`."""
        with self._answers():
            for page in obstore.list(self._store, prefix=self._folder):
                for item in page:
                    name = item["path"].rpartition("/")[2]
                    if is_digest(name):
                        yield name

    def _key(self, digest: str) -> str:
        return f"{self._folder}/{check_digest(digest)[:2]}/{digest}"

    def _cached(self, digest: str) -> Path:
        return self._cache / check_digest(digest)[:2] / digest

    def _holds(self, digest: str, size_bytes: int) -> bool:
        """Tell whether the object is there; one of another length is damaged and gets replaced."""
        return self._size(digest) == size_bytes

    def _size(self, digest: str) -> int | None:
        try:
            with self._answers(digest):
                return obstore.head(self._store, self._key(digest))["size"]
        except NotFound:
            return None

    def _send(self, path: Path, digest: str) -> None:
        """Send a file under a name that was read off it before, unless its bytes changed since."""
        with disk_errors(path):
            before = path.stat()
            if self._holds(digest, before.st_size):
                return
            if before.st_size <= _MULTIPART_BYTES:
                data = path.read_bytes()
                if digest_bytes(data) != digest:
                    raise _changed(digest)
                self.put(data)
                return
        with self._answers():
            obstore.put(
                self._store,
                self._key(digest),
                path,
                use_multipart=True,
                chunk_size=_MULTIPART_BYTES,
            )
        with disk_errors(path):
            after = path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            self.delete(digest)
            raise _changed(digest)

    def _download(self, digest: str, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_name(f".{secrets.token_hex(16)}")
        try:
            with self._answers(digest), temporary.open("wb") as file:
                for chunk in obstore.get(self._store, self._key(digest)).stream():
                    file.write(chunk)
            if digest_file(temporary) != digest:
                raise corrupt(digest)
            temporary.chmod(0o400)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    @contextmanager
    def _answers(self, digest: str | None = None) -> Generator[None]:
        """Translate what the client raises; an absent object is `NotFound` where a digest is given."""
        try:
            yield
        except FileNotFoundError as error:
            if digest is not None:
                raise absent(digest) from error
            raise self._away(error) from error
        except BaseError as error:
            raise self._away(error) from error

    def _away(self, error: Exception) -> Unavailable:
        detail = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return Unavailable(
            f"the bucket {self._name} does not answer: {detail}",
            remedy="Check its name, address, credentials and network, then retry.",
        )


def _changed(digest: str) -> Conflict:
    return Conflict(
        f"a file changed while blob {digest} was made of it",
        remedy="Store it again when nobody writes to it.",
        digest=digest,
    )


def open_s3(url: SplitResult, *, cache_dir: Path | None) -> ObjectBlobStore:
    """Open the bucket and prefix of an `s3://` URL; see `open_blobs` for its query."""
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    unknown = sorted(key for key, value in query.items() if key not in _SETTINGS or not value)
    if unknown:
        raise InvalidSetting(
            f"the blob store URL has an unknown or empty setting {unknown[0]!r}",
            remedy=f"Known: {', '.join(_SETTINGS)}.",
        )
    config = cast("S3Config", query)
    # Plain HTTP only to a server that the URL names itself.
    allow_http = query.get("endpoint", "").startswith("http://")
    store = S3Store(
        url.netloc,
        prefix=url.path.strip("/") or None,
        config=config,
        client_options={"allow_http": allow_http, "timeout": "60s", "connect_timeout": "5s"},
        retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=30)},
    )
    return ObjectBlobStore(store, name=f"{url.netloc}{url.path}", cache_dir=cache_dir)
