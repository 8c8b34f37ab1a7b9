"""Names of people, told from other capitalised words by the given names and surnames in them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.assets.personal.name_lists import (
    GIVEN_NAMES,
    HAN_SURNAMES,
    PLACE_WORDS,
    SURNAMES,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_WORD = re.compile(r"[^\W\d_][^\W\d_'’.-]*(?:['’-][^\W\d_]+)*\.?")
_TITLES = frozenset(
    {"mr", "mrs", "ms", "miss", "dr", "prof", "sir", "jr", "sr", "ii", "iii", "herr", "frau"}
    | {"mme", "sig", "ing", "dipl", "med", "phd", "md", "dds", "dvm", "univ", "bsc", "ba", "ma"}
)
_PARTICLES = frozenset(
    {"de", "da", "do", "dos", "das", "del", "della", "di", "du", "la", "le", "van", "von", "der"}
    | {"den", "ter", "ten", "bin", "ibn", "al", "el", "y", "e", "af", "av"}
)
_MOST_WORDS = 5
_MOST_HAN = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class NameShares:
    """How much a column's values are like names of people, each a share of the values.

    Attributes:
        shaped: Built like a name: one to five capitalised words and nothing else.
        given: Begins with a common given name.
        surname: Ends with a common surname, or begins with one before a comma.
        several: Made of more than one word.
        place: Ends with a word for streets, places and companies, which take people's names.
    """

    shaped: float
    given: float
    surname: float
    several: float
    place: float


def name_shares(values: Sequence[str]) -> NameShares:
    """Look at values as if they were names.

    The lists hold some hundred common names of many languages, so they know some of the people in a
    column, not all: judge by the shares.
    """
    told = [(value, _words(value)) for value in values]
    named = [(value, words) for value, words in told if words]

    def share(holds: Callable[[str, list[str]], bool]) -> float:
        return sum(holds(value, words) for value, words in named) / max(1, len(values))

    return NameShares(
        shaped=len(named) / max(1, len(values)),
        given=share(lambda value, words: bool(_first(value, words) & GIVEN_NAMES)),
        surname=share(_has_surname),
        several=share(lambda _, words: len(words) > 1),
        place=share(lambda _, words: words[-1] in PLACE_WORDS),
    )


def _first(value: str, words: list[str]) -> set[str]:
    # "Smith, John A."
    return {words[0], words[1]} if "," in value and len(words) > 1 else {words[0]}


def _has_surname(value: str, words: list[str]) -> bool:
    if words[-1] in SURNAMES or ("," in value and words[0] in SURNAMES):
        return True
    return value.startswith(HAN_SURNAMES) and len(value) <= _MOST_HAN


def _words(text: str) -> list[str]:
    """Return a text's words, folded, without titles and particles; none if it can't be a name."""
    found = _WORD.findall(text)
    rest = _WORD.sub("", text)
    if not found or len(found) > _MOST_WORDS + 2 or rest.strip(" ,.") or not text[:1].isalpha():
        return []
    lower = text == text.lower()
    words: list[str] = []
    for word in found:
        bare = _fold(word)
        if bare in _TITLES or bare in _PARTICLES:
            continue
        if not lower and not word[0].isupper():
            return []
        words.append(bare)
    return words if len(words) <= _MOST_WORDS else []


def _fold(word: str) -> str:
    """Return a word in small letters without accents, so that José and JOSE are one."""
    plain = unicodedata.normalize("NFKD", word.lower().replace("ß", "ss").replace("ł", "l"))
    return "".join(one for one in plain if one.isalpha())
