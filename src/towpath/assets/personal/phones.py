"""Telephone numbers, told from other digits by Google's numbering plans (`phonenumbers`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORM = re.compile(r"(?:\+|00)?[(]?\d[\d ()./-]{5,20}\d")
_DIGITS = (7, 15)  # ITU-T E.164
_DIGITS_WITH_AREA = 9
_PILOT = 40
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


def national_share(texts: Sequence[str], *, least: float) -> float:
    """Return the largest share of the texts that one region can assign; 0 if it is below `least`.

    A few of the texts are asked first: a region that can't assign half of `least` of those is left
    out, so that a column of other digits costs hundreds of checks, not tens of thousands.
    """
    pilot = texts[:: max(1, len(texts) // _PILOT)]
    likely = [one for one in _REGIONS if _share(pilot, one, least=least / 2)]
    return max((_share(texts, one, least=least) for one in likely), default=0.0)


def _share(texts: Sequence[str], region: str, *, least: float) -> float:
    """Return the share that a region can assign; 0, as soon as that is sure, if it is below `least`."""
    failed = 0
    for text in texts:
        if not _valid(text, region):
            failed += 1
            if len(texts) - failed < least * len(texts):
                return 0.0
    return 1 - failed / max(1, len(texts))


def _valid(text: str, region: str | None) -> bool:
    import phonenumbers  # noqa: PLC0415 - its plans are of every region: only who looks at texts loads them

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False
