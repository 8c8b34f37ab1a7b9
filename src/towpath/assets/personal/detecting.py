"""Which columns look as if they held personal data, from a bounded sample of their values."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.personal.accounts import is_iban, is_payment_card
from towpath.assets.personal.contract import Kind, PersonalFinding
from towpath.assets.personal.hints import suggests
from towpath.assets.personal.names import name_shares
from towpath.assets.personal.national_ids import SCHEMES
from towpath.assets.personal.phones import (
    could_be_phone,
    has_marks,
    is_international,
    national_share,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

SAMPLED_MOST = 1_000
_READ_MOST = 20_000
_LEAST_VALUES = 5
_MOST_CHARS = 2_000
_SHARE = 0.8
_SHARE_HINTED = 0.4
_SHARE_PHONES = 0.65
_SHARE_NAMES_HINTED = 0.03
_SHARE_SINGLE = 0.2
_SHARE_GIVEN = 0.15
_SHARE_SURNAMES = 0.04
_SHARE_PLACES = 0.2
_SHARE_INSIDE = 0.01
_LEAST_INSIDE = 2
_INSIDE_CHARS = 20
_SHORTEST_NUMBER = 9
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[\w-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{1,62}"
)
_CARD_INSIDE = re.compile(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])")
_IBAN_INSIDE = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_PHONE_INSIDE = re.compile(r"(?<![\w+])\+\d[\d ()./-]{6,18}\d(?!\d)")
_SSN_INSIDE = re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])")
_VERSION_OCTET = 30


def find_personal(rows: pl.DataFrame, *, skip: Collection[str] = ()) -> list[PersonalFinding]:
    """Return the columns that look like personal data, in the rows' order.

    Looks at no more than 1,000 different values of each column of texts or whole numbers, picked at
    even distances, so equal rows give equal findings and the cost does not grow with the rows: some
    30 ms per column that is full of telephone numbers, a few for any other. A column is judged by the
    share of its values that pass the check of a kind (check digits, numbering plans, lists of names);
    a telling column name lowers the share that it takes.

    Args:
        rows: The rows.
        skip: Columns not to look at: those that are declared personal already.
    """
    found: list[PersonalFinding] = []
    for column in rows.get_columns():
        if column.name in skip:
            continue
        values = _sample(column)
        finding = _judge(column.name, values, numbers=column.dtype.is_integer())
        if finding is not None:
            found.append(finding)
    return found


def _sample(column: pl.Series) -> list[str]:
    """Return up to a thousand different values as text, without the spaces around them."""
    if column.dtype != pl.String and not column.dtype.is_integer():
        return []
    step = max(1, column.len() // _READ_MOST)
    texts = column.gather_every(step).drop_nulls().unique(maintain_order=True).cast(pl.String)
    texts = texts.str.strip_chars().filter(texts.str.len_bytes() <= _MOST_CHARS)
    texts = texts.filter(texts != "")
    if column.dtype.is_integer():
        texts = texts.filter(texts.str.len_chars() >= _SHORTEST_NUMBER)
    return texts.gather_every(max(1, -(-texts.len() // SAMPLED_MOST))).to_list()


def _judge(name: str, values: Sequence[str], *, numbers: bool) -> PersonalFinding | None:
    """Return the first kind that a column's values pass for, the most telling kinds first."""
    if len(values) < _LEAST_VALUES:
        return None
    for look in (_marked, _national_id, _phones) if numbers else _LOOKS:
        found = look(name, values)
        if found is not None:
            return PersonalFinding(
                column=name,
                kind=found.kind,
                scheme=found.scheme,
                share=round(found.share, 4),
                sampled=len(values),
                inside=found.inside,
            )
    return None


@dataclass(frozen=True, slots=True)
class _Look:
    """What one way of looking found."""

    kind: Kind
    share: float
    scheme: str = ""
    inside: bool = False


def _marked(name: str, values: Sequence[str]) -> _Look | None:
    """Find the kinds whose values are told apart one by one."""
    for kind, passes in _WHOLE:
        share = _share(values, passes)
        if share >= (_SHARE_HINTED if suggests(name, kind) else _SHARE):
            return _Look(kind, share)
    return None


def _share(values: Sequence[str], passes: Callable[[str], bool]) -> float:
    return sum(map(passes, values)) / len(values)


def _is_email(text: str) -> bool:
    return _EMAIL.fullmatch(text) is not None


def _is_address(text: str) -> bool:
    """Tell whether a text is an IP address, and not a version number of four small parts."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return True
    return max(address.packed) >= _VERSION_OCTET


_WHOLE: tuple[tuple[Kind, Callable[[str], bool]], ...] = (
    ("e-mail address", _is_email),
    ("bank account", is_iban),
    ("payment card", is_payment_card),
    ("ip address", _is_address),
)


def _national_id(name: str, values: Sequence[str]) -> _Look | None:
    """Find the scheme that most values pass."""
    hinted = suggests(name, "national id")
    plain = [value.replace(" ", "").upper() for value in values]
    shares = [
        (_share(plain, scheme.passes), scheme.name)
        for scheme in SCHEMES
        if hinted or not scheme.needs_hint
    ]
    share, best = max(shares)
    if share < (_SHARE_HINTED if hinted else _SHARE):
        return None
    return _Look("national id", share, scheme=best)


def _phones(name: str, values: Sequence[str]) -> _Look | None:
    hinted = suggests(name, "phone number")
    candidates = [value for value in values if could_be_phone(value, local=hinted)]
    wanted = _SHARE_HINTED if hinted else _SHARE_PHONES
    if len(candidates) < wanted * len(values):
        return None
    abroad = sum(is_international(value) for value in candidates)
    # Bare digits may number anything; only a telling name makes them telephone numbers.
    rest = [value for value in candidates if hinted or has_marks(value)]
    national = national_share(rest, least=wanted) * len(rest)
    share = max(abroad, national) / len(values)
    return _Look("phone number", share) if share >= wanted else None


def _names(name: str, values: Sequence[str]) -> _Look | None:
    """Find names: nearly all values are built like one, and enough of them are known ones.

    Streets and schools take people's names too, but not their surnames last.
    """
    seen = name_shares(values)
    if suggests(name, "person name"):
        known = max(seen.given, seen.surname)
        enough = seen.shaped >= _SHARE_HINTED and known >= _SHARE_NAMES_HINTED
    elif seen.several >= _SHARE:
        both = seen.given >= _SHARE_GIVEN and seen.surname >= _SHARE_SURNAMES
        enough = (both or seen.surname >= _SHARE_SINGLE) and seen.place < _SHARE_PLACES
    else:
        enough = seen.shaped >= _SHARE and max(seen.given, seen.surname) >= _SHARE_SINGLE
    return _Look("person name", seen.shaped) if enough else None


def _inside(name: str, values: Sequence[str]) -> _Look | None:
    """Find what stands inside longer texts often enough to matter."""
    del name
    texts = [value for value in values if len(value) > _INSIDE_CHARS]
    for kind, pattern, passes in _INSIDE:
        hits = sum(any(map(passes, pattern.findall(text))) for text in texts)
        if hits >= _LEAST_INSIDE and hits >= _SHARE_INSIDE * len(values):
            return _Look(kind, hits / len(values), inside=True)
    return None


_LOOKS = (_marked, _national_id, _phones, _names, _inside)


def _passes(text: str) -> bool:
    return bool(text)


_INSIDE: tuple[tuple[Kind, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("e-mail address", _EMAIL, _passes),
    ("payment card", _CARD_INSIDE, is_payment_card),
    ("bank account", _IBAN_INSIDE, is_iban),
    ("phone number", _PHONE_INSIDE, is_international),
    ("national id", _SSN_INSIDE, SCHEMES[0].holds),
)
