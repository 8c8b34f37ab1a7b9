"""What is looked for: one value, as a whole word, in text and in raw bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

_SURELY_NOT_CHANCE_BYTES = 5


@dataclass(frozen=True, slots=True)
class Count:
    """Occurrences of the value: standing alone (`whole`), or inside a longer word (`part`)."""

    whole: int = 0
    part: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.whole + other.whole, self.part + other.part)


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

    def count_bytes(self, data: bytes) -> int:
        """Count raw occurrences in UTF-8, UTF-16 and UTF-32 (as NumPy stores text)."""
        forms = {self.value.encode(name) for name in ("utf-8", "utf-16-le", "utf-32-le")}
        return sum(data.count(form) for form in forms)

    def _leads_on(self, beside: str) -> bool:
        """Tell whether the characters beside an occurrence, nearest first, continue its word."""
        if not beside:
            return False
        if beside[0].isalnum():
            return True
        return beside[0] in self.value and len(beside) > 1 and beside[1].isalnum()
