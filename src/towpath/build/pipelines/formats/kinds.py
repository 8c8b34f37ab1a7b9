"""Annotations: what is inside `X | None`, `list[X]`, `Annotated[X, …]` and `tuple[A, B]`."""

from __future__ import annotations

import types
import typing
from typing import Annotated, Any


def bare(kind: Any) -> Any:
    """Return `X` for `X | None` and `Annotated[X, …]`; `Any` becomes None."""
    if kind is Any or kind is types.NoneType:
        return None
    origin = typing.get_origin(kind)
    if origin is Annotated:
        return bare(typing.get_args(kind)[0])
    if origin in (types.UnionType, typing.Union):
        rest = [one for one in typing.get_args(kind) if one is not types.NoneType]
        return bare(rest[0]) if len(rest) == 1 else kind
    return kind


def element(kind: Any) -> Any:
    """Return `X` for `list[X]`, `Sequence[X]` and `tuple[X, ...]`; other kinds as they are."""
    kind = bare(kind)
    args = typing.get_args(kind)
    if (
        args
        and typing.get_origin(kind) is not dict
        and hasattr(typing.get_origin(kind), "__iter__")
    ):
        return bare(args[0])
    return kind


def outputs_of(kind: Any) -> tuple[Any, ...] | None:
    """Return `(A, B)` for `tuple[A, B]`, and None for everything that is one result."""
    args = typing.get_args(kind)
    if typing.get_origin(kind) is tuple and args and args[-1] is not Ellipsis:
        return args
    return None


def spell(kind: Any) -> str:
    """Return an annotation as text that stays the same from run to run."""
    if isinstance(kind, type) and not typing.get_args(kind):
        module = kind.__module__.partition(".")[0]
        return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
    return str(kind)
