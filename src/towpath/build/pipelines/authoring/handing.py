"""Whether what one step returns may be handed to a parameter of another, told while planning."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import TYPE_CHECKING, Any, cast

import msgspec

from towpath.assets.datasets import Selection
from towpath.assets.features import Observations
from towpath.assets.filesets import Files, holds_files
from towpath.build.pipelines.authoring.driving import EVERY
from towpath.build.pipelines.authoring.finetuning import Registered
from towpath.build.pipelines.authoring.handles import Handle
from towpath.build.pipelines.formats import bare, element, format_of, takes
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from towpath.build.pipelines.authoring.graphs import Input, Source
    from towpath.build.pipelines.authoring.steps import Step

_NUMBERS = (bool, int, float)


def as_input(value: object) -> Input | None:
    """Return what an argument reads, or None where it is a plain value.

    Raises:
        InvalidProject: It mixes data with plain values, or is a tuple of results not yet unpacked.
    """
    match value:
        case Handle():
            if value.siblings is not None:
                raise InvalidProject(
                    f"{value} is several results",
                    remedy="Unpack it: `first, second = …`.",
                )
            return value.output
        case Selection() | Registered():
            return value
        case list() | tuple():
            members = cast("list[object] | tuple[object, ...]", value)
            found = [as_input(one) for one in members]
            if not found or all(one is None for one in found):
                return None
            if any(one is None or isinstance(one, tuple) for one in found):
                raise InvalidProject("a list of results can't hold other things besides")
            return cast("tuple[Source, ...]", tuple(found))
        case _:
            return None


def check_type(step: Step[Any], name: str, value: object) -> None:
    """Check that data may be handed to a step's parameter.

    Formats must agree (a table is a table whatever library reads it), and between plain values the
    types too, where annotations say them. What can't be decided is allowed.

    Raises:
        InvalidProject: It certainly may not.
    """
    want = step.types.get(name)
    if isinstance(value, Handle) and value.type == want and value.output.index >= 0:
        return  # as nearly all are
    several = isinstance(value, list | tuple) or _is_many(value)
    if _is_many(value) and bare(want) is not None and element(want) == bare(want):
        raise InvalidProject(
            f"argument {name!r} of step {step.name!r} is {value}: as many as there will be, and is "
            f"annotated {want!r}",
            remedy=f"Annotate it list[…], or call the step once for each: tp.map({step.name}, …).",
        )
    checked: Any = None  # a list is mostly of one type: it is looked at once for all of it
    for one in cast("list[object]", value) if isinstance(value, list | tuple) else [value]:
        if isinstance(one, Handle) and checked is not None and one.type == checked:
            continue
        given = format_of(one.type).name if isinstance(one, Handle) else _read_as(one)
        right = _has_files(one) if element(want) is Files else takes(want, given)
        if isinstance(one, Handle) and right and given == "json":
            right = fits(one.type, element(want) if several else want)
        if not right:
            shown = f"{spelled(one.type)}" if isinstance(one, Handle) else f"a {given}"
            raise InvalidProject(
                f"argument {name!r} of step {step.name!r} is {one}, {shown}, and is annotated "
                f"{spelled(want)}",
                remedy="Pass something of that type, or change the annotation.",
            )
        checked = one.type if isinstance(one, Handle) else checked


def fits(given: Any, want: Any) -> bool:
    """Tell whether a value of one annotated type may be handed to another; True when in doubt.

    Whole numbers may become real ones, and a record any class with its fields.
    """
    given, want = bare(given), bare(want)
    if given is None or want is None or given == want:
        return True
    if _members(given):
        return any(fits(one, want) for one in _members(given))
    if _members(want):
        return any(fits(given, one) for one in _members(want))
    outer, wanted = typing.get_origin(given) or given, typing.get_origin(want) or want
    if not isinstance(outer, type) or not isinstance(wanted, type):
        return True
    inner = zip(typing.get_args(given), typing.get_args(want), strict=False)
    return _fits_outside(outer, wanted) and all(
        fits(one, other) for one, other in inner if Ellipsis not in (one, other)
    )


def _fits_outside(given: type, want: type) -> bool:
    if given in _NUMBERS and want in _NUMBERS:
        return _NUMBERS.index(given) <= _NUMBERS.index(want)
    if _is_record(given) and (_is_record(want) or want is dict):
        return True
    return issubclass(given, want)


def _members(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union; none for anything else."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return typing.get_args(kind)
    return ()


def spelled(kind: Any) -> str:
    """Return an annotation as its author wrote it, or nearly so."""
    if isinstance(kind, type) and not typing.get_args(kind):
        return kind.__qualname__
    return str(kind).replace("typing.", "")


def _is_many(value: object) -> bool:
    return isinstance(value, Handle) and value.output.index == EVERY


def _is_record(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct)


def _has_files(one: object) -> bool:
    return isinstance(one, Selection) and holds_files(one.dataset)


def _read_as(selection: object) -> str:
    if isinstance(selection, Registered):
        return "model"
    return "observations" if isinstance(selection, Observations) else "table"
