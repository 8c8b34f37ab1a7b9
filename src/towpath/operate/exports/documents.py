"""YAML, written without a library: the part of it that documents for clusters need."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


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
    plain = text.replace("-", "").replace("_", "").replace(".", "").replace("/", "")
    return (
        text if plain.isascii() and plain.isalnum() and not plain[0].isdigit() else json.dumps(text)
    )
