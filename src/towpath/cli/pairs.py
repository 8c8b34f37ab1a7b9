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
    """Return the versions that data sets are pinned to, by name."""
    return {
        name: Ref.parse(f"{name}@{text}", "dataset").version or 0
        for name, text in pairs_of(texts, "pin").items()
    }
