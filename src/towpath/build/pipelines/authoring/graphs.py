"""The graph that a pipeline function asks for: immutable, and nothing in it is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from towpath.assets.datasets import Selection
from towpath.build.pipelines.authoring.finetuning import Registered
from towpath.build.pipelines.authoring.handles import Output

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from towpath.assets.features import FeatureService
    from towpath.build.pipelines.authoring.driving import Driving
    from towpath.build.pipelines.authoring.steps import Step


Source: TypeAlias = "Output | Selection | Registered"
Input: TypeAlias = "Source | tuple[Source, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A condition under which a node runs: its branch of a `when` is taken.

    Attributes:
        branch: Name of the branch node.
        case: Position of the case among the branch's.
    """

    branch: str
    case: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One call of a step.

    Attributes:
        name: Unique in the graph: the step's name behind those of the pipelines that it is called in
            (`prepare/clean`), numbered from its second call on.
        inputs: Parameters that are data: results of other nodes, selections of data sets, or
            registered models.
        constants: The other parameters, as `encode_value` writes them.
        guards: All the conditions under which it runs, outermost first.
    """

    name: str
    step: Step[Any]
    inputs: Mapping[str, Input]
    constants: Mapping[str, Any]
    guards: tuple[Guard, ...] = ()

    @property
    def path(self) -> str:
        """What it calls: `module.step`."""
        return self.step.path


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverNode:
    """A node that decides, while the run goes on, which steps it calls. See `driving`.

    Attributes:
        name: Unique in the graph; names of its calls begin with it.
        inputs: What it reads.
        constants: Its other arguments, as `encode_value` writes them.
    """

    name: str
    driving: Driving
    inputs: Mapping[str, Input]
    constants: Mapping[str, Any]
    guards: tuple[Guard, ...] = ()

    @property
    def path(self) -> str:
        """What it is: its kind."""
        return self.driving.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchNode:
    """Where branches of a `when` part and join again. It computes nothing.

    Attributes:
        name: Unique in the graph.
        test: What is looked at.
        cases: The value of each case, as `encode_value` writes it; None for "otherwise", which is last.
        results: What each case gives; None where the whole gives nothing.
        guards: All the conditions under which it is reached.
    """

    name: str
    test: Output
    cases: tuple[Any, ...]
    results: tuple[Source, ...] | None
    guards: tuple[Guard, ...] = ()

    @property
    def inputs(self) -> Mapping[str, Input]:
        """What it may read: the test, and all the cases together."""
        return {"test": self.test} | ({} if self.results is None else {"cases": self.results})

    @property
    def constants(self) -> Mapping[str, Any]:
        """The cases."""
        return {"cases": list(self.cases)}

    @property
    def path(self) -> str:
        """What it is."""
        return "when"


AnyNode: TypeAlias = Node | DriverNode | BranchNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that the pipeline proposes, and the rows it is to be judged on.

    Attributes:
        model: A model, or a pool of them, best first: the first that the gates pass is taken.
        base: The registered model that it goes on from, directly or through other steps; None for one
            that was trained from scratch.
        guards: All the conditions under which it is proposed.
    """

    name: str
    model: Output
    test: Output | Selection
    base: Registered | None = None
    guards: tuple[Guard, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What one call of a pipeline function asks for.

    Attributes:
        nodes: In the order of the calls, which is an order of dependence.
        candidates: In the order of the calls.
        returned: What the function returned, by position or key; candidates left out.
        services: The feature services that rows are joined with, in the order of the calls.
    """

    nodes: tuple[AnyNode, ...]
    candidates: tuple[Candidate, ...]
    returned: Mapping[str, Output]
    services: tuple[FeatureService, ...] = ()

    def selections(self) -> Iterator[Selection]:
        """Yield every selection that a node or candidate reads, repeats included."""
        yield from (part for part in self._from_outside() if isinstance(part, Selection))
        for candidate in self.candidates:
            if isinstance(candidate.test, Selection):
                yield candidate.test

    def bases(self) -> Iterator[Registered]:
        """Yield every registered model that a node reads, repeats included."""
        yield from (part for part in self._from_outside() if isinstance(part, Registered))

    def _from_outside(self) -> Iterator[Selection | Registered]:
        for node in self.nodes:
            for one in node.inputs.values():
                if not isinstance(one, Output):  # as nearly all are
                    yield from (part for part in parts_of(one) if not isinstance(part, Output))


def parts_of(one: Input) -> tuple[Source, ...]:
    """Return the single inputs of an argument, which may be a list of them."""
    return one if isinstance(one, tuple) else (one,)


def needs(node: AnyNode) -> set[str]:
    """Return the names of the nodes that a node reads from."""
    found: set[str] = set()
    for one in node.inputs.values():
        if isinstance(one, Output):
            found.add(one.node)
        elif isinstance(one, tuple):
            found.update(part.node for part in one if isinstance(part, Output))
    return found
