"""Who weighs candidates: scores them, asks the gates, and registers what they found."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import polars as pl

from towpath.assets.models import Registration, compile_package, load_package
from towpath.assets.models.reference import build_reference
from towpath.assets.models.registry import conditions_digest
from towpath.build.gates.asking import ask
from towpath.build.gates.metrics import measure_all
from towpath.build.gates.reports import write_cases, write_report
from towpath.build.gates.trials import Opponent, hold_trial, read_holdout
from towpath.build.pipelines import CandidateOutcome, load_artifact
from towpath.ledger.records import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from towpath.assets.cases import HeldModel
    from towpath.assets.models import ModelRegistry, Package
    from towpath.build.gates.contract import Finding, Gate, Trial
    from towpath.build.gates.trials import Holdout
    from towpath.build.pipelines import Artifact, CandidateRequest, Verdict
    from towpath.core.clock import Clock
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Json, Version
    from towpath.storage.blobs.contract import BlobStore


class GateKeeper:
    """A project's `CandidateHandler`.

    Args:
        ledger: Where runs get their test metrics.
        blobs: Where packages, reports and references are.
        registry: Where versions go.
        clock: Event time of the metrics.
        gates: What the project demands. With none, every candidate passes.
        champion_of: From a model's name to the version that serves now, or None.
        hold: Asks a version about the regression cases of the services that its model is for.
    """

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        registry: ModelRegistry,
        *,
        clock: Clock,
        gates: Sequence[Gate],
        champion_of: Callable[[str], Ref | None],
        hold: Callable[[Ref], Sequence[HeldModel]] | None = None,
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._registry = registry
        self._clock = clock
        self._gates = tuple(gates)
        self._champion_of = champion_of
        self._hold = hold

    def consider(self, request: CandidateRequest) -> CandidateOutcome:
        """Weigh a candidate; see `CandidateHandler.consider`.

        Raises:
            InvalidProject: The test rows lack what the model needs, or a gate of the project's own breaks.
            IntegrityError: The package is damaged.
        """
        champion = self._champion_of(request.name)
        demands: list[Json] = [describe(gate) for gate in self._gates]
        if request.rivals > 1:
            demands.append({"rivals": request.rivals})
        conditions = conditions_digest(
            request.model.digest, request.test.digest, demands, request.parent
        )
        known = self._registry.weighed(request.name, conditions, champion)
        version = known or self._weigh(request, conditions, champion)
        self._log_metrics(request.run_id, version)
        held = () if self._hold is None else self._hold(version.ref)
        report = self._blobs.get(version.body["report"]).decode()
        return CandidateOutcome(
            version=version.ref,
            verdict=version.body["verdict"],
            evidence=tuple(version.body["gates"]),
            report_markdown=report + write_cases(held),
        )

    def _weigh(self, request: CandidateRequest, conditions: str, champion: Ref | None) -> Version:
        """Score, judge and register a candidate that was not weighed before."""
        package = load_package(request.model.digest, self._blobs)
        training = self._training(request, package)
        rows = read_holdout(self._table(request.test), package, request.name, training)
        # From here on it is the form that will serve: what is judged is what answers.
        judged = compile_package(request.model.digest, rows.frame, self._blobs)
        trial = hold_trial(
            judged,
            rows,
            self._blobs,
            champion=self._opponent(champion),
            parent=self._opponent(request.parent),
            rivals=request.rivals,
        )
        findings = [ask(gate, trial) for gate in self._gates]
        verdict = joint_verdict(findings)
        metrics = measure_all(trial.task, trial.outcome, trial.challenger, trial.within)
        against = None if champion is None else str(champion)
        report = write_report(
            request,
            verdict=verdict,
            findings=findings,
            rows=rows,
            metrics=metrics,
            champion=against,
        )
        return self._registry.register(
            Registration(
                name=request.name,
                project=request.project,
                package=judged,
                run=request.run_id,
                pipeline=request.pipeline,
                params=request.params,
                code=request.code,
                datasets=request.datasets,
                lock=request.lock,
                conditions=conditions,
                champion=champion,
                parent=request.parent,
                metrics=metrics,
                gates=tuple(dataclasses.asdict(finding) for finding in findings),
                verdict=verdict,
                report=self._blobs.put(report.encode()),
                reference=self._blobs.put(self._reference(request, package, rows, trial, training)),
            )
        )

    def _table(self, artifact: Artifact) -> pl.DataFrame:
        return load_artifact(artifact, self._blobs, pl.DataFrame)

    def _training(self, request: CandidateRequest, package: Package) -> pl.DataFrame | None:
        """Return the table that the model learned from, where it has the model's own columns."""
        names = set(package.inputs.names)
        tables = map(self._table, request.training)
        return next((table for table in tables if names <= set(table.columns)), None)

    def _opponent(self, ref: Ref | None) -> Opponent | None:
        if ref is None:
            return None
        with self._ledger.read() as tx:
            return Opponent(ref=ref, package=tx.versions.get(ref).digest)

    def _reference(
        self,
        request: CandidateRequest,
        package: Package,
        rows: Holdout,
        trial: Trial,
        training: pl.DataFrame | None,
    ) -> bytes:
        """Return what monitors will compare the model's live traffic with, encoded."""
        names = package.inputs.names
        seen = self._event_times(request)
        scores = pl.DataFrame({"score": trial.challenger, "outcome": trial.outcome})
        test_time = _time_column(rows.frame, seen)
        if test_time is not None:
            scores = scores.with_columns(rows.frame.get_column(test_time).alias("time"))
        # Where the features are made inside the step, only the test rows have them.
        frame = rows.frame if training is None else training
        return build_reference(
            frame,
            columns=names,
            time=_time_column(frame, seen),
            scores=scores,
            test=rows.frame,
            task=package.task,
        ).encode()

    def _event_times(self, request: CandidateRequest) -> list[str]:
        """Return the event-time columns of the data sets the model was made from."""
        with self._ledger.read() as tx:
            bodies = [tx.versions.get(ref).body for ref in request.datasets]
        return [body["time"] for body in bodies if body.get("time")]

    def _log_metrics(self, run_id: str, version: Version) -> None:
        """Give the run its test metrics, so that runs can be compared by them."""
        at = self._clock.now()
        points = [
            Metric(key=f"test.{name}", value=value, at=at)
            for name, value in version.body["metrics"].items()
        ]
        with self._ledger.write() as tx:
            tx.runs.log_metrics(run_id, points)


def joint_verdict(findings: Sequence[Finding]) -> Verdict:
    """Return `pass` if every gate passed, `fail` if one failed, else `inconclusive`."""
    verdicts = {finding.verdict for finding in findings}
    if "fail" in verdicts:
        return "fail"
    return "inconclusive" if "inconclusive" in verdicts else "pass"


def describe(gate: Gate) -> Json:
    """Return a gate as JSON: its name and, for a dataclass, its fields."""
    fields: dict[str, Any] = {}
    if dataclasses.is_dataclass(gate) and not isinstance(gate, type):
        fields = dataclasses.asdict(gate)
    return {"gate": gate.name, "type": type(gate).__qualname__, **fields}


def _time_column(frame: pl.DataFrame, event_times: Sequence[str]) -> str | None:
    """Return the column with event time: a data set's own, else the only aware time there is."""
    times = [name for name, kind in frame.schema.items() if kind == pl.Datetime("us", "UTC")]
    for name in event_times:
        if name in times:
            return name
    return times[0] if len(times) == 1 else None
