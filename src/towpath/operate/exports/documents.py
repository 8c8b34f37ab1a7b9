"""YAML, written without a library: the part of it that documents for clusters need."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def to_yaml(*documents: Mapping[str, Any]) -> str:
    """Return documents as YAML 1.2 in block style, keys as they come.

    Texts are JSON strings, which YAML 1.2 takes as they are: nothing in them can be read as a number, a date
    or a reference.
    """
    return "---\n".join("".join(f"{line}\n" for line in _lines(one)) for one in documents)


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():  # pyright: ignore[reportUnknownVariableType] -- any JSON
            yield from _entry(f"{_key(str(key))}:", inner)  # pyright: ignore[reportUnknownArgumentType] -- as above
    elif isinstance(value, (list, tuple)) and value:
        for inner in value:  # pyright: ignore[reportUnknownVariableType] -- any JSON
            below = list(_lines(inner))
            yield f"- {below[0]}"
            yield from (f"  {line}" for line in below[1:])
    else:
        yield json.dumps(value, ensure_ascii=False)


def _entry(head: str, value: Any) -> Iterator[str]:
    below = list(_lines(value))
    if isinstance(value, (dict, list, tuple)) and value:
        yield head
        yield from (f"  {line}" for line in below)
    else:
        yield f"{head} {below[0]}"


def _key(text: str) -> str:
    """Return a key bare where every reader of YAML, 1.1 included, takes it for text."""
    is_plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
    return text if is_plain else json.dumps(text)
