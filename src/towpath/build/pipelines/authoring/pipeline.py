"""`@pipeline`: a function whose calls of steps make a graph."""

from __future__ import annotations

import inspect
import types
import typing
from datetime import datetime
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, NoReturn

from towpath.assets.datasets import Selection
from towpath.build.pipelines.authoring.building import building, current_builder
from towpath.build.pipelines.authoring.handles import Handle
from towpath.build.pipelines.formats.values import parse_text
from towpath.core.errors import InvalidProject, NotFound
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from towpath.build.pipelines.authoring.graphs import Graph

_KINDS = (bool, int, float, str, datetime)


class Pipeline:
    """A pipeline: its function's keyword parameters, with their types and defaults, are its own.

    Attributes:
        function: The function itself.
        name: The function's name, underscores written as hyphens.
        defaults: Parameter names to defaults, for those that have one.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        update_wrapper(self, function)
        self.function = function
        self.name = check_name(function.__name__.strip("_").replace("_", "-"), "pipeline name")
        self._parameters = inspect.signature(function).parameters
        for parameter in self._parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                self._refuse(f"takes *{parameter.name}", "Name each parameter.")
        self.defaults: dict[str, Any] = {
            name: one.default
            for name, one in self._parameters.items()
            if one.default is not one.empty
        }

    @property
    def module(self) -> str:
        """The module that defines it."""
        return self.function.__module__

    def resolve(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return every parameter's value: what is given, text read as the declared type, else defaults.

        Raises:
            NotFound: There is no such parameter.
            InvalidProject: A value has the wrong type, or one without a default is missing.
        """
        for name in given:
            if name not in self._parameters:
                raise NotFound.named(f"parameter of pipeline {self.name!r}", name, self._parameters)
        hints = typing.get_type_hints(self.function)
        resolved: dict[str, Any] = {}
        for name, parameter in self._parameters.items():
            if name in given:
                resolved[name] = self._read(name, given[name], hints.get(name))
            elif parameter.default is parameter.empty:
                self._refuse(f"needs the parameter {name!r}", f"Give it: {name}=…")
            else:
                resolved[name] = parameter.default
        return resolved

    def graph(self, **params: Any) -> Graph:
        """Call the function and return the graph it asks for. Nothing is computed.

        Raises:
            InvalidProject: The graph can't be; the message says why.
        """
        values = self.resolve(params)
        with building(self.name) as builder:
            graph = builder.graph(self.function(**values))
        if not graph.nodes:
            self._refuse("calls no step", "Call at least one.")
        return graph

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Put the calls that it makes into the graph of the pipeline that calls it.

        Their names begin with its own, `prepare/clean`. Results and selections may be handed in for
        parameters, and what its function returns comes back. Steps are cached across pipelines: what
        one has computed is a hit in the other.

        Raises:
            InvalidProject: It is called outside of a pipeline, without end, or with what it can't take.
        """
        builder = current_builder()
        if builder is None:
            self._refuse("can't be called", f"Run it: towpath run {self.name}")
        try:
            bound = inspect.signature(self.function).bind(*args, **kwargs)
        except TypeError as error:
            raise InvalidProject(
                f"pipeline {self.name!r} can't be called like this: {error}",
                remedy=f"It is {self.name}{inspect.signature(self.function)}.",
            ) from error
        with builder.nested(self.name):
            return self.function(**self.resolve(bound.arguments))

    def _read(self, name: str, value: Any, hint: Any) -> Any:
        if isinstance(value, Handle | Selection):
            return value
        what = f"parameter {name!r} of pipeline {self.name!r}"
        kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        kind = next((one for one in kinds if one in _KINDS), type(self.defaults.get(name, "")))
        if isinstance(value, str) and kind in _KINDS and kind is not str:
            return parse_text(value, kind, what)
        if kind is float and type(value) is int:
            return float(value)
        allowed = value is None and types.NoneType in kinds
        if kind in _KINDS and type(value) is not kind and not allowed:
            raise InvalidProject(f"{what} can't be {value!r}", remedy=f"It is a {kind.__name__}.")
        return value

    def _refuse(self, why: str, remedy: str) -> NoReturn:
        raise InvalidProject(f"pipeline {self.name!r} {why}", remedy=remedy)

    def __repr__(self) -> str:
        return f"<pipeline {self.module}.{self.function.__name__}>"


def pipeline(function: Callable[..., object], /) -> Pipeline:
    """Make a function a pipeline.

    Calling steps in it builds a graph; nothing is computed until the pipeline is run, with
    `towpath run NAME --param window="8 weeks"` for instance.
    """
    return Pipeline(function)
