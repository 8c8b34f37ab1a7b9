"""Runs pipelines: plan, execute, propose what they made, and record all of it."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from towpath.assets.code import environment_lock
from towpath.assets.features import LayoutFeatureStore
from towpath.build.capacity import NoPermits, ResumePoints
from towpath.build.pipelines.authoring.finetuning import Bases
from towpath.build.pipelines.contract import PipelineResult
from towpath.build.pipelines.planning.explaining import Forecaster, StepForecast
from towpath.build.pipelines.planning.outline import OUTLINE_TAG, encode_outline
from towpath.build.pipelines.planning.planning import Plan, make_plan
from towpath.build.pipelines.planning.reads import READS_TAG, encode_reads
from towpath.build.pipelines.running.leases import LeaseKeeper
from towpath.build.pipelines.running.proposing import Proposals
from towpath.build.pipelines.running.recording import Recorder
from towpath.build.pipelines.running.running import PlanRun
from towpath.build.pipelines.running.surroundings import Surroundings
from towpath.build.pipelines.working.scratch import Scratch
from towpath.build.pipelines.working.shipping import LogShipper
from towpath.core.digests import canonical_json
from towpath.core.errors import Conflict, NotFound, TowpathError
from towpath.core.ids import new_id
from towpath.core.refs import Ref
from towpath.ledger.owners import is_dead, this_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from towpath.assets.code import CodeStore
    from towpath.assets.datasets import DatasetStore
    from towpath.build.capacity import Permits
    from towpath.build.compute import Executor
    from towpath.build.pipelines.authoring.pipeline import Pipeline
    from towpath.build.pipelines.contract import (
        Artifact,
        CandidateHandler,
        CandidateOutcome,
        Progress,
        StepReport,
    )
    from towpath.build.pipelines.planning.choosing import Part
    from towpath.core.clock import Clock
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore

log = structlog.get_logger()


class PipelineRunner:
    """Runs pipelines on an executor. Safe to use from several threads, and beside other processes.

    A finished step is never done again: a run that was killed, at any point, is continued by running
    it again. What runs is the recorded code, not the working folder.

    Args:
        ledger: Where everything is recorded.
        blobs: Where results are kept.
        blobs_url: The same store, as step processes open it.
        datasets: What selections are pinned in.
        code: Where the project's code is laid out from.
        executor: Where steps run. The runner does not close it.
        clock: Event time, for runs that are planned for now.
        candidates: Who judges proposed models; without one they are left unjudged.
        permits: Who decides when an attempt may start; without one all may, as soon as cores are free.
        cache_dir: Where step processes keep downloads of a remote blob store.
        scratch: Folder for logs and temporary files of running steps.
        lease_s: How long a step's key stays taken after its runner died on another machine. On this
            machine death is noticed at once.
    """

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        *,
        blobs_url: str,
        datasets: DatasetStore,
        code: CodeStore,
        executor: Executor,
        clock: Clock,
        candidates: CandidateHandler | None = None,
        permits: Permits | None = None,
        cache_dir: Path | None = None,
        scratch: Path | None = None,
        lease_s: float = 30.0,
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._blobs_url = blobs_url
        self._datasets = datasets
        self._features = LayoutFeatureStore(ledger, blobs)
        self._code = code
        self._executor = executor
        self._clock = clock
        self._candidates = candidates
        self._permits = permits or NoPermits()
        self._cache_dir = cache_dir
        self._scratch = scratch or Path(tempfile.gettempdir()) / "towpath-steps"
        self._lease_s = lease_s

    def plan(
        self,
        pipeline: Pipeline,
        *,
        code: Ref,
        params: Mapping[str, Any] = {},
        at: datetime | None = None,
        pins: Mapping[str, int] = {},
        part: Part | None = None,
    ) -> Plan:
        """Decide what a run would do; nothing is recorded. Arguments and errors are those of `run`."""
        return make_plan(
            pipeline,
            self._datasets,
            self._features,
            Bases(self._ledger, self._blobs),
            params=params,
            at=at or self._clock.now(),
            pins=pins,
            source=self._code.unpack(code),
            lock=self._blobs.put(environment_lock()),
            part=part,
        )

    def forecast(self, plan: Plan, *, project: str, pipeline: str) -> tuple[StepForecast, ...]:
        """Say of each step of a plan whether it would be executed, and what made it stale."""
        forecaster = Forecaster(plan, self._ledger, self._blobs)
        return forecaster.forecast(project=project, pipeline=pipeline)

    def run(
        self,
        pipeline: Pipeline,
        *,
        project: str,
        code: Ref,
        params: Mapping[str, Any] = {},
        at: datetime | None = None,
        pins: Mapping[str, int] = {},
        part: Part | None = None,
        reason: str = "manual",
        on_progress: Callable[[Progress], None] | None = None,
    ) -> PipelineResult:
        """Run a pipeline to its end.

        Args:
            pipeline: The pipeline, loaded from `code` or from the folder it was taken of.
            project: The project it belongs to.
            code: The version of the project's code to execute.
            params: Parameters; text is read as the declared types.
            at: Event time that windows reach back from; now when None.
            pins: Data-set versions to read instead of the latest, by name.
            part: Which part of the pipeline to run, and what of it anew; all of it when None.
            reason: Why it runs, for the record.
            on_progress: Told what happens, from this thread.

        Returns:
            How it went. A step that fails, and a verdict against the model, are results.

        Raises:
            UsageError: The pipeline can't be planned; nothing was recorded.
            NotFound: A data set, version or parameter does not exist, or a result that the part needs
                is not in the cache; nothing was recorded.
        """
        began = time.monotonic()
        planned_at = at or self._clock.now()
        plan = self.plan(pipeline, code=code, params=params, at=planned_at, pins=pins, part=part)
        self._require(plan, project=project, pipeline=pipeline.name)
        self._bury_the_dead(project)
        run_id = new_id()
        recorder = Recorder(
            self._ledger,
            project=project,
            pipeline=pipeline.name,
            run_id=run_id,
            owner=f"{this_owner()}/{run_id}",
            reason=reason,
        )
        tags = {"pipeline": pipeline.name, "at": planned_at.isoformat(), "reason": reason}
        tags[OUTLINE_TAG] = self._blobs.put(encode_outline(plan.graph))
        _begin(recorder, plan, code=code, tags=tags)
        log.info("run.started", run=run_id, project=project, pipeline=pipeline.name, reason=reason)
        try:
            result = self._execute(plan, recorder, code, on_progress)
        except BaseException as error:
            recorder.end("killed", error=f"interrupted: {type(error).__name__}")
            raise
        seconds = time.monotonic() - began
        log.info("run.finished", run=run_id, status=result.status, seconds=round(seconds, 3))
        return replace(result, seconds=seconds)

    def _execute(
        self,
        plan: Plan,
        recorder: Recorder,
        code: Ref,
        tell: Callable[[Progress], None] | None,
    ) -> PipelineResult:
        with (
            LogShipper(self._ledger) as shipper,
            Scratch(self._scratch, recorder.run_id, shipper) as scratch,
            LeaseKeeper(self._ledger, self._lease_s) as leases,
        ):
            around = Surroundings(
                ledger=self._ledger,
                blobs=self._blobs,
                blobs_url=self._blobs_url,
                cache_dir=self._cache_dir,
                executor=self._executor,
                leases=leases,
                scratch=scratch,
                permits=self._permits,
                points=ResumePoints(self._ledger, self._blobs),
            )
            execution = PlanRun(plan, recorder, around, tell)
            steps = execution.execute()
        if execution.error is not None:
            return self._failed(recorder, steps, self._overtaken(plan) or execution.error)
        if execution.cancelled:
            recorder.end("killed", error=execution.cancelled)
            return PipelineResult(
                run_id=recorder.run_id, status="cancelled", steps=steps, outputs={}
            )
        outcome: CandidateOutcome | None = None
        judged: list[Artifact] = []
        if self._candidates is not None:
            proposals = Proposals(
                plan=plan, recorder=recorder, code=code, handler=self._candidates, tell=tell
            )
            try:
                proposals.propose_all(execution.nodes)
            except TowpathError as error:
                return self._failed(recorder, steps, self._overtaken(plan) or error)
            outcome, judged = proposals.outcome, proposals.judged
        verdict = None if outcome is None else outcome.verdict
        model = None if outcome is None else outcome.version
        tags = {"verdict": verdict or "", "model": "" if model is None else str(model)}
        recorder.end("finished", tags=tags, used={one.ref for one in judged})
        return PipelineResult(
            run_id=recorder.run_id,
            status="finished" if verdict in (None, "pass") else "refused",
            steps=steps,
            outputs=execution.nodes.outputs(),
            model=model,
            verdict=verdict,
            report_markdown="" if outcome is None else outcome.report_markdown,
        )

    def _require(self, plan: Plan, *, project: str, pipeline: str) -> None:
        """Refuse a part of a pipeline whose inputs are not in the cache."""
        if not plan.from_cache:
            return
        for step in self.forecast(plan, project=project, pipeline=pipeline):
            if step.name in plan.from_cache and step.expected == "run":
                raise NotFound(
                    f"the result of step {step.name!r} is not in the cache: {step.why}",
                    remedy=f"Run it first: towpath run {pipeline} --until {step.name}",
                    step=step.name,
                )

    def _failed(
        self, recorder: Recorder, steps: tuple[StepReport, ...], error: TowpathError
    ) -> PipelineResult:
        recorder.end("failed", error=error.message)
        return PipelineResult(
            run_id=recorder.run_id, status="failed", steps=steps, outputs={}, error=error
        )

    def _overtaken(self, plan: Plan) -> Conflict | None:
        """Return what to report when an erasure took the ground from under the run's feet, if one did.

        The run was planned on a revision whose bytes are gone since. Planned again, it reads what is
        left, so this is worth a retry.
        """
        with self._ledger.read() as tx:
            for artifact in plan.pinned.values():
                version = tx.versions.find(artifact.ref)
                if version is not None and version.revision > artifact.meta["revision"]:
                    return Conflict(
                        f"{artifact.ref} was revised by an erasure while the run was reading it",
                        remedy="Run it again; it will read what is left.",
                        ref=str(artifact.ref),
                    )
        return None

    def _bury_the_dead(self, project: str) -> None:
        """Close the runs of processes that died on this machine, and free the keys they held."""
        with self._ledger.read() as tx:
            running = tx.runs.list(project=project, status="running")
        dead = [run for run in running if is_dead(run.tags.get("owner", ""))]
        if not dead:
            return
        with self._ledger.write(actor="pipelines") as tx:
            for owner in {run.tags["owner"] for run in dead}:
                tx.cache.release(owner)
            for run in dead:
                tx.runs.finish(run.id, "killed", error="its process died")
        log.info("run.buried", project=project, runs=len(dead))


def _begin(recorder: Recorder, plan: Plan, *, code: Ref, tags: Mapping[str, str]) -> None:
    pins = canonical_json(plan.pins).decode()
    recorder.begin(
        params=plan.params,
        tags={
            **tags,
            "code": str(code),
            "pins": pins,
            "lock": plan.lock,
            READS_TAG: encode_reads(plan.pinned.values()),
        },
        used=[code, Ref("environment", plan.lock), *plan.datasets, *plan.features],
        services=plan.graph.services,
    )
