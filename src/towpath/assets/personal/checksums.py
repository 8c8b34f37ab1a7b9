"""The check digits by which numbers that people are known under tell themselves from other numbers."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Verhoeff's dihedral group D5: its multiplication and the permutation of places (Verhoeff, 1969).
_D5 = (
    *("0123456789", "1234067895", "2340178956", "3401289567", "4012395678"),
    *("5987604321", "6598710432", "7659821043", "8765932104", "9876543210"),
)
_PLACES = (
    *("0123456789", "1576283094", "5803796142", "8916043527"),
    *("9453126870", "4286573901", "2793806415", "7046913258"),
)


def luhn(digits: str) -> bool:
    """Tell whether the last digit checks the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def verhoeff(digits: str) -> bool:
    """Tell whether the last digit checks the others by Verhoeff's scheme."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = int(_D5[check][int(_PLACES[place % 8][int(digit)])])
    return check == 0


def mod_97_10(text: str) -> bool:
    """Tell whether letters and digits, check digits last, are 1 modulo 97 (ISO 7064)."""
    return int("".join(str(int(one, 36)) for one in text)) % 97 == 1


def mod_11_10(digits: str) -> bool:
    """Tell whether the last digit checks the others by ISO 7064's hybrid system."""
    product = 10
    for digit in digits[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def weighted(digits: str, weights: Sequence[int]) -> int:
    """Return the sum of digits times weights, which repeat."""
    return sum(int(digit) * weight for digit, weight in zip(digits, cycle(weights), strict=False))
