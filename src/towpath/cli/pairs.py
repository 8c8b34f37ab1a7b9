"""Options that are given as name=value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.errors import InvalidName
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Sequence


def pairs_of(texts: Sequence[str], what: str) -> dict[str, str]:
    """Return values by name. Raises `InvalidName` for a text without `=`; `what` says what it is."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidName(f"{text!r} is not a {what}", remedy="Write name=value.")
        pairs[name] = value
    return pairs


def pins_of(texts: Sequence[str]) -> dict[str, int]:
    """Return the versions that data sets are pinned to, by name.

    A model that a run goes on from is named as it asks for it: `model:late`, or `model:late@3`.
    """
    return {name: _number(name, text) for name, text in pairs_of(texts, "pin").items()}


def _number(name: str, text: str) -> int:
    if name.startswith("model:"):
        return Ref.parse(f"{name.partition('@')[0]}@{text}", "model").version or 0
    return Ref.parse(f"{name}@{text}", "dataset").version or 0
