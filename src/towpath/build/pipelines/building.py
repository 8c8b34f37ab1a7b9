"""From calls inside a `@pipeline` function to a graph."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from towpath.assets.datasets import Selection
from towpath.assets.features import Observations
from towpath.assets.filesets import Files, holds_files
from towpath.build.pipelines.finetuning import Registered
from towpath.build.pipelines.formats import element, format_of, outputs_of, takes
from towpath.build.pipelines.handles import (
    Handle,
    Mark,
    Output,
    collecting,
    current_collector,
)
from towpath.build.pipelines.values import encode_value
from towpath.core.errors import InvalidProject
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from towpath.assets.features import FeatureService
    from towpath.build.pipelines.steps import Step


Source: TypeAlias = "Output | Selection | Registered"
Input: TypeAlias = "Source | tuple[Source, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One call of a step.

    Attributes:
        name: Unique in the graph: the step's name, numbered from its second call on.
        inputs: Parameters that are data: results of other nodes, selections of data sets, or
            registered models.
        constants: The other parameters, as `encode_value` writes them.
    """

    name: str
    step: Step[Any]
    inputs: Mapping[str, Input]
    constants: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that the pipeline proposes, and the rows it is to be judged on.

    Attributes:
        base: The registered model that it goes on from, directly or through other steps; None for one
            that was trained from scratch.
    """

    name: str
    model: Output
    test: Output | Selection
    base: Registered | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What one call of a pipeline function asks for.

    Attributes:
        nodes: In the order of the calls, which is an order of dependence.
        candidates: In the order of the calls.
        returned: What the function returned, by position or key; candidates left out.
        services: The feature services that rows are joined with, in the order of the calls.
    """

    nodes: tuple[Node, ...]
    candidates: tuple[Candidate, ...]
    returned: Mapping[str, Output]
    services: tuple[FeatureService, ...] = ()

    def selections(self) -> Iterator[Selection]:
        """Yield every selection that a node or candidate reads, repeats included."""
        for node in self.nodes:
            for one in node.inputs.values():
                yield from (part for part in parts_of(one) if isinstance(part, Selection))
        for candidate in self.candidates:
            if isinstance(candidate.test, Selection):
                yield candidate.test

    def bases(self) -> Iterator[Registered]:
        """Yield every registered model that a node reads, repeats included."""
        for node in self.nodes:
            for one in node.inputs.values():
                yield from (part for part in parts_of(one) if isinstance(part, Registered))


@dataclass(slots=True)
class Builder:
    """Collects the calls that one pipeline function makes."""

    pipeline: str
    nodes: list[Node] = field(default_factory=list[Node])
    candidates: list[Candidate] = field(default_factory=list[Candidate])
    services: list[FeatureService] = field(default_factory=list["FeatureService"])
    _calls: Counter[str] = field(default_factory=Counter[str])

    def add(self, step: Step[Any], arguments: Mapping[str, Any], time: str | None = None) -> Handle:
        """Add a call of a step and return what stands for its result.

        Raises:
            InvalidProject: An argument is neither data nor a value that can be written down, or does
                not have the type that the step takes.
        """
        inputs: dict[str, Input] = {}
        constants: dict[str, Any] = {}
        for name, value in arguments.items():
            what = f"argument {name!r} of step {step.name!r}"
            data = _as_input(value)
            if data is None:
                constants[name] = encode_value(value, what)
            else:
                _check_type(step, name, value, what)
                inputs[name] = data
        self._calls[step.name] += 1
        count = self._calls[step.name]
        name = step.name if count == 1 else f"{step.name}-{count}"
        self.nodes.append(Node(name=name, step=step, inputs=inputs, constants=constants))
        types = outputs_of(step.types["return"])
        handles = tuple(
            Handle(Output(node=name, index=index), one, time=time)
            for index, one in enumerate(types or ())
        )
        if types is None:
            return Handle(Output(node=name, index=0), step.types["return"], time=time)
        return Handle(Output(node=name, index=-1), None, siblings=handles, time=time)

    def propose(self, name: str, model: Handle, test: Handle | Selection) -> Mark:
        """Add a candidate."""
        check_name(name, "model name")
        if format_of(model.type).name != "model":
            raise InvalidProject(
                f"candidate {name!r} is {model}, which is not a Model",
                remedy="Pass what a step annotated `-> tp.Model` returned.",
            )
        held = test if isinstance(test, Selection) else test.output
        base = self._base_of(name, model.output)
        self.candidates.append(Candidate(name=name, model=model.output, test=held, base=base))
        return Mark(name)

    def _base_of(self, name: str, model: Output) -> Registered | None:
        """Return the registered model that the making of a candidate goes back to."""
        nodes = {node.name: node for node in self.nodes}
        found: set[Registered] = set()
        seen: set[str] = set()
        queue = [model.node]
        while queue:
            here = queue.pop()
            if here in seen:
                continue
            seen.add(here)
            for one in nodes[here].inputs.values():
                for part in parts_of(one):
                    if isinstance(part, Registered):
                        found.add(part)
                    elif isinstance(part, Output):
                        queue.append(part.node)
        if len(found) > 1:
            raise InvalidProject(
                f"candidate {name!r} goes on from several models: "
                f"{', '.join(sorted(str(one) for one in found))}",
                remedy="A model version has one parent; fine-tune one of them.",
            )
        return found.pop() if found else None

    def graph(self, returned: object) -> Graph:
        """Close the collection.

        Raises:
            InvalidProject: The function returned something that is not a result of a step.
        """
        found: dict[str, Output] = {}
        for key, one in _named(returned):
            if isinstance(one, Mark) or one is None:
                continue
            if not isinstance(one, Handle) or one.output.index < 0:
                raise InvalidProject(
                    f"pipeline {self.pipeline!r} returns {one!r}",
                    remedy="Return what steps or candidate(…) returned.",
                )
            found[key] = one.output
        return Graph(
            nodes=tuple(self.nodes),
            candidates=tuple(self.candidates),
            returned=found,
            services=tuple(self.services),
        )


def current_builder() -> Builder | None:
    """Return the builder of the pipeline function that is running, if one is."""
    active = current_collector()
    return active if isinstance(active, Builder) else None


@contextmanager
def building(pipeline: str) -> Generator[Builder]:
    """Collect the calls made inside the block."""
    if current_builder() is not None:
        raise InvalidProject(
            f"pipeline {pipeline!r} is called inside another pipeline",
            remedy="Share steps or plain functions instead.",
        )
    builder = Builder(pipeline)
    with collecting(builder):
        yield builder


def parts_of(one: Input) -> tuple[Source, ...]:
    """Return the single inputs of an argument, which may be a list of them."""
    return one if isinstance(one, tuple) else (one,)


def _as_input(value: object) -> Input | None:
    match value:
        case Handle():
            if value.output.index < 0:
                raise InvalidProject(
                    f"{value} is several results",
                    remedy="Unpack it: `first, second = …`.",
                )
            return value.output
        case Selection() | Registered():
            return value
        case list() | tuple():
            members = cast("list[object] | tuple[object, ...]", value)
            found = [_as_input(one) for one in members]
            if not found or all(one is None for one in found):
                return None
            if any(one is None or isinstance(one, tuple) for one in found):
                raise InvalidProject("a list of results can't hold other things besides")
            return cast("tuple[Source, ...]", tuple(found))
        case _:
            return None


def _check_type(step: Step[Any], name: str, value: object, what: str) -> None:
    want = step.types.get(name)
    for one in cast("list[object]", value) if isinstance(value, list | tuple) else [value]:
        given = format_of(one.type).name if isinstance(one, Handle) else _read_as(one)
        fits = _has_files(one) if element(want) is Files else takes(want, given)
        if not fits:
            raise InvalidProject(
                f"{what} is {one}, a {given}, and is annotated {want!r}",
                remedy="Pass something of that type, or change the annotation.",
            )


def _has_files(one: object) -> bool:
    return isinstance(one, Selection) and holds_files(one.dataset)


def _read_as(selection: object) -> str:
    if isinstance(selection, Registered):
        return "model"
    return "observations" if isinstance(selection, Observations) else "table"


def _named(returned: object) -> list[tuple[str, object]]:
    match returned:
        case Handle() if returned.siblings is not None:
            return [(str(index), one) for index, one in enumerate(returned.siblings)]
        case dict():
            items = cast("dict[object, object]", returned)
            return [(str(key), one) for key, one in items.items()]
        case list() | tuple():
            members = cast("list[object] | tuple[object, ...]", returned)
            return [(str(index), one) for index, one in enumerate(members)]
        case _:
            return [("result", returned)]
