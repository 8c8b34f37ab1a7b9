"""A scheduler small enough to be told, event by event, what happens: it never acts on its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

import towpath as tp
from towpath.build.pipelines.authoring.driving import Ended, Point
from towpath.build.pipelines.formats import save_value
from towpath.build.pipelines.formats.values import encode_value
from towpath.core.digests import digest_json
from towpath.core.errors import StepFailed
from towpath.core.ids import new_id
from towpath.ledger.records import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.build.pipelines import Artifact
    from towpath.build.pipelines.authoring.driving import Driving
    from towpath.build.pipelines.authoring.steps import Step
    from towpath.core.errors import TowpathError
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore

NODE = "search-fit"
PROJECT = "toy"
OWNER = "theatre"


@tp.step
def fit(x: float = 0.5, kind: str = "a", times: int = 1) -> float:
    return x * times if kind == "a" else 0.0


@dataclass
class Call:
    """A trial that was spawned and has not ended."""

    name: str
    run_id: str
    key: str
    params: dict[str, Any]
    points: list[Point] = field(default_factory=list)


class Act:
    """One run of a pipeline with one driver node in it: a `Stage`, and the hand that moves it.

    Nothing ends until the test says so. `kill` is what `kill -9` leaves behind: runs that were going
    stay `running` in the ledger.
    """

    project = PROJECT
    pipeline = "train"
    cpus = 4

    def __init__(self, theatre: Theatre, declared: Driving) -> None:
        driver = declared.open()
        self.ledger, self.blobs = theatre.ledger, theatre.blobs
        self.node = theatre.node
        self.inputs: Mapping[str, Any] = theatre.inputs
        self.constants: Mapping[str, Any] = declared.constants
        self._theatre = theatre
        self._driver = driver
        self._spawned: list[Call] = []
        self._told: list[Ended] = []
        self.calls: dict[str, Call] = {}
        self.cancelled: dict[str, str] = {}
        self.results: Sequence[Artifact] | None = None
        self.metrics: Mapping[str, float] = {}
        self.tags: Mapping[str, str] = {}
        self.error: TowpathError | None = None
        self.run_id, self.driver_run = new_id(), new_id()
        with self.ledger.write() as tx:
            tx.runs.start(
                kind="pipeline", name="train", project=PROJECT, run_id=self.run_id,
                tags={"reason": theatre.reason},
            )  # fmt: skip
            tx.runs.start(
                kind="search",
                name=self.node,
                project=PROJECT,
                run_id=self.driver_run,
                parent=self.run_id,
                params={
                    name: msgspec.json.encode(encode_value(value)).decode()
                    for name, value in declared.constants.items()
                },
            )
        driver.start(self)
        self._settle()

    @property
    def is_over(self) -> bool:
        return self.results is not None or self.error is not None

    def spawn(
        self,
        step: Step[Any],
        *,
        name: str,
        inputs: Mapping[str, Any] = {},
        constants: Mapping[str, Any] = {},
        rank: int = 0,
        tags: Mapping[str, str] = {},
    ) -> str:
        del rank
        assert not self.is_over, "it spawned after it had ended"
        call = Call(
            name=f"{self.node}/{name}",
            run_id=new_id(),
            key=self.key_of(step, inputs=inputs, constants=constants),
            params=dict(constants),
        )
        assert call.name not in self.calls
        with self.ledger.write() as tx:
            done = tx.cache.look(call.key)
            executed_by = {} if done is None else {"executed_by": done.run_id}
            tx.runs.start(
                kind="step", name=call.name, project=PROJECT, run_id=call.run_id,
                parent=self.run_id, key=call.key, tags={**tags, **executed_by},
            )  # fmt: skip
        self._spawned.append(call)
        return call.name

    def key_of(
        self, step: Step[Any], *, inputs: Mapping[str, Any] = {}, constants: Mapping[str, Any] = {}
    ) -> str:
        digests = {name: one.digest for name, one in inputs.items()}
        return digest_json(
            [step.path, self._theatre.code, digests, repr(sorted(constants.items()))]
        )

    def cancel(self, call: str, why: str) -> None:
        self.cancelled[call] = why

    def finish(
        self,
        artifacts: Sequence[Artifact],
        *,
        metrics: Mapping[str, float] = {},
        tags: Mapping[str, str] = {},
    ) -> None:
        assert not self.is_over
        self.results, self.metrics, self.tags = artifacts, metrics, tags
        with self.ledger.write() as tx:
            tx.runs.set_tags(self.driver_run, tags)
            now = datetime.now(UTC)
            points = [Metric(key=key, value=value, at=now) for key, value in metrics.items()]
            tx.runs.log_metrics(self.driver_run, points)
            tx.runs.finish(self.driver_run, "finished")
            tx.runs.finish(self.run_id, "finished")

    def fail(self, error: TowpathError) -> None:
        assert not self.is_over
        self.error = error
        with self.ledger.write() as tx:
            tx.runs.finish(self.driver_run, "failed", error=error.message)
            tx.runs.finish(self.run_id, "failed", error=error.message)

    def report(self, call: str, step: int, value: float) -> None:
        """Let a trial say how it is doing."""
        point = Point(key="progress", value=value, step=step, at=datetime.now(UTC))
        self.calls[call].points.append(point)
        with self.ledger.write() as tx:
            tx.runs.log_metrics(self.calls[call].run_id, [_metric(point)])
        self._driver.metric(call, point)
        self._settle()

    def succeed(self, call: str, **metrics: float) -> None:
        """Let a trial return, having logged this."""
        ended = self.calls.pop(call)
        self._theatre.executed[ended.key] += 1
        now = datetime.now(UTC)
        ended.points += [
            Point(key=key, value=value, step=0, at=now) for key, value in metrics.items()
        ]
        last = {one.key: one for one in ended.points}
        artifact = save_value(metrics.get("m", 0.0), float, self.blobs)
        with self.ledger.write() as tx:
            claim = tx.cache.claim(
                ended.key, step="fit", parts={}, run_id=ended.run_id, owner=OWNER, lease_s=60
            )
            outputs = {"metrics": [[p.key, p.value, p.step] for p in last.values()]}
            tx.cache.fill(ended.key, fence=claim.fence, outputs=outputs)
            tx.runs.log_metrics(ended.run_id, [_metric(point) for point in ended.points])
            tx.runs.finish(ended.run_id, "finished")
        self._tell(ended, "done", artifacts=(artifact,), points=tuple(ended.points))

    def break_down(self, call: str, error: TowpathError | None = None) -> None:
        """Let a trial fail."""
        ended = self.calls.pop(call)
        self._theatre.executed[ended.key] += 1
        error = error or StepFailed("step 'fit' failed: ValueError in fit")
        with self.ledger.write() as tx:
            tx.runs.finish(ended.run_id, "failed", error=error.message)
        self._tell(ended, "failed", error=error)

    def stop(self, call: str) -> None:
        """Let a trial that was cancelled be dead."""
        ended = self.calls.pop(call)
        self._theatre.executed[ended.key] += 1
        with self.ledger.write() as tx:
            tx.runs.finish(ended.run_id, "killed", error=self.cancelled[call])
        self._tell(ended, "killed", points=tuple(ended.points))

    def tick(self, elapsed_s: float) -> None:
        self._driver.tick(elapsed_s)
        self._settle()

    def _tell(self, call: Call, status: Any, **more: Any) -> None:
        ended = Ended(
            call=call.name, status=status, run_id=call.run_id,
            executed_by=more.pop("executed_by", call.run_id), key=call.key, attempts=1, **more,
        )  # fmt: skip
        self._driver.done(ended)
        self._settle()

    def _settle(self) -> None:
        """Look in the cache for what was spawned, and tell of hits, until nothing is new."""
        while self._spawned and not self.is_over:
            fresh, self._spawned = self._spawned, []
            hits = [(call, hit) for call in fresh if (hit := self._take_hit(call)) is not None]
            for call, (executed_by, points) in hits:
                value = next((one.value for one in points if one.key == "m"), 0.0)
                artifact = save_value(value, float, self.blobs)
                ended = Ended(
                    call=call.name, status="hit", artifacts=(artifact,), points=points,
                    run_id=call.run_id, executed_by=executed_by, key=call.key,
                )  # fmt: skip
                self._driver.done(ended)

    def _take_hit(self, call: Call) -> tuple[str, tuple[Point, ...]] | None:
        with self.ledger.write() as tx:
            found = tx.cache.look(call.key)
            if found is None:
                self.calls[call.name] = call
                return None
            now = datetime.now(UTC)
            points = tuple(
                Point(key=key, value=value, step=step, at=now)
                for key, value, step in found.outputs["metrics"]
            )
            tx.runs.log_metrics(call.run_id, [_metric(point) for point in points])
            tx.runs.finish(call.run_id, "finished")
            return found.run_id, points


@dataclass
class Theatre:
    """A ledger, a blob store, and pipeline runs in them, one after the other.

    Attributes:
        node: Name of the driver's node.
        code: Stands for the version of the step's code.
        reason: Why the next run exists.
        executed: How often each key was executed to its end.
    """

    ledger: Ledger
    blobs: BlobStore
    node: str = NODE
    code: int = 1
    reason: str = "manual"
    inputs: dict[str, Any] = field(default_factory=dict)
    executed: Counter[str] = field(default_factory=Counter)

    def play(self, declared: Driving) -> Act:
        return Act(self, declared)


def _metric(point: Point) -> Metric:
    return Metric(key=point.key, value=point.value, step=point.step, at=point.at)
