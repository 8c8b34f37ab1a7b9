"""What is looked for: one value, as a whole word, in text and in raw bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

_Array = Any  # pyarrow carries no types
_compute = cast("Any", pc)  # its functions are generated at import, so no checker knows them

_SURELY_NOT_CHANCE_BYTES = 5


@dataclass(frozen=True, slots=True)
class Count:
    """Occurrences of the value: standing alone (`whole`), or inside a longer word (`part`)."""

    whole: int = 0
    part: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.whole + other.whole, self.part + other.part)


class Search(Protocol):
    """What decoders need of a `Needle`, or of a `Sieve` of many."""

    @property
    def distinctive(self) -> bool:
        """Whether the bytes can't well turn up by chance among gigabytes of compressed ones."""
        ...

    @property
    def has_numbers(self) -> bool:
        """Whether a value may be stored as a whole number."""
        ...

    @property
    def longest(self) -> int:
        """The most bytes that a value may take."""
        ...

    def select(self, leaf: _Array) -> _Array:
        """Return those texts of an array that contain a value."""
        ...

    def select_bytes(self, leaf: _Array) -> _Array:
        """Return those binaries of an array that contain a value as text."""
        ...

    def count_numbers(self, leaf: _Array) -> Count:
        """Count the whole numbers of an array that equal a value."""
        ...

    def count_text(self, text: str) -> Count:
        """Count occurrences in decoded text."""
        ...

    def count_bytes(self, data: bytes) -> int:
        """Count raw occurrences in any form."""
        ...

    def count_words(self, data: bytes, start: int = 0, stop: int | None = None) -> Count:
        """Count occurrences that begin in [start, stop), by what lies beside them."""
        ...


@dataclass(frozen=True, slots=True)
class Needle:
    """A value to search for. Holds personal data: never log it, never put it in an error.

    `N142` inside `N14228` is somebody else, so text is matched by whole words: an occurrence is a part
    of a longer word when a letter or digit touches it, or one of the value's own marks does that
    leads on to a letter or digit (`a@b.org` inside `a@b.org.uk`).
    """

    value: str = field(repr=False)

    @property
    def utf8(self) -> bytes:
        """The value as nearly everything stores it."""
        return self.value.encode()

    @property
    def distinctive(self) -> bool:
        """Whether the bytes can't well turn up by chance among gigabytes of compressed ones."""
        return len(self.utf8) >= _SURELY_NOT_CHANCE_BYTES

    @property
    def number(self) -> int | None:
        """The value as a whole number, where it is one."""
        return int(self.value) if self.value.removeprefix("-").isdecimal() else None

    @property
    def has_numbers(self) -> bool:
        """Whether it may be stored as a whole number."""
        return self.number is not None

    @property
    def longest(self) -> int:
        """The most bytes that it may take."""
        return max(map(len, self.forms))

    def select(self, leaf: _Array) -> _Array:
        """Return the texts that contain it."""
        return leaf.filter(_compute.match_substring(leaf, self.value))

    def select_bytes(self, leaf: _Array) -> _Array:
        """Return the binaries that contain it as UTF-8."""
        return leaf.filter(_compute.match_substring(leaf, self.utf8))

    def count_numbers(self, leaf: _Array) -> Count:
        """Count the whole numbers that equal it."""
        try:
            equal = _compute.equal(leaf, self.number)
        except OverflowError:  # numbers of fewer bits
            return Count()
        return Count(whole=_compute.sum(equal).as_py() or 0)

    def count_text(self, text: str) -> Count:
        """Count occurrences in decoded text."""
        whole = part = 0
        at = text.find(self.value)
        while at >= 0:
            end = at + len(self.value)
            if self._leads_on(text[end : end + 2]) or self._leads_on(
                text[max(0, at - 2) : at][::-1]
            ):
                part += 1
            else:
                whole += 1
            at = text.find(self.value, at + 1)
        return Count(whole, part)

    @property
    def forms(self) -> frozenset[bytes]:
        """The value as it may lie in raw bytes: in UTF-8, UTF-16 and UTF-32 (as NumPy stores text)."""
        return frozenset(self.value.encode(name) for name in ("utf-8", "utf-16-le", "utf-32-le"))

    def count_bytes(self, data: bytes) -> int:
        """Count raw occurrences in any form."""
        return sum(data.count(form) for form in self.forms)

    def count_words(self, data: bytes, start: int = 0, stop: int | None = None) -> Count:
        """Count occurrences that begin in [start, stop), by what lies beside them.

        Only ASCII letters and digits continue a word. In other forms than UTF-8 each counts as whole.
        """
        last = len(data) if stop is None else stop
        whole = sum(
            1 for form in self.forms - {self.utf8} for _ in _places(data, form, start, last)
        )
        part = 0
        for at in _places(data, self.utf8, start, last):
            end = at + len(self.utf8)
            left, right = data[max(0, at - 2) : at][::-1], data[end : end + 2]
            if self._leads_on(_ascii(left)) or self._leads_on(_ascii(right)):
                part += 1
            else:
                whole += 1
        return Count(whole, part)

    def _leads_on(self, beside: str) -> bool:
        """Tell whether the characters beside an occurrence, nearest first, continue its word."""
        if not beside:
            return False
        if beside[0].isalnum():
            return True
        return beside[0] in self.value and len(beside) > 1 and beside[1].isalnum()


def _places(data: bytes, form: bytes, start: int, stop: int) -> Iterator[int]:
    at = data.find(form, start)
    while 0 <= at < stop:
        yield at
        at = data.find(form, at + 1)


def _ascii(beside: bytes) -> str:
    return beside.decode("ascii", errors="replace")
