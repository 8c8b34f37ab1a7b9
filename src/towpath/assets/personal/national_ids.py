"""Numbers by which states know people, each by its form and its check digits.

A scheme is only as good as its check: forms that any number fits are left out, so that an arbitrary
column of digits does not pass by chance (of numbers that fit a form, at most one in nine passes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.assets.personal.checksums import luhn, mod_11_10, verhoeff, weighted

if TYPE_CHECKING:
    from collections.abc import Callable

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_RESIDENT_CHECK = "10X98765432"
_FISCAL_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21),
            *(2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        ),
        strict=True,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """One way of numbering people.

    Attributes:
        name: The state's code and what people call the number.
        form: What the text must match from end to end, spaces and case aside.
        holds: Whether the check digits of a text of that form are right.
        needs_hint: Whether its check is too weak to go without a telling column name.
    """

    name: str
    form: re.Pattern[str]
    holds: Callable[[str], bool]
    needs_hint: bool = False

    def passes(self, text: str) -> bool:
        """Tell whether a text, without spaces and in capitals, is such a number."""
        return self.form.fullmatch(text) is not None and self.holds(text)


def _us_ssn(text: str) -> bool:
    area, group, serial = text[:3], text[3:5], text[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def _spanish(text: str) -> bool:
    number = text[:-1].translate(str.maketrans("XYZ", "012"))
    return _DNI_LETTERS[int(number) % 23] == text[-1]


def _french(text: str) -> bool:
    number = text[:13].replace("2A", "19").replace("2B", "18")
    return 97 - int(number) % 97 == int(text[13:])


def _italian(text: str) -> bool:
    total = 0
    for place, one in enumerate(text[:15]):
        even = int(one) if one.isdigit() else ord(one) - ord("A")
        total += even if place % 2 else _FISCAL_ODD[one]
    return chr(ord("A") + total % 26) == text[15]


def _german(text: str) -> bool:
    return len(set(text[:10])) in (8, 9) and mod_11_10(text)


def _dutch(text: str) -> bool:
    return weighted(text, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _brazilian(text: str) -> bool:
    if len(set(text)) == 1:
        return False
    for length in (9, 10):
        check = weighted(text[:length], range(length + 1, 1, -1)) * 10 % 11 % 10
        if check != int(text[length]):
            return False
    return True


def _polish(text: str) -> bool:
    return (
        _is_day(text[2:4], text[4:6])
        and (weighted(text[:10], (1, 3, 7, 9)) + int(text[10])) % 10 == 0
    )


def _chinese(text: str) -> bool:
    weights = [2**place % 11 for place in range(17, 0, -1)]
    return _RESIDENT_CHECK[weighted(text[:17], weights) % 11] == text[17]


def _swedish(text: str) -> bool:
    digits = text[-10:]
    return _is_day(digits[2:4], digits[4:6]) and luhn(digits)


def _is_day(month: str, day: str) -> bool:
    # Schemes write the century into the month (Poland: + 20, 40, …) and status into the day (+ 60).
    return 1 <= int(month) % 20 <= 12 and 1 <= int(day) % 60 <= 31


def _any(text: str) -> bool:
    return bool(text)


def _scheme(
    name: str, form: str, holds: Callable[[str], bool], *, needs_hint: bool = False
) -> Scheme:
    return Scheme(name=name, form=re.compile(form), holds=holds, needs_hint=needs_hint)


# Texts come without spaces and in capitals. A form with its own marks (123-45-6789) is telling.
SCHEMES = (
    _scheme("US SSN", r"\d{3}-\d{2}-\d{4}", lambda text: _us_ssn(text.replace("-", ""))),
    _scheme("US SSN", r"\d{9}", _us_ssn, needs_hint=True),
    _scheme("UK NINO", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]", _any),
    _scheme("ES DNI", r"\d{8}-?[A-Z]", lambda text: _spanish(text.replace("-", ""))),
    _scheme("ES NIE", r"[XYZ]-?\d{7}-?[A-Z]", lambda text: _spanish(text.replace("-", ""))),
    _scheme("FR NIR", r"[12]\d{2}(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d{2}|2[AB])\d{8}", _french),
    _scheme(
        "IT codice fiscale",
        r"[A-Z]{6}[\dLMNPQRSTUV]{2}[ABCDEHLMPRST][\dLMNPQRSTUV]{2}[A-Z][\dLMNPQRSTUV]{3}[A-Z]",
        _italian,
    ),
    _scheme("DE tax id", r"[1-9]\d{10}", _german),
    _scheme("NL BSN", r"\d{9}", _dutch),
    _scheme("BR CPF", r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}", lambda text: _brazilian(_digits(text))),
    _scheme("IN Aadhaar", r"[2-9]\d{11}", verhoeff),
    _scheme("CA SIN", r"[1-79]\d{2}-?\d{3}-?\d{3}", lambda text: luhn(_digits(text))),
    _scheme(
        "SE personnummer",
        r"(?:\d{2})?\d{6}[-+]?\d{4}",
        lambda text: _swedish(_digits(text)),
    ),
    _scheme("PL PESEL", r"\d{11}", _polish),
    _scheme("CN resident id", r"[1-8]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dX]", _chinese),
)


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)
