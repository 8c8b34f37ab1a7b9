"""Driver nodes of a run: opened, asked, told, and closed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from towpath.build.pipelines.authoring.driving import Point
from towpath.build.pipelines.formats.values import decode_value, encode_value
from towpath.build.pipelines.planning.calls import Call
from towpath.core.clock import from_micros
from towpath.core.errors import InvalidProject, TowpathError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from towpath.build.pipelines.authoring.driving import Driver, Ended
    from towpath.build.pipelines.authoring.graphs import DriverNode
    from towpath.build.pipelines.authoring.steps import Step
    from towpath.build.pipelines.contract import Artifact
    from towpath.build.pipelines.planning.planning import Keys
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore


@dataclass(frozen=True, slots=True)
class Ending:
    """How a driver ended its node."""

    artifacts: tuple[Artifact, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    error: TowpathError | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class NodeStage:
    """The scheduler as one driver node sees it: a `Stage`. What is asked for is collected here."""

    node: str
    project: str
    pipeline: str
    run_id: str
    driver_run: str
    inputs: Mapping[str, Artifact | list[Artifact]]
    constants: Mapping[str, Any]
    cpus: int
    ledger: Ledger
    blobs: BlobStore
    declared: DriverNode
    keys: Keys
    began: float = field(default_factory=time.monotonic)
    calls: dict[str, Call] = field(default_factory=dict[str, Call])
    asked: list[Call] = field(default_factory=list[Call])
    stops: list[tuple[Call, str]] = field(default_factory=list[tuple[Call, str]])
    ending: Ending | None = None
    makers: dict[str, Call] = field(default_factory=dict[str, Call])

    def spawn(
        self,
        step: Step[Any],
        *,
        name: str,
        inputs: Mapping[str, Artifact | list[Artifact]] = {},
        constants: Mapping[str, Any] = {},
        rank: int = 0,
        tags: Mapping[str, str] = {},
    ) -> str:
        """See `Stage.spawn`."""
        full = f"{self.node}/{name}"
        if full in self.calls:
            raise InvalidProject(f"{self.node!r} makes two calls named {name!r}")
        if step not in self.declared.driving.steps:
            raise InvalidProject(f"{self.node!r} calls {step.name!r}, which it did not declare")
        call = Call(
            name=full,
            step=step,
            place=0,
            constants=_encoded(step, inputs, constants),
            inputs=dict(inputs),
            driver=self.node,
            rank=rank,
            tags=dict(tags),
        )
        self.calls[full] = call
        self.asked.append(call)
        return full

    def key_of(
        self,
        step: Step[Any],
        *,
        inputs: Mapping[str, Artifact | list[Artifact]] = {},
        constants: Mapping[str, Any] = {},
    ) -> str:
        """See `Stage.key_of`."""
        return self.keys.of(step, _encoded(step, inputs, constants), inputs).digest

    def cancel(self, call: str, why: str) -> None:
        """See `Stage.cancel`."""
        self.stops.append((self.calls[call], why))

    def finish(
        self,
        artifacts: Sequence[Artifact],
        *,
        metrics: Mapping[str, float] = {},
        tags: Mapping[str, str] = {},
    ) -> None:
        """See `Stage.finish`."""
        self.ending = self.ending or Ending(tuple(artifacts), dict(metrics), dict(tags))

    def fail(self, error: TowpathError) -> None:
        """See `Stage.fail`."""
        self.ending = self.ending or Ending(error=error)


class Stages:
    """The driver nodes of a run that are open. Not thread-safe.

    What a driver asks for is taken in after its callback has returned, by whoever called this.
    """

    def __init__(self) -> None:
        self._open: dict[str, tuple[Driver, NodeStage]] = {}
        self._stages: dict[str, NodeStage] = {}
        self._told: list[tuple[str, Ended]] = []

    def open(self, stage: NodeStage) -> None:
        """Let a node begin."""
        driver = stage.declared.driving.open()
        self._open[stage.node] = driver, stage
        self._stages[stage.node] = stage
        _guarded(stage, lambda: driver.start(stage))

    def stage(self, node: str) -> NodeStage:
        """Return the stage of a node that was opened."""
        return self._stages[node]

    def calls_of(self, node: str) -> list[str]:
        """Return the names of the calls that a node asked for, in the order of asking."""
        found = self._stages.get(node)
        return [] if found is None else list(found.calls)

    def note(self, node: str, ended: Ended) -> None:
        """Have a driver told of a call's end, as soon as that is recorded."""
        stage = self._stages[node]
        for artifact in ended.artifacts:
            stage.makers.setdefault(artifact.digest, stage.calls[ended.call])
        self._told.append((node, ended))

    def tell(self) -> bool:
        """Tell drivers what was recorded since; say whether anything was told."""
        told, self._told = self._told, []
        for node, ended in told:
            found = self._open.get(node)
            if found is not None and found[1].ending is None:
                driver, stage = found
                _guarded(stage, lambda driver=driver, ended=ended: driver.done(ended))
        return bool(told)

    def hear(self, call: Call, points: Sequence[list[Any]]) -> None:
        """Tell a driver what a running call of its has logged."""
        found = self._open.get(call.driver)
        for point in points_of(points):
            if found is not None and found[1].ending is None:
                driver, stage = found
                _guarded(stage, lambda driver=driver, point=point: driver.metric(call.name, point))

    def tick(self) -> None:
        """Tell drivers the time."""
        now = time.monotonic()
        for driver, stage in list(self._open.values()):
            if stage.ending is None:
                elapsed_s = now - stage.began
                _guarded(stage, lambda driver=driver, elapsed_s=elapsed_s: driver.tick(elapsed_s))

    def asked(self) -> Iterator[Call]:
        """Take the calls that were spawned since the last time."""
        for _, stage in self._open.values():
            asked, stage.asked = stage.asked, []
            if stage.ending is None:
                yield from asked

    def stops(self) -> Iterator[tuple[Call, str]]:
        """Take the calls that are not wanted any more."""
        for _, stage in self._open.values():
            stops, stage.stops = stage.stops, []
            yield from stops

    def ended(self) -> Iterator[tuple[NodeStage, Ending]]:
        """Take the nodes that ended, which closes them."""
        for node, (_, stage) in list(self._open.items()):
            if stage.ending is not None:
                del self._open[node]
                yield stage, stage.ending

    def open_nodes(self) -> list[NodeStage]:
        """Return the stages of nodes that are open still."""
        return [stage for _, stage in self._open.values()]


def points_of(points: Sequence[list[Any]]) -> Iterator[Point]:
    """Read metric points as they travel."""
    for key, value, step, at in points:
        yield Point(key=key, value=float(value), step=step, at=from_micros(at))


def _guarded(stage: NodeStage, callback: Callable[[], None]) -> None:
    """Call a driver; its own failure is the node's."""
    try:
        callback()
    except TowpathError as error:
        stage.fail(error)


def _encoded(
    step: Step[Any],
    inputs: Mapping[str, Artifact | list[Artifact]],
    constants: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a call's constants as a call in a pipeline function has them, defaults included."""
    bound = step.bind((), {**constants, **inputs})
    return {
        name: encode_value(value, f"argument {name!r} of step {step.name!r}")
        for name, value in bound.items()
        if name not in inputs
    }


def decoded(constants: Mapping[str, Any]) -> dict[str, Any]:
    """Return a node's constants as plain values."""
    return {name: decode_value(value) for name, value in constants.items()}
