"""Which files a reading has been through: a set of fingerprints, and a place in the one it is in."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from towpath.assets.sources.places import FINGERPRINT_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.sources.places import Item
    from towpath.ledger.records import Json

_ROWS_BETWEEN_POSITIONS = 100_000


class Seen:
    """Follows one reading through a list of files.

    A position holds eight bytes per file that was read, so a hundred thousand files make about a
    megabyte; it is written down every hundred thousand rows, not for each of many small files. Names
    don't appear in it: they may be somebody's.

    Args:
        after: The position that an earlier reading reached; None for none.
        items: What there is now.
    """

    def __init__(self, after: Json | None, items: Sequence[Item]) -> None:
        after = after or {}
        self._items = items
        self._seen = _unpacked(after.get("seen", ""))
        self._into: dict[str, int] = after.get("into") or {}
        self._left = [item for item in items if item.fingerprint not in self._seen]
        self._bytes = sum(item.size_bytes or 0 for item in self._left)
        self._bytes_done = 0
        self._rows_since = 0

    def left(self) -> list[Item]:
        """Return the files that have not been read to their end."""
        return self._left

    def rows_into(self, item: Item) -> int:
        """Return how many rows of a file were read already."""
        return self._into.get(item.fingerprint.hex(), 0)

    def within(self, item: Item, rows: int, added: int) -> Json | None:
        """Return the position after so many rows of a file; None where the last one is near."""
        self._rows_since += added
        if self._rows_since < _ROWS_BETWEEN_POSITIONS:
            return None
        self._rows_since = 0
        return {"seen": _packed(self._seen), "into": {item.fingerprint.hex(): rows}}

    def finish(self, item: Item) -> None:
        """Note that a file was read to its end."""
        self._seen.add(item.fingerprint)
        self._bytes_done += item.size_bytes or 0

    def at_the_end(self) -> Json:
        """Return the position behind everything there is; files that are gone are forgotten."""
        return {"seen": _packed({item.fingerprint for item in self._items})}

    def share(self, bytes_into: int) -> float | None:
        """Return which share of the bytes has been read; None where lengths are not known."""
        if not self._bytes:
            return None
        return min(1.0, (self._bytes_done + bytes_into) / self._bytes)


def _packed(seen: set[bytes]) -> str:
    return b64encode(b"".join(sorted(seen))).decode()


def _unpacked(text: str) -> set[bytes]:
    data = b64decode(text)
    size = FINGERPRINT_BYTES
    return {data[at : at + size] for at in range(0, len(data), size)}
