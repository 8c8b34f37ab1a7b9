"""From calls inside a `@pipeline` function to a graph."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from towpath.assets.datasets import Selection
from towpath.build.pipelines.authoring.driving import EVERY
from towpath.build.pipelines.authoring.finetuning import Registered
from towpath.build.pipelines.authoring.graphs import (
    AnyNode,
    BranchNode,
    Candidate,
    DriverNode,
    Graph,
    Guard,
    Node,
    parts_of,
)
from towpath.build.pipelines.authoring.handing import as_input, check_type
from towpath.build.pipelines.authoring.handles import (
    Handle,
    Mark,
    Output,
    collecting,
    current_collector,
)
from towpath.build.pipelines.authoring.unlearning import check_unlearning
from towpath.build.pipelines.formats import format_of, many_of, outputs_of
from towpath.build.pipelines.formats.values import encode_value
from towpath.core.errors import InvalidProject
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from towpath.assets.features import FeatureService
    from towpath.build.pipelines.authoring.driving import Driving
    from towpath.build.pipelines.authoring.graphs import Input, Source
    from towpath.build.pipelines.authoring.steps import Step
    from towpath.build.pipelines.authoring.unlearning import Unlearning

_DEEPEST = 16


@dataclass(slots=True)
class Builder:
    """Collects the calls that one pipeline function makes, those of pipelines inside it included."""

    pipeline: str
    nodes: list[AnyNode] = field(default_factory=list[AnyNode])
    candidates: list[Candidate] = field(default_factory=list[Candidate])
    services: list[FeatureService] = field(default_factory=list["FeatureService"])
    _calls: Counter[str] = field(default_factory=Counter[str])
    _results: dict[Step[Any], tuple[Any, tuple[Any, ...] | None]] = field(
        default_factory=dict["Step[Any]", "tuple[Any, tuple[Any, ...] | None]"]
    )
    _places: dict[str, int] = field(default_factory=dict[str, int])
    _prefix: str = ""
    _guards: tuple[Guard, ...] = ()

    def add(self, step: Step[Any], arguments: Mapping[str, Any], time: str | None = None) -> Handle:
        """Add a call of a step and return what stands for its result.

        Raises:
            InvalidProject: An argument is neither data nor a value that can be written down, or does
                not have the type that the step takes.
        """
        inputs: dict[str, Input] = {}
        constants: dict[str, Any] = {}
        for name, value in arguments.items():
            data = as_input(value)
            if data is None:
                what = f"argument {name!r} of step {step.name!r}"
                constants[name] = encode_value(value, what)
            else:
                check_type(step, name, value)
                inputs[name] = data
        name = self._named(step.name)
        self._append(
            Node(name=name, step=step, inputs=inputs, constants=constants, guards=self._guards)
        )
        several, types = self._returned(step)
        if several is not None:
            return Handle(Output(node=name, index=EVERY), several, time=time)
        if types is None:
            return Handle(Output(node=name, index=0), step.types["return"], time=time)
        handles = tuple(
            Handle(Output(node=name, index=index), one, time=time)
            for index, one in enumerate(types)
        )
        return Handle(Output(node=name, index=-1), None, siblings=handles, time=time)

    def drive(
        self,
        driving: Driving,
        inputs: Mapping[str, Any],
        *,
        returns: Any,
        many: bool = True,
        time: str | None = None,
    ) -> Handle:
        """Add a driver node and return what stands for its results.

        Args:
            driving: The node, as its verb declares it.
            inputs: What it reads: handles, selections, or lists of them, by name.
            returns: The type of each result.
            many: Whether the handle stands for all the results; else for the first of them.
            time: The column that says when each row happened, where that is known.

        Raises:
            InvalidProject: An input is not data.
        """
        found: dict[str, Input] = {}
        for key, value in inputs.items():
            data = as_input(value)
            if data is None:
                raise InvalidProject(
                    f"{driving.name} was given {type(value).__name__} as {key!r}",
                    remedy="Pass what a step returned, or a selection of a data set.",
                )
            found[key] = data
        name = self._named(driving.name)
        constants = {
            key: encode_value(value, f"argument {key!r} of {driving.name}")
            for key, value in driving.constants.items()
        }
        self._append(
            DriverNode(
                name=name, driving=driving, inputs=found, constants=constants, guards=self._guards
            )
        )
        return Handle(Output(node=name, index=EVERY if many else 0), returns, time=time)

    @contextmanager
    def nested(self, pipeline: str) -> Generator[None]:
        """Put the name of a pipeline before those of the calls made inside the block.

        Raises:
            InvalidProject: Pipelines call one another without end.
        """
        if self._prefix.count("/") >= _DEEPEST:
            raise InvalidProject(
                f"pipeline {pipeline!r} is called {_DEEPEST} pipelines deep",
                remedy="A pipeline can't call itself: the graph is built before anything runs.",
            )
        outer, self._prefix = self._prefix, f"{self._named(pipeline)}/"
        try:
            yield
        finally:
            self._prefix = outer

    def open_branch(self) -> str:
        """Name a branch node that `close_branch` is going to add."""
        return self._named("when")

    @contextmanager
    def guarded(self, branch: str, case: int) -> Generator[None]:
        """Let the calls made inside the block depend on which case of a branch is taken."""
        outer, self._guards = self._guards, (*self._guards, Guard(branch=branch, case=case))
        try:
            yield
        finally:
            self._guards = outer

    def close_branch(
        self, name: str, test: Output, cases: tuple[Any, ...], results: tuple[Source, ...] | None
    ) -> Output:
        """Add a branch node, once the calls of its cases are made."""
        node = BranchNode(name=name, test=test, cases=cases, results=results, guards=self._guards)
        self._append(node, inside=name)
        return Output(node=name, index=0)

    def propose(
        self,
        name: str,
        model: Handle,
        test: Handle | Selection,
        unlearning: Unlearning = "retrain",
    ) -> Mark:
        """Add a candidate."""
        check_name(name, "model name")
        if format_of(model.type).name != "model":
            raise InvalidProject(
                f"candidate {name!r} is {model}, which is not a Model",
                remedy="Pass what a step annotated `-> tp.Model` returned.",
            )
        nodes = {node.name: node for node in self.nodes}
        check_unlearning(name, unlearning, model.output.node, nodes)
        held = test if isinstance(test, Selection) else test.output
        maker = self.nodes[self._places[model.output.node]]
        pool = isinstance(maker, DriverNode)
        self.candidates.append(
            Candidate(
                name=name,
                model=Output(node=maker.name, index=EVERY) if pool else model.output,
                test=held,
                base=self._base_of(name, model.output),
                guards=self._guards,
            )
        )
        return Mark(name)

    def graph(self, returned: object) -> Graph:
        """Close the collection.

        Raises:
            InvalidProject: The function returned something that is not a result of a step.
        """
        found: dict[str, Output] = {}
        for key, one in _keyed(returned):
            if isinstance(one, Mark) or one is None:
                continue
            if not isinstance(one, Handle) or one.siblings is not None:
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

    def _named(self, base: str) -> str:
        full = f"{self._prefix}{base}"
        self._calls[full] += 1
        count = self._calls[full]
        return full if count == 1 else f"{full}-{count}"

    def _returned(self, step: Step[Any]) -> tuple[Any, tuple[Any, ...] | None]:
        """Return the type of each of as many results as there will be, or the types of several."""
        if step not in self._results:
            returned = step.types["return"]
            self._results[step] = many_of(returned), outputs_of(returned)
        return self._results[step]

    def _append(self, node: AnyNode, *, inside: str = "") -> None:
        """Take a node in, once it is certain that what it reads will be there whenever it runs."""
        held = set(self._guards)
        for one in node.inputs.values():
            for part in parts_of(one):
                if not isinstance(part, Output):
                    continue
                maker = self.nodes[self._places[part.node]]
                if maker.guards and any(
                    guard.branch != inside and guard not in held for guard in maker.guards
                ):
                    raise InvalidProject(
                        f"{node.name!r} reads the result of {part.node!r}, which is made only if its "
                        "branch is taken",
                        remedy="Return it from the branch, and use what when(…) returns.",
                    )
        self._places[node.name] = len(self.nodes)
        self.nodes.append(node)

    def _base_of(self, name: str, model: Output) -> Registered | None:
        """Return the registered model that the making of a candidate goes back to."""
        found: set[Registered] = set()
        seen: set[str] = set()
        queue = [model.node]
        while queue:
            here = queue.pop()
            if here in seen:
                continue
            seen.add(here)
            for one in self.nodes[self._places[here]].inputs.values():
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


def current_builder() -> Builder | None:
    """Return the builder of the pipeline function that is running, if one is."""
    active = current_collector()
    return active if isinstance(active, Builder) else None


@contextmanager
def building(pipeline: str) -> Generator[Builder]:
    """Collect the calls made inside the block.

    Raises:
        InvalidProject: Another graph is being collected already.
    """
    if current_builder() is not None:
        raise InvalidProject(
            f"the graph of pipeline {pipeline!r} is asked for inside another pipeline",
            remedy=f"Call it there: {pipeline.replace('-', '_')}(…).",
        )
    builder = Builder(pipeline)
    with collecting(builder):
        yield builder


def _keyed(returned: object) -> list[tuple[str, object]]:
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
