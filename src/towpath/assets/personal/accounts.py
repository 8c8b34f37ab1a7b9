"""Payment cards and bank accounts."""

from __future__ import annotations

import re

from towpath.assets.personal.checksums import luhn, mod_97_10

# How long an IBAN is, by country (SWIFT's IBAN registry).
_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FI FO GL NL SD FK",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU MN XK",
        "21": "CH CR HR LI LV",
        "22": "BG BH DE GB GE IE ME RS",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HN HU LB NI PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU YE",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
    }.items()
    for country in countries.split()
}
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
# First digits and lengths of the large networks (ISO/IEC 7812 issuer ranges).
_CARD = re.compile(
    r"4\d{12}(?:\d{3}){0,2}"  # Visa: 13, 16 or 19
    r"|(?:5[1-5]\d{2}|2(?:22[1-9]|2[3-9]\d|[3-6]\d{2}|7[01]\d|720))\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|6(?:011|5\d{2}|4[4-9]\d)\d{12}"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|62\d{14,17}"  # UnionPay
    r"|(?:50|5[6-8]|6\d)\d{10,17}"  # Maestro
)
_CARD_MARKS = re.compile(r"[ -]")


def is_payment_card(text: str) -> bool:
    """Tell whether a text is the number of a payment card, with or without spaces and dashes."""
    digits = _CARD_MARKS.sub("", text)
    return _CARD.fullmatch(digits) is not None and len(set(digits)) > 1 and luhn(digits)


def is_iban(text: str) -> bool:
    """Tell whether a text is an International Bank Account Number (ISO 13616)."""
    plain = text.replace(" ", "").upper()
    if _IBAN.fullmatch(plain) is None or _IBAN_LENGTHS.get(plain[:2]) != len(plain):
        return False
    return mod_97_10(plain[4:] + plain[:4])
