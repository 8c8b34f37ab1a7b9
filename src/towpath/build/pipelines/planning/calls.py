"""A call of a step on its way through a run, and what it left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from towpath.build.pipelines.contract import Artifact  # noqa: TC001  msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.build.compute import Resources
    from towpath.build.pipelines.authoring.steps import Step
    from towpath.build.pipelines.keys import StepKey
    from towpath.ledger.records import Execution, StepResult

Inputs: TypeAlias = "dict[str, Artifact | list[Artifact]]"
CallState = Literal["new", "missed", "parked", "running", "resting", "over"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What an execution of a step left: its results and what it said on the way.

    Attributes:
        artifacts: One per declared result.
        metrics: Points as `[key, value, step, micros]`.
        params: What it logged as parameters.
        log: Digest of the blob with what it printed.
    """

    artifacts: tuple[Artifact, ...]
    metrics: list[list[Any]] = field(default_factory=list[list[Any]])
    params: dict[str, str] = field(default_factory=dict[str, str])
    log: str | None = None

    @property
    def latest(self) -> dict[str, float]:
        """The last point of each metric."""
        return {key: value for key, value, *_ in self.metrics}


def made_by(execution: Execution | StepResult) -> Made:
    """Read back what was put into the cache."""
    outputs = {
        name: execution.outputs.get(name) for name in ("artifacts", "metrics", "params", "log")
    }
    return msgspec.convert(outputs, Made)


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """A call of a step: a node of the graph, or one that a driver node asked for.

    Attributes:
        name: Unique in the run.
        place: Position in the order of the run; ready calls start in this order within their rank.
        driver: The driver node that asked for it; empty for a node of the graph.
        tags: What the driver labels its run with.
        state: `missed` wants to be executed; `parked` waits for another run that is on it, for a slot
            or for a permit; `resting` waits to be tried again; `over` has its result, or never will.
        attempt: How often it was started.
        run_id: Of the attempt that runs or ran last, or of the run that stands for the hit.
        asked: The attempt that a permit was asked for; 0 without one.
        due: When it is to be tried again, by the monotonic clock.
        why: Why it is executed.
        blocker: What it waits for, where it is parked.
        stopped: Why its process is being killed: `cancelled` by its driver, `preempted`.
        unsent: How many of its metric points are in the ledger.
        held_to: The limits it was granted, where those are not its own.
    """

    name: str
    step: Step[Any]
    place: int
    constants: Mapping[str, Any]
    inputs: Inputs = field(default_factory=dict[str, "Artifact | list[Artifact]"])
    driver: str = ""
    rank: int = 0
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    state: CallState = "new"
    key: StepKey | None = None
    attempt: int = 0
    failures: int = 0
    run_id: str = ""
    asked: int = 0
    due: float = 0.0
    began: float = 0.0
    why: str = ""
    blocker: str = ""
    stopped: Literal["", "cancelled", "preempted"] = ""
    stopped_why: str = ""
    metrics: list[list[Any]] = field(default_factory=list[list[Any]])
    unsent: int = 0
    params: dict[str, str] = field(default_factory=dict[str, str])
    held_to: Resources | None = None
    slot: str = ""

    @property
    def known_key(self) -> StepKey:
        """Its key, which is known as soon as its inputs are."""
        assert self.key is not None
        return self.key

    @property
    def order(self) -> tuple[int, int]:
        """Lower starts first."""
        return self.rank, self.place

    @property
    def resources(self) -> Resources:
        """What it is held to."""
        return self.held_to or self.step.options.resources

    @property
    def attempts_left(self) -> int:
        """How many more times it may be executed, the next one included."""
        return 1 + self.step.options.retries - self.failures

    def begin_again(self) -> None:
        """Forget what the last attempt logged."""
        self.metrics, self.unsent, self.params = [], 0, {}
        self.stopped, self.stopped_why = "", ""


def flatten(inputs: Inputs) -> list[Artifact]:
    """Return every artefact among the inputs, in argument order."""
    found: list[Artifact] = []
    for one in inputs.values():
        found += one if isinstance(one, list) else [one]
    return found
