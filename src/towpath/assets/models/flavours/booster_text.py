"""What stands in LightGBM's model text, `src/boosting/gbdt_model_text.cpp`: a head, then tree by tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def head_fields(text: str) -> dict[str, str]:
    """Return the lines of the head by name; a line that only is there, as `average_output`, is empty."""
    head, _, _ = text.partition("\nTree=")
    return _fields(head)


def tree_fields(text: str) -> Iterator[Mapping[str, str]]:
    """Yield the lines of each tree by name, in the order in which their leaves are added up."""
    for tree in text.split("\nTree=")[1:]:
        yield _fields(tree.partition("\n\n")[0])


def _fields(block: str) -> dict[str, str]:
    lines = (line.partition("=") for line in block.splitlines())
    return {name: value for name, _, value in lines}
