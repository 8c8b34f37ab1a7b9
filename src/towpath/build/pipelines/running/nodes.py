"""What becomes of the nodes of a graph: their results, branches taken, drivers opened and closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.build.pipelines.authoring.branching import same
from towpath.build.pipelines.authoring.graphs import BranchNode, DriverNode, Node
from towpath.build.pipelines.authoring.handles import Output
from towpath.build.pipelines.planning.calls import Call
from towpath.build.pipelines.planning.planning import gather
from towpath.build.pipelines.running.stages import NodeStage, Stages, decoded
from towpath.build.pipelines.running.turns import Closed
from towpath.core.errors import StepFailed
from towpath.core.ids import new_id
from towpath.ledger.records import NewRun

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.build.pipelines.authoring.graphs import Guard
    from towpath.build.pipelines.contract import Artifact
    from towpath.build.pipelines.planning.calls import Made
    from towpath.build.pipelines.planning.planning import Keys, Plan
    from towpath.build.pipelines.running.readiness import Readiness
    from towpath.build.pipelines.running.recording import Recorder
    from towpath.core.errors import TowpathError
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore

_PARAM_CHARS = 6_000


@dataclass(frozen=True, slots=True)
class ClosedNode:
    """A driver node that ended.

    Attributes:
        node: Its name.
        run: How its run ended.
        unwanted: Its calls that are still going.
        error: Why it failed.
    """

    node: str
    run: Closed
    unwanted: tuple[Call, ...]
    error: TowpathError | None


class NodeWork:
    """The results of one run's nodes. Not thread-safe.

    Attributes:
        made: Results by node; a branch node has its case's, a driver node as many as there were.
        calls: The calls that nodes of the graph are.
        stages: The driver nodes.
    """

    def __init__(
        self,
        plan: Plan,
        recorder: Recorder,
        keys: Keys,
        readiness: Readiness,
        *,
        ledger: Ledger,
        blobs: BlobStore,
        cpus: float,
    ) -> None:
        self._plan = plan
        self._recorder = recorder
        self._keys = keys
        self._readiness = readiness
        self._ledger = ledger
        self._blobs = blobs
        self._cpus = cpus
        self._nodes = {node.name: node for node in plan.graph.nodes}
        self._places = {name: place for place, name in enumerate(self._nodes)}
        self.made: dict[str, tuple[Artifact, ...]] = {}
        self.calls: dict[str, Call] = {}
        self.stages = Stages()

    def call_of(self, node: Node) -> Call:
        """Return the call that a node is, now that its inputs are there."""
        call = Call(
            name=node.name,
            step=node.step,
            place=self._places[node.name],
            constants=node.constants,
            inputs=self._inputs(node),
        )
        self.calls[node.name] = call
        return call

    def arrive(self, call: Call, made: Made) -> None:
        """Take in the results of a node's call."""
        self._arrive(call.name, made.artifacts)

    def branch(self, node: BranchNode) -> list[str]:
        """Take the case that a branch's test means, or, the second time, its result.

        Returns:
            The nodes that are never going to run.

        Raises:
            StepFailed: No case has the value, and there is no "otherwise".
        """
        case = self._readiness.chosen(node)
        if case is None:
            test = self.made[node.test.node][node.test.index]
            return self._readiness.choose(node, self._case_of(node, test))
        result = None if node.results is None else node.results[case]
        found = None if result is None else gather(result, self._plan, self.made)
        self._arrive(node.name, () if found is None or isinstance(found, list) else (found,))
        return []

    def open(self, node: DriverNode) -> NewRun:
        """Let a driver begin; return its run, which is to be recorded."""
        run_id = new_id()
        self.stages.open(
            NodeStage(
                node=node.name,
                project=self._recorder.project,
                pipeline=self._recorder.pipeline,
                run_id=self._recorder.run_id,
                driver_run=run_id,
                inputs=self._inputs(node),
                constants=decoded(node.constants),
                cpus=int(self._cpus),
                ledger=self._ledger,
                blobs=self._blobs,
                declared=node,
                keys=self._keys,
            )
        )
        params = {
            name: msgspec.json.encode(value).decode()[:_PARAM_CHARS]
            for name, value in node.constants.items()
        }
        return NewRun(
            id=run_id,
            kind=node.driving.kind,
            name=node.name,
            project=self._recorder.project,
            parent=self._recorder.run_id,
            params=params,
            tags={"owner": self._recorder.owner},
        )

    def close_ended(self) -> Iterator[ClosedNode]:
        """Yield the driver nodes that have ended since the last time; their results arrive."""
        for stage, ending in self.stages.ended():
            unwanted = tuple(call for call in stage.calls.values() if call.state != "over")
            if ending.error is None:
                self._arrive(stage.node, ending.artifacts)
            yield ClosedNode(
                stage.node,
                Closed(
                    stage.driver_run,
                    "finished" if ending.error is None else "failed",
                    error=None if ending.error is None else ending.error.message,
                    metrics=ending.metrics,
                    tags=ending.tags,
                ),
                unwanted,
                ending.error,
            )

    def close_open(self, why: str) -> list[Closed]:
        """Return how to close the runs of drivers that are going on when the run ends."""
        return [Closed(stage.driver_run, "killed", error=why) for stage in self.stages.open_nodes()]

    def is_taken(self, guards: tuple[Guard, ...]) -> bool:
        """Tell whether all the branches that something depends on were taken."""
        return all(self._chosen(guard.branch) == guard.case for guard in guards)

    def makers(self, output: Output) -> list[tuple[Artifact, Call]]:
        """Return the artefacts behind an output, each with the call that made it."""
        node = self._nodes[output.node]
        if isinstance(node, BranchNode):
            case = self._readiness.chosen(node)
            result = None if case is None or node.results is None else node.results[case]
            return self.makers(result) if isinstance(result, Output) else []
        artifacts = self.made[output.node]
        if isinstance(node, DriverNode):
            made = self.stages.stage(node.name).makers
            return [(one, made[one.digest]) for one in artifacts if one.digest in made]
        chosen = artifacts if output.index < 0 else (artifacts[output.index],)
        return [(one, self.calls[node.name]) for one in chosen]

    def outputs(self) -> dict[str, Artifact]:
        """Return what the pipeline function returned, by name, without what was never made.

        Of as many results as there were, each gets a number: `parts.0`, `parts.1`.
        """
        found: dict[str, Artifact] = {}
        for name, one in self._plan.graph.returned.items():
            artifacts = self.made.get(one.node)
            if artifacts is None:
                continue
            if one.index < 0:
                found |= {f"{name}.{place}": each for place, each in enumerate(artifacts)}
            elif one.index < len(artifacts):
                found[name] = artifacts[one.index]
        return found

    def _chosen(self, branch: str) -> int | None:
        node = self._nodes[branch]
        return self._readiness.chosen(node) if isinstance(node, BranchNode) else None

    def _arrive(self, name: str, artifacts: tuple[Artifact, ...]) -> None:
        self.made[name] = artifacts
        self._readiness.arrive(name)

    def _inputs(self, node: Node | DriverNode) -> dict[str, Artifact | list[Artifact]]:
        return {name: gather(one, self._plan, self.made) for name, one in node.inputs.items()}

    def _case_of(self, node: BranchNode, test: Artifact) -> int:
        value: Any = msgspec.json.decode(self._blobs.get(test.digest))
        for place, case in enumerate(node.cases):
            is_otherwise = case is None and place == len(node.cases) - 1 and place > 0
            if is_otherwise or same(case, value):
                return place
        raise StepFailed(
            f"{node.name!r} has no branch for the value that {node.test.node!r} returned",
            remedy="Add its case, or say what to do otherwise=….",
            step=node.name,
        )
