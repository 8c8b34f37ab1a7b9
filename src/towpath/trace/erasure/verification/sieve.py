"""Looks for thousands of values at once: says which of them a place may hold, for an exact look after.

One automaton goes over the data once, however many values there are (Aho and Corasick, Communications of
the ACM, 1975). It takes the place of a `Needle` while a place is decoded, so nothing is decoded otherwise
than for one value. What it is for is the usual answer, nothing; where it says more, each value that it
names is looked for by itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from towpath.trace.erasure.verification.needle import Count, Needle

if TYPE_CHECKING:
    from collections.abc import Sequence

_Array = Any  # pyarrow carries no types
# Every byte that is no ASCII becomes one that is, in the data as in what is looked for: then the data
# is text as it lies. Values that look alike afterwards are told apart by the exact look.
_ASCII = bytes(one if one < 0x80 else 0x7F for one in range(0x100))


@dataclass(frozen=True, slots=True)
class Values:
    """What is looked for, made ready once. Holds personal data: never log it."""

    texts: tuple[str, ...] = field(repr=False)
    needles: dict[str, Needle] = field(repr=False)
    patterns: dict[str, frozenset[str]] = field(repr=False)
    numbers: dict[int, str] = field(repr=False)

    def suspects(self, *data: str | bytes) -> list[str]:
        """Return which of the values some texts or bytes may contain."""
        if len(self.needles) == 1:
            return list(self.needles)
        sieve = Sieve(self)
        for one in data:
            sieve.count_bytes(one.encode() if isinstance(one, str) else one)
        return sorted(sieve.suspects)

    @classmethod
    def of(cls, texts: Sequence[str]) -> Values:
        """Make values ready."""
        needles = {text: Needle(text) for text in texts}
        patterns: dict[str, set[str]] = {}
        for text, needle in needles.items():
            for form in needle.forms:
                patterns.setdefault(form.translate(_ASCII).decode(), set()).add(text)
        return cls(
            texts=tuple(needles),
            needles=needles,
            patterns={pattern: frozenset(some) for pattern, some in patterns.items()},
            numbers={
                needle.number: text for text, needle in needles.items() if needle.number is not None
            },
        )


@dataclass(slots=True)
class Sieve:
    """Stands for many needles while one place is read, and keeps which of them it may hold.

    One place's; not thread-safe.

    Attributes:
        values: What is looked for.
        suspects: The values that decoded cells hold, or bytes may.
        parts: How often decoded cells hold a value as a part of longer words.
    """

    values: Values
    suspects: set[str] = field(default_factory=set[str], repr=False)
    parts: Counter[str] = field(default_factory=Counter[str], repr=False)

    @property
    def ambiguous(self) -> int:
        """Occurrences in longer words, of values that are no suspects."""
        return sum(count for value, count in self.parts.items() if value not in self.suspects)

    @property
    def distinctive(self) -> bool:
        """Whether to look at raw bytes: always; the exact look judges."""
        return True

    @property
    def has_numbers(self) -> bool:
        """Whether one of the values may be stored as a whole number."""
        return bool(self.values.numbers)

    @property
    def longest(self) -> int:
        """The most bytes that a value may take."""
        return max(map(len, self.values.patterns))

    def select(self, leaf: _Array) -> _Array:
        """Return the texts that contain one of the values."""
        texts = pl.Series(values=pl.from_arrow(leaf), dtype=pl.String)
        return leaf.filter(texts.str.contains_any(list(self.values.texts)).to_arrow())

    def select_bytes(self, leaf: _Array) -> _Array:
        """Return the binaries that contain one of the values."""
        found = [data is not None and self.count_bytes(data) > 0 for data in leaf.to_pylist()]
        return leaf.filter(pa.array(found, pa.bool_()))

    def count_numbers(self, leaf: _Array) -> Count:
        """Keep which of the values whole numbers equal."""
        numbers = pl.Series(values=pl.from_arrow(leaf)).cast(pl.Int128).unique()
        for number in numbers.filter(numbers.is_in(list(self.values.numbers))).to_list():
            self.suspects.add(self.values.numbers[int(number)])
        return Count()

    def count_text(self, text: str) -> Count:
        """Keep which of the values a text contains, as whole words or as parts of longer ones."""
        found = pl.Series([text]).str.extract_many(list(self.values.texts), overlapping=True)
        total = Count()
        for name in set(found.to_list()[0]):
            count = self.values.needles[name].count_text(text)
            if count.whole:
                self.suspects.add(name)
            self.parts[name] += count.part
            total += count
        return total

    def count_bytes(self, data: bytes) -> int:
        """Keep which of the values bytes contain, in any form."""
        series = _as_text(data.translate(_ASCII))
        patterns = list(self.values.patterns)
        if not series.str.contains_any(patterns).item():
            return 0
        found = set(series.str.extract_many(patterns, overlapping=True).to_list()[0])
        for pattern in found:
            self.suspects |= self.values.patterns[pattern]
        return len(found)

    def count_words(self, data: bytes, start: int = 0, stop: int | None = None) -> Count:
        """Keep which of the values begin in [start, stop), or thereabouts."""
        end = len(data) if stop is None else min(len(data), stop + self.longest)
        return Count(part=self.count_bytes(data[start:end]))


def _as_text(data: bytes) -> pl.Series:
    """Return ASCII bytes as one text, without a copy."""
    offsets = pa.array([0, len(data)], pa.int64()).buffers()[1]
    return pl.Series(
        values=pl.from_arrow(
            pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(data)])
        ),
        dtype=pl.String,
    )
