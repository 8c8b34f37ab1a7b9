"""A file of lines that only grows, and whose length and content somebody else vouches for."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Final

import msgspec

from towpath.core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_BEGIN: Final = hashlib.sha256(b"towpath journal\n").digest()


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a journal counts, and what that is.

    Attributes:
        size_bytes: Its length.
        chain: SHA-256 of the chain before and the line, for line after line: it is gone on from without
            reading what is before.
    """

    size_bytes: int = 0
    chain: str = _BEGIN.hex()


class Journal:
    """Lines on disk. One process at a time; a killed one leaves a tail that no extent vouches for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def extend(self, extent: Extent, lines: Sequence[str]) -> Extent:
        """Add lines after an extent, durably, in the place of whatever else is there.

        Costs what is added. The file is readable by its owner alone.

        Raises:
            IntegrityError: The file is shorter than the extent.
        """
        if not lines:
            return extent
        data = "".join(f"{line}\n" for line in lines).encode()
        with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            if os.fstat(file.fileno()).st_size < extent.size_bytes:
                raise _changed(self._path)
            file.truncate(extent.size_bytes)
            file.seek(extent.size_bytes)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        chain = _chained(bytes.fromhex(extent.chain), data)
        return Extent(size_bytes=extent.size_bytes + len(data), chain=chain.hex())

    def read(self, extent: Extent) -> list[str]:
        """Return the lines of an extent.

        Raises:
            IntegrityError: They are not what was written.
        """
        if not extent.size_bytes:
            return []
        try:
            with self._path.open("rb") as file:
                data = file.read(extent.size_bytes)
        except FileNotFoundError as error:
            raise _changed(self._path) from error
        if len(data) != extent.size_bytes or _chained(_BEGIN, data).hex() != extent.chain:
            raise _changed(self._path)
        return data.decode().splitlines()


def _chained(chain: bytes, data: bytes) -> bytes:
    for line in data.splitlines(keepends=True):
        chain = hashlib.sha256(chain + line).digest()
    return chain


def _changed(path: Path) -> IntegrityError:
    return IntegrityError(
        f"{path} was not written by this home's gateways",
        remedy="Remove it and what lies beside it; both are written again from the ledger.",
    )
