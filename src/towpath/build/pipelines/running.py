"""One run of one plan: every node from the cache or executed, as many at once as fit."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import structlog

from towpath.build.compute import Outcome, Task
from towpath.build.pipelines.contract import Artifact, Progress, ProgressKind, StepReport
from towpath.build.pipelines.formats import missing_blobs
from towpath.build.pipelines.keys import explain_miss
from towpath.build.pipelines.owner import is_dead
from towpath.build.pipelines.planning import Keys, Plan, gather, needs
from towpath.build.pipelines.recording import Inputs, Made, Recorder, made_by
from towpath.build.pipelines.worker import WORKER, WORKER_MODULES, describe_inputs
from towpath.core.errors import InfrastructureError, StepFailed, TowpathError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from towpath.build.compute import Executor
    from towpath.build.pipelines.building import Node
    from towpath.build.pipelines.keys import StepKey
    from towpath.build.pipelines.leases import LeaseKeeper
    from towpath.build.pipelines.scratch import Scratch
    from towpath.ledger import Ledger
    from towpath.ledger.records import Execution
    from towpath.storage.blobs import BlobStore

log = structlog.get_logger()

_LOOK_AGAIN_S = 0.2
_METRICS_EVERY_S = 1.0
_TROUBLE = {one.code: one for one in InfrastructureError.__subclasses__()}
State = Literal["pending", "missed", "waiting", "running", "over"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every run of a runner shares.

    Attributes:
        blobs_url: The same store as `blobs`, as step processes open it.
    """

    ledger: Ledger
    blobs: BlobStore
    blobs_url: str
    cache_dir: Path | None
    executor: Executor
    leases: LeaseKeeper
    scratch: Scratch


@dataclass(slots=True, kw_only=True)
class _Work:
    """A node on its way."""

    node: Node
    state: State = "pending"
    inputs: Inputs = field(default_factory=dict[str, "Artifact | list[Artifact]"])
    key: StepKey | None = None
    run_id: str = ""
    why: str = ""
    began: float = 0.0
    metrics: list[list[Any]] = field(default_factory=list[list[Any]])
    unsent: int = 0
    params: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def known_key(self) -> StepKey:
        assert self.key is not None
        return self.key


class PlanRun:
    """Executes a plan. Used once, from one thread.

    Args:
        plan: What to do.
        recorder: Where to write it down.
        around: What to do it with.
        on_progress: Told everything that happens, from the calling thread.
    """

    def __init__(
        self,
        plan: Plan,
        recorder: Recorder,
        around: Surroundings,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._plan = plan
        self._recorder = recorder
        self._around = around
        self._on_progress = on_progress
        self._keys = Keys(plan)
        self._work = {node.name: _Work(node=node) for node in plan.graph.nodes}
        self._events: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._reports: dict[str, StepReport] = {}
        self._metrics_at = time.monotonic()
        self._is_warm = False
        self.made: dict[str, tuple[Artifact, ...]] = {}
        self.metrics: dict[str, dict[str, float]] = {}
        self.error: TowpathError | None = None

    def execute(self) -> tuple[StepReport, ...]:
        """Bring every node to its end and say how each went.

        A failed step leaves `error` set, those that ran beside it `killed`, and the rest `skipped`.
        """
        self._tell("planned", "")
        try:
            while self.error is None and len(self.made) < len(self._work):
                self._take_hits()
                self._start_missed()
                self._await_event()
            self._wind_up()
        except BaseException:
            self._abandon()
            raise
        return tuple(
            self._reports.get(name) or StepReport(name=name, status="skipped")
            for name in self._work
        )

    def _take_hits(self) -> None:
        """Move every node whose result is in the cache to its end, and those it frees, and so on."""
        hits: list[tuple[Node, StepKey, Inputs, Execution]] = []
        stale: list[Execution] = []
        with self._around.ledger.read() as tx:
            while fresh := [one for one in self._work.values() if self._is_ready(one)]:
                for work in fresh:
                    work.inputs = {
                        name: gather(one, self._plan, self.made)
                        for name, one in work.node.inputs.items()
                    }
                    work.key = self._keys.of(work.node, work.inputs)
                    work.state = "missed"
                    found = tx.cache.look(work.key.digest) if work.node.step.options.cache else None
                    if found is None:
                        continue
                    if not self._is_whole(found):
                        stale.append(found)
                        continue
                    hits.append((work.node, work.key, work.inputs, found))
                    self._arrive(work, made_by(found))
        if stale:
            self._recorder.drop(stale)
        runs = self._recorder.hits(hits) if hits else {}
        before = len(self.made) - len(hits)
        for done, (node, _, _, execution) in enumerate(hits, start=before + 1):
            report = StepReport(
                name=node.name, status="hit", run_id=runs[node.name], log=made_by(execution).log
            )
            self._reports[node.name] = report
            self._tell("hit", node.name, done=done)

    def _is_ready(self, work: _Work) -> bool:
        return work.state == "pending" and needs(work.node) <= self.made.keys()

    def _is_whole(self, execution: Execution) -> bool:
        artifacts = made_by(execution).artifacts
        return not any(missing_blobs(one, self._around.blobs) for one in artifacts)

    def _arrive(self, work: _Work, made: Made) -> None:
        work.state = "over"
        self.made[work.node.name] = made.artifacts
        self.metrics[work.node.name] = made.latest

    def _start_missed(self) -> None:
        """Claim and submit what has to be executed, no more than the executor takes at once."""
        for work in self._work.values():
            busy = [one for one in self._work.values() if one.state == "running"]
            free = self._around.executor.cpus - sum(_cpus(one) for one in busy)
            if work.state in ("missed", "waiting") and (_cpus(work) <= free or not busy):
                self._claim(work)

    def _claim(self, work: _Work) -> None:
        lease_s = self._around.leases.lease_s
        run_id, execution, last = self._recorder.claim(
            work.node, work.known_key, work.inputs, lease_s=lease_s
        )
        if execution is not None and execution.run_id != run_id:
            self._give_way(work, execution)
            return
        if execution is not None:
            self._around.leases.hold(work.known_key.digest, execution.fence)
            work.why = explain_miss(work.known_key.parts, last)
        else:
            work.why = "it is never cached"
        work.state, work.run_id, work.began = "running", run_id, time.monotonic()
        self._tell("started", work.node.name, detail=work.why)
        try:
            if not self._is_warm:
                self._around.executor.warm(WORKER_MODULES)
            future = self._around.executor.submit(self._task(work), on_message=self._hear(work))
        except TowpathError as error:
            self._fail(work, "failed", str(error.message), None, error)
            return
        future.add_done_callback(lambda done: self._events.put((work.node.name, done)))
        if not self._is_warm:
            self._is_warm = True  # while the first step runs, load what later ones will want
            self._around.executor.warm(self._keys.libraries())

    def _give_way(self, work: _Work, execution: Execution) -> None:
        """Another run has the key: take its result, take over if it died, or wait for it."""
        if execution.state == "done":
            work.state = "pending"
            return
        with self._around.ledger.read() as tx:
            owner = tx.runs.get(execution.run_id).tags.get("owner", "")
        if is_dead(owner):
            with self._around.ledger.write(actor="pipelines") as tx:
                tx.cache.release(owner)
            work.state = "missed"
            return
        if work.state != "waiting":
            work.state = "waiting"
            self._tell("waiting", work.node.name, detail=f"run {execution.run_id} is on it")

    def _task(self, work: _Work) -> Task:
        step, around = work.node.step, self._around
        order = {
            "step": f"{step.module}:{step.name}",
            "source": str(self._plan.source),
            "inputs": describe_inputs(work.inputs),
            "constants": dict(work.node.constants),
            "seed": step.options.seed,
            "key": work.known_key.digest,
            "blobs": around.blobs_url,
            "cache_dir": None if around.cache_dir is None else str(around.cache_dir),
        }
        return Task(
            id=work.run_id,
            call=WORKER,
            payload=order,
            resources=step.options.resources,
            env={"TMPDIR": str(around.scratch.folder)},
            log=around.scratch.log(work.run_id),
        )

    def _hear(self, work: _Work) -> Callable[[dict[str, Any]], None]:
        return lambda message: self._events.put((work.node.name, message))

    def _await_event(self) -> None:
        """Wait for something to happen, at most until it is time to look again; then take all of it."""
        active = any(one.state in ("running", "waiting") for one in self._work.values())
        try:
            event = self._events.get(timeout=_LOOK_AGAIN_S if active else 0)
            while True:
                self._handle(*event)
                event = self._events.get_nowait()
        except queue.Empty:
            self._send_metrics()

    def _handle(self, name: str, event: dict[str, Any] | Future[Outcome]) -> None:
        work = self._work[name]
        if not isinstance(event, dict):
            self._settle(work, event.result())
        elif "metrics" in event:
            work.metrics += event["metrics"]
            shown = ", ".join(f"{key} {value:g}" for key, value, *_ in event["metrics"])
            self._tell("metric", name, detail=shown)
        else:
            key, value = event["param"]
            work.params[key] = value

    def _send_metrics(self, *, now: bool = False) -> None:
        """Write down what running steps have logged, at most once a second."""
        if not now and time.monotonic() < self._metrics_at + _METRICS_EVERY_S:
            return
        self._metrics_at = time.monotonic()
        for work in self._work.values():
            fresh = work.metrics[work.unsent :]
            if work.state == "running" and fresh:
                self._recorder.points(work.run_id, fresh)
                work.unsent = len(work.metrics)

    def _settle(self, work: _Work, outcome: Outcome) -> None:
        """Write down how an execution ended."""
        name, seconds = work.node.name, time.monotonic() - work.began
        printed = self._around.scratch.keep_log(work.run_id, self._around.blobs)
        if outcome.status != "done":
            status = "killed" if outcome.status == "killed" and self.error is not None else "failed"
            error = None if status == "killed" else self._error_of(work, outcome)
            self._fail(work, status, outcome.error, printed, error)
            return
        made = Made(
            artifacts=msgspec.convert(outcome.value["artifacts"], tuple[Artifact, ...]),
            metrics=work.metrics,
            params=work.params,
            log=printed,
        )
        fence = self._around.leases.let_go(work.known_key.digest)
        self._recorder.finished(work.run_id, work.known_key, made, work.inputs, fence=fence)
        self._arrive(work, made)
        self._reports[name] = StepReport(
            name=name, status="done", run_id=work.run_id, seconds=seconds, why=work.why, log=printed
        )
        self._tell("done", name, seconds=seconds)

    def _fail(
        self,
        work: _Work,
        status: Literal["failed", "killed"],
        why: str,
        printed: str | None,
        error: TowpathError | None,
    ) -> None:
        work.state = "over"
        fence = self._around.leases.let_go(work.known_key.digest)
        claim = None if fence is None else (work.known_key.digest, fence)
        self._recorder.ended(work.run_id, status, error=why, log=printed, claim=claim)
        self.error = self.error or error
        seconds = time.monotonic() - work.began
        self._reports[work.node.name] = StepReport(
            name=work.node.name,
            status=status,
            run_id=work.run_id,
            seconds=seconds,
            why=why,
            log=printed,
        )
        self._tell(status, work.node.name, seconds=seconds, detail=why)

    def _error_of(self, work: _Work, outcome: Outcome) -> TowpathError:
        """Return what a failed step means for whoever started the run.

        The message quotes no data, since it may be stored; the user's own words and the traceback are
        notes of the exception, for people.
        """
        name = work.node.name
        kind = _TROUBLE.get(outcome.error_code, StepFailed)
        error = kind(
            f"step {name!r} failed: {outcome.error}",
            remedy=_REMEDIES.get(outcome.status, ""),
            step=name,
            run=work.run_id,
            status=outcome.status,
        )
        for note in (outcome.message, outcome.traceback):
            if note:
                error.add_note(note)
        return error

    def _wind_up(self) -> None:
        """After a failure: stop what still runs and write down that it was stopped."""
        running = [one for one in self._work.values() if one.state == "running"]
        for work in running:
            self._around.executor.cancel(work.run_id)
        while any(one.state == "running" for one in running):
            self._handle(*self._events.get())

    def _abandon(self) -> None:
        """The run is being interrupted: leave no process, no claim and no open run behind."""
        for work in self._work.values():
            if work.state == "running":
                self._around.executor.cancel(work.run_id)
                fence = self._around.leases.let_go(work.known_key.digest)
                claim = None if fence is None else (work.known_key.digest, fence)
                try:
                    self._recorder.ended(
                        work.run_id,
                        "killed",
                        error="the run was interrupted",
                        log=None,
                        claim=claim,
                    )
                except TowpathError as error:
                    log.warning("run.not_closed", run=work.run_id, code=error.code)

    def _tell(
        self,
        kind: ProgressKind,
        step: str,
        *,
        done: int | None = None,
        seconds: float | None = None,
        detail: str = "",
    ) -> None:
        self._on_progress(
            Progress(
                kind=kind,
                run_id=self._recorder.run_id,
                step=step,
                done=len(self.made) if done is None else done,
                total=len(self._work),
                seconds=seconds,
                detail=detail,
            )
        )


_REMEDIES = {
    "timeout": "Give the step a longer timeout, or less to do.",
    "memory": "Give the step more memory, or read lazily.",
    "killed": "Run again: finished steps are kept. If the machine ran out of memory, declare it.",
}


def _cpus(work: _Work) -> float:
    return work.node.step.options.resources.cpus
