"""Telephone numbers, told from other digits by Google's numbering plans (`phonenumbers`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import phonenumbers
from phonenumbers import NumberParseException

if TYPE_CHECKING:
    from collections.abc import Iterable

_FORM = re.compile(r"(?:\+|00)?[(]?\d[\d ()./-]{5,20}\d")
_DIGITS = (7, 15)  # ITU-T E.164
_DIGITS_WITH_AREA = 9
# Digits in these forms are dates, times, decimals, postal codes, versions or addresses.
_OTHER = re.compile(
    r"\d{4}[-./]\d{1,2}[-./]\d{1,2}.*|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}.*|[-+]?\d+[.]\d+"
    r"|\d{5}-\d{4}|\d{3}-\d{2}-\d{4}|\d{1,3}(?:\.\d{1,3}){3}"
)
# Where a number without a country code may be from: one region has to explain the whole column.
_REGIONS = (
    "US",
    "GB",
    "DE",
    "FR",
    "ES",
    "IT",
    "NL",
    "PL",
    "BR",
    "IN",
    "AU",
    "JP",
    "CN",
    "MX",
    "SE",
)


def could_be_phone(text: str, *, local: bool) -> bool:
    """Tell whether a text has the form of a telephone number and of nothing more common.

    Args:
        text: The text.
        local: Whether a number without its area's code will do; article numbers look like those.
    """
    if _FORM.fullmatch(text) is None or _OTHER.fullmatch(text) is not None:
        return False
    least = _DIGITS[0] if local or text.startswith("+") else _DIGITS_WITH_AREA
    return least <= sum(one.isdigit() for one in text) <= _DIGITS[1]


def is_international(text: str) -> bool:
    """Tell whether a text with a country code is a number that its country can assign."""
    number = re.sub(r"^00", "+", text)
    return number.startswith("+") and _valid(number, None)


def has_marks(text: str) -> bool:
    """Tell whether a number is written as people write telephone numbers: grouped, or from a 0 on."""
    return text.startswith(("0", "(", "+")) or re.search(r"[ ()/-]", text) is not None


def national_share(texts: Iterable[str]) -> float:
    """Return the largest share of the texts that one region can assign."""
    texts = list(texts)
    best = 0.0
    for region in _REGIONS:
        wanted = best * len(texts)
        left, valid = len(texts), 0
        for text in texts:
            valid += _valid(text, region)
            left -= 1
            if valid + left <= wanted:
                break
        best = max(best, valid / max(1, len(texts)))
    return best


def _valid(text: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except NumberParseException:
        return False
