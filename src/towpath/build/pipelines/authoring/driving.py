"""The contract of driver nodes: what decides, while a run goes on, which steps it calls.

A pipeline's graph is static but for its *driver nodes*. `tp.map` over a result and `tp.search` are
such nodes. The scheduler opens the node's driver once everything that it reads is there, and from
then on asks and tells it:

    start(stage) → [ stage.spawn … ] → done(ended) / metric(call, point) / tick(elapsed_s) …
                 → stage.finish(artifacts) or stage.fail(error)

Durability. A driver keeps nothing on disk. What it decided is in the calls that it spawned: each is a
step with a cache key and a run of its own. After kill -9 a driver of the same node is opened afresh
and asked again; where it makes the same decisions it spawns the same calls, those that had finished
come back at once as hits, and those that had not are computed. So a driver must decide by its inputs
and by what it is told alone: no clock, no unseeded randomness. (The order in which calls that run
side by side end is not repeatable. A driver whose decisions hang on it reads the order of the past
from the ledger, which `stage.ledger` gives.)

Threads. Every method of a driver and of its stage is called from the runner's one thread, never
re-entrantly: what a driver asks for inside a callback takes effect after the callback has returned.
A callback that takes longer than some 10 ms holds up the whole run; work belongs into steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from towpath.build.pipelines.authoring.steps import Step
    from towpath.build.pipelines.contract import Artifact
    from towpath.core.errors import TowpathError
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore

CallStatus = Literal["done", "hit", "failed", "killed"]
EVERY = -2
"""Index of an `Output` that stands for all results of its node, in order, however many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of a metric that a call logged.

    Attributes:
        key: The metric's name.
        value: NaN and infinities included.
        step: Which point it is: an epoch, a tree, a fold.
        at: When it was logged, by the clock of the machine that ran the call.
    """

    key: str
    value: float
    step: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a spawned call ended, its retries used up. Told once per call.

    Attributes:
        call: What `spawn` returned.
        status: `hit` came from the cache, `done` was executed. `killed` was cancelled by the driver;
            calls that the end of the run kills are not told.
        artifacts: One per declared result of the step; empty unless `done` or `hit`.
        points: What it logged, oldest first. A hit brings the last point of each metric; all of them
            are in the ledger under `executed_by`.
        params: What it logged as parameters.
        run_id: Its own run; of the last attempt where there were several.
        executed_by: The run that computed the result: `run_id` itself unless it is a hit.
        key: Digest of its cache key. Equal keys mean equal code, inputs, constants and environment.
        attempts: How many times it was started: 0 for a hit.
        seconds: Wall time of the last attempt.
        error: What failed, when `failed`. Its message quotes no data.
    """

    call: str
    status: CallStatus
    artifacts: tuple[Artifact, ...] = ()
    points: tuple[Point, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    run_id: str = ""
    executed_by: str = ""
    key: str = ""
    attempts: int = 0
    seconds: float = 0.0
    error: TowpathError | None = None

    @property
    def ok(self) -> bool:
        """Whether there are artefacts."""
        return self.status in ("done", "hit")

    @property
    def latest(self) -> dict[str, float]:
        """The last value of each metric that it logged."""
        return {point.key: point.value for point in self.points}


class Stage(Protocol):
    """The scheduler as one driver node sees it. Not thread-safe: see the module's text on threads.

    Attributes:
        node: The node's name in the graph; names of its calls begin with it.
        project: The project that runs.
        pipeline: The pipeline's name.
        run_id: The pipeline's run, the parent of every call's run.
        driver_run: The node's own run (kind: `Driving.kind`), for tags and metrics of the whole.
        inputs: What the node reads, resolved: parameter to artefact, or to a list of them.
        constants: The node's other arguments, as plain values.
        cpus: How many cores the executor gives in all, to size a default parallelism.
        ledger: For reading what earlier runs of the same calls left. Drivers don't write to it.
        blobs: Where artefacts are, for `load_artifact` and `save_value`.
    """

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
        """Ask for a call of a step, and return its id, `<node>/<name>`.

        Costs microseconds: the key is worked out, and the cache asked, for all calls spawned in one
        callback together, once it has returned. The call's end is told by `done`, for a hit within
        the same turn of the scheduler. Retries, time-outs, concurrency limits and permits are the
        step's own and are seen to before its end is told.

        Args:
            step: One of `Driving.steps`, so that its code was checked and loaded beforehand.
            name: Unique among the node's calls, and the same when a run is repeated: it is what
                people see and what runs are found by.
            inputs: Parameters that are data.
            constants: The other parameters; those left out take the function's defaults. They are
                recorded as the run's parameters, so values of the data never go here.
            rank: Of two calls that are ready and of the same priority the lower one starts first.
            tags: Labels of the call's run besides the scheduler's own.

        Raises:
            InvalidProject: The arguments don't fit the step, or the name was used before.
        """
        ...

    def key_of(
        self,
        step: Step[Any],
        *,
        inputs: Mapping[str, Artifact | list[Artifact]] = {},
        constants: Mapping[str, Any] = {},
    ) -> str:
        """Return the cache key's digest that such a call would have, without asking for it.

        By it a driver finds runs of the same call that left no result, such as pruned trials:
        `runs.list(name=…)` gives runs with their `key`.
        """
        ...

    def cancel(self, call: str, why: str) -> None:
        """Stop a call that is no longer wanted (pruning). Ended ones: no-op.

        The call's process is killed and known to be dead before `done` tells `killed`; a call that has
        finished meanwhile is told as what it is. The run of the call gets `why` as its error and
        keeps what it logged.
        """
        ...

    def finish(
        self,
        artifacts: Sequence[Artifact],
        *,
        metrics: Mapping[str, float] = {},
        tags: Mapping[str, str] = {},
    ) -> None:
        """End the node with results, in the order in which they are handed on. Calls still going are
        cancelled first. Metrics and tags go to the node's own run.
        """
        ...

    def fail(self, error: TowpathError) -> None:
        """End the node, and with it the run, with a failure. Calls still going are killed."""
        ...


class Driver(Protocol):
    """Decides about one driver node in one run. Opened, told, and dropped; never used twice."""

    def start(self, stage: Stage) -> None:
        """Begin: everything that the node reads is there. Spawn the first calls, or finish."""
        ...

    def done(self, ended: Ended) -> None:
        """Take in how a call ended, and spawn, cancel, finish or fail as it pleases.

        A failed call does not end the run by itself: the driver says whether it does.
        """
        ...

    def metric(self, call: str, point: Point) -> None:
        """Take in a point that a running call has logged, within some 50 ms of when it did."""
        ...

    def tick(self, elapsed_s: float) -> None:
        """Take note of the time, about five times a second while the node is open.

        Args:
            elapsed_s: Seconds since `start` in this process, by the monotonic clock. A time limit that
                ends by this is honest; a decision that changes which calls are made is not repeatable.
        """
        ...


class Driving(Protocol):
    """A driver node as the graph holds it: immutable, made while the pipeline function is called.

    A verb adds one with `current_builder().drive(driving, inputs, returns=T)`, which gives back a handle
    on all its results, however many: passed to a parameter annotated `list[T]` they come in the order
    of `finish`. With `many=False` the handle stands for the first result. Passed to `candidate`, the
    results of a driver node are a pool, best first, either way.

    Attributes:
        kind: Kind of the node's own run: `map`, `search`.
        name: Base of the node's name; numbered from its second use in a graph on.
        steps: Every step that the driver may call.
        constants: What else decides what it does, JSON-able: recorded as parameters of its run.
    """

    @property
    def kind(self) -> str:
        """See the class."""
        ...

    @property
    def name(self) -> str:
        """See the class."""
        ...

    @property
    def steps(self) -> tuple[Step[Any], ...]:
        """See the class."""
        ...

    @property
    def constants(self) -> Mapping[str, Any]:
        """See the class."""
        ...

    def open(self) -> Driver:
        """Make a driver for one run. Must not do anything yet."""
        ...
