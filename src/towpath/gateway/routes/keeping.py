"""What a gateway keeps on its own disk, to start without ledger and blob store: what was in force, and its models.

The folder is readable by its owner alone. What was in force is signed with the home's key, and packages are
named by their digests and checked when read, so neither is believed because of where it lies.
"""

from __future__ import annotations

import base64
import fcntl
import os
import time
from contextlib import contextmanager, suppress
from datetime import datetime  # noqa: TC003 - msgspec reads the annotation
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import msgspec
import structlog

from towpath.core.errors import CorruptBlob, IntegrityError, NotFound
from towpath.core.refs import check_name
from towpath.gateway.routes.journal import Extent, Journal
from towpath.storage.blobs.disk import DiskBlobStore
from towpath.storage.files import disk_errors, sync_folder
from towpath.storage.keys import verify_signature

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Sequence
    from pathlib import Path

    from towpath.ledger.records import Intent
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring

_FORMAT: Final = 2
_DRAFT: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_PURPOSE: Final = b"towpath gateway state\n"
_log = structlog.get_logger()


class Row(msgspec.Struct, frozen=True):
    """As much of an intent as a gateway follows."""

    generation: int
    created_at: datetime
    spec: dict[str, Any]

    @classmethod
    def of(cls, intent: Intent | None) -> Self | None:
        """Return the part of a row of the ledger."""
        if intent is None:
            return None
        return cls(intent.generation, intent.created_at, dict(intent.spec))

    @property
    def mark(self) -> tuple[datetime, int]:
        """Which of two is newer: a row that was put anew begins to count again."""
        return (self.created_at, self.generation)


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What was in force.

    Attributes:
        route: The environment's route.
        models: The bodies of the model versions that the route names, with their signatures.
        withdrawn: How much of the journal of subjects who withdrew counts; it is kept beside this, since
            it may be long and grows a line at a time.
        position: The position on the ledger's list of the last line that was added, and `newest` that line.
    """

    format: int = _FORMAT
    route: Row | None = None
    models: dict[str, dict[str, Any]] = {}
    withdrawn: Extent = Extent()
    position: int = 0
    newest: str = ""


class Recalled(NamedTuple):
    """What was kept.

    Attributes:
        subjects: Who withdrew, by keyed hash, in the order of the ledger's list if there are as many as
            `known.position` says.
        age_s: How many seconds ago the ledger last said so.
    """

    known: Known
    subjects: list[str]
    age_s: float


class LastKnown:
    """What was last in force in an environment, for all gateways of a home. Process-safe.

    Args:
        folder: Where it is kept.
        environment: Whose route it is.
        keyring: Signs it.
    """

    def __init__(self, folder: Path, environment: str, keyring: Keyring) -> None:
        self._folder = folder
        self._path = folder / f"{check_name(environment, 'environment')}.state"
        self._journal = Journal(self._path.with_suffix(".withdrawn"))
        self._keyring = keyring
        self._written: tuple[Known, int, Sequence[str]] | None = None

    def remember(self, known: Known, withdrawn: Sequence[str] = ()) -> None:
        """Keep it, durably, unless another gateway has kept something newer.

        Whoever is told that a withdrawal is in force must be told after this: a gateway that starts again
        from here must know of it. Of the withdrawals only new ones are written.

        Args:
            known: What is in force; what it says of withdrawals counts for nothing.
            withdrawn: Who withdrew, by keyed hash, in the order of the ledger's list.

        Raises:
            InfrastructureError: The disk refuses.
        """
        written = (known, len(withdrawn), withdrawn[-1:])
        if written == self._written:
            return
        with disk_errors(self._folder), self._alone():
            before = self._read()
            known = self._joined(before, known, withdrawn)
            if known != before:
                payload = msgspec.json.encode(known)
                signature = base64.b64encode(self._keyring.sign(_PURPOSE + payload))
                draft = self._path.with_suffix(".new")
                with os.fdopen(os.open(draft, _DRAFT, 0o600), "wb") as file:
                    file.write(signature + b"\n" + payload)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(self._path)
                sync_folder(self._folder)
        self._written = written

    def confirm(self) -> None:
        """Note that the ledger says so still: from now on it counts as fresh."""
        with suppress(OSError):
            os.utime(self._path)

    def recall(self) -> Recalled | None:
        """Return what was in force.

        Raises:
            IntegrityError: Somebody else wrote it.
        """
        with disk_errors(self._folder), self._alone():
            try:
                age_s = max(0.0, time.time() - self._path.stat().st_mtime)
            except FileNotFoundError:
                return None
            known = self._read()
            if known is None:
                return None
            return Recalled(known, self._journal.read(known.withdrawn), age_s)

    def _joined(self, before: Known | None, now: Known, withdrawn: Sequence[str]) -> Known:
        """Return what is known with what other gateways kept, once the journal has all who withdrew."""
        before = before or Known()
        route = _newer(before.route, now.route)
        models = now.models if route is now.route else before.models
        extent, position, newest = before.withdrawn, before.position, before.newest
        if position == 0 or (position <= len(withdrawn) and withdrawn[position - 1] == newest):
            news = withdrawn[position:]
        else:  # another gateway is ahead, or one of us reads a database that was put back
            there = set(self._journal.read(extent))
            news = [one for one in withdrawn if one not in there]
        if news:
            extent = self._journal.extend(extent, news)
            position, newest = len(withdrawn), withdrawn[-1]
        return Known(route=route, models=models, withdrawn=extent, position=position, newest=newest)

    def _read(self) -> Known | None:
        try:
            signature, _, payload = self._path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        try:
            signed = base64.b64decode(signature, validate=True)
            ours = verify_signature(self._keyring.public_keys_pem, _PURPOSE + payload, signed)
            known = msgspec.json.decode(payload, type=Known) if ours else None
        except ValueError:
            known = None
        if known is None:
            raise IntegrityError(
                f"{self._path} was not written by this home's gateways",
                remedy="Remove it; it is written again from the ledger.",
            )
        return known if known.format == _FORMAT else None

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Wait for the other gateways' turns."""
        _make(self._folder)
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


class PackageCache:
    """Copies of the packages that the route names. Process-safe.

    A package whose rows must be forgotten goes with the route that named it: `keep_only` is called with
    what the route in force names, and a gateway reports a route after that.

    Args:
        folder: Where they are kept.
        source: Where they come from.
    """

    def __init__(self, folder: Path, source: BlobStore) -> None:
        with disk_errors(folder):
            _make(folder)
        self.local = DiskBlobStore(folder)
        self._source = source

    def bring(self, digests: Iterable[str]) -> None:
        """Have blobs here, whole.

        Raises:
            Unavailable: The store is away, and one of them was not here.
            NotFound: It is gone from the store.
            CorruptBlob: The store's bytes were changed.
        """
        for digest in digests:
            try:
                self.local.get(digest)
            except NotFound:
                self.local.put(self._source.get(digest))
            except CorruptBlob:
                _log.warning("package.spoilt", digest=digest)
                self.local.delete(digest)
                self.local.put(self._source.get(digest))

    def size_bytes(self, digests: Iterable[str]) -> int:
        """Return the length of blobs that need not be here; raises what `bring` raises."""
        return sum(
            (self.local if self.local.exists(one) else self._source).size_bytes(one)
            for one in digests
        )

    def keep_only(self, digests: Collection[str]) -> None:
        """Remove all other blobs."""
        for digest in list(self.local.walk()):
            if digest not in digests:
                self.local.delete(digest)


def _newer(before: Row | None, now: Row | None) -> Row | None:
    if before is None or now is None:
        return now or before
    return now if now.mark >= before.mark else before


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
