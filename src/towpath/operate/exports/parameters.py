"""A pipeline's parameters, as schedulers elsewhere ask for them."""

from __future__ import annotations

import inspect
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from towpath.build.pipelines import Pipeline

Kind: TypeAlias = Literal["integer", "number", "boolean", "string"]
_KINDS: dict[type, Kind] = {int: "integer", float: "number", bool: "boolean", str: "string"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter.

    Attributes:
        default: None where a value must be given.
    """

    name: str
    kind: Kind
    default: int | float | bool | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineExport:
    """A pipeline that another scheduler starts.

    Attributes:
        project: The project's name.
        pipeline: The pipeline's.
        parameters: Those that may be set from outside.
        folder: Where the project is, on the machine or in the image that runs it.
        cron: When it runs, if it does by itself.
        tz: The time zone that this is meant in.
        values: Parameters that the schedule sets.
    """

    project: str
    pipeline: str
    parameters: tuple[Parameter, ...]
    folder: str
    cron: str | None = None
    tz: str = "UTC"
    values: tuple[tuple[str, int | float | bool | str], ...] = ()


def parameters_of(pipeline: Pipeline) -> tuple[Parameter, ...]:
    """Return the parameters of a pipeline that are plain numbers, texts and truths.

    Others keep their defaults: a scheduler's form has no field for them.

    Raises:
        InvalidProject: One without a default is of another type, so nobody could set it.
    """
    hints = typing.get_type_hints(pipeline.function)
    found: list[Parameter] = []
    for name, one in inspect.signature(pipeline.function).parameters.items():
        default = None if one.default is one.empty else one.default
        kind = _KINDS.get(hints.get(name, type(default)))
        if kind is None or (
            one.default is not one.empty and not isinstance(default, (int, float, str))
        ):
            if one.default is one.empty:
                raise InvalidProject(
                    f"the parameter {name!r} of {pipeline.name!r} is no number, text or truth",
                    remedy="Give it a default, or take what it is made from instead.",
                )
            continue
        found.append(Parameter(name=name, kind=kind, default=default))
    return tuple(found)
