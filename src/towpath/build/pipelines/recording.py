"""What a run writes into the ledger, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.assets.features.registry import register_service
from towpath.build.pipelines.contract import Artifact  # noqa: TC001  msgspec reads the annotations
from towpath.core.clock import from_micros
from towpath.core.errors import FenceLost
from towpath.core.ids import new_id
from towpath.core.refs import Ref
from towpath.ledger.records import Execution, Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from towpath.assets.features import FeatureService
    from towpath.build.pipelines.building import Node
    from towpath.build.pipelines.keys import StepKey
    from towpath.ledger import Ledger
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import RunStatus

_ACTOR = "pipelines"
_PARAM_CHARS = 6_000
Inputs = dict[str, "Artifact | list[Artifact]"]


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


def made_by(execution: Execution) -> Made:
    """Read back what `Recorder.finished` put into the cache."""
    outputs = {
        name: execution.outputs.get(name) for name in ("artifacts", "metrics", "params", "log")
    }
    return msgspec.convert(outputs, Made)


class Recorder:
    """Writes one pipeline run's facts.

    Args:
        ledger: Where to.
        project: The project.
        run_id: The pipeline's run.
        owner: Who runs it: unique to this run, so that no other run of this process shares its claims.
    """

    def __init__(self, ledger: Ledger, *, project: str, run_id: str, owner: str) -> None:
        self._ledger = ledger
        self._project = project
        self.run_id = run_id
        self._owner = owner

    def begin(
        self,
        name: str,
        *,
        params: Mapping[str, Any],
        tags: Mapping[str, str],
        used: Iterable[Ref],
        services: Iterable[FeatureService] = (),
    ) -> None:
        """Record that the run began, and what it reads; feature services become versions."""
        with self._ledger.write(actor=_ACTOR) as tx:
            tx.runs.start(
                kind="pipeline",
                name=name,
                project=self._project,
                run_id=self.run_id,
                params={key: str(value)[:_PARAM_CHARS] for key, value in params.items()},
                tags={**tags, "owner": self._owner},
            )
            registered = [register_service(tx, one, project=self._project).ref for one in services]
            for ref in [*used, *registered]:
                tx.graph.link(Ref("run", self.run_id), "used", ref)

    def hits(self, found: Iterable[tuple[Node, StepKey, Inputs, Execution]]) -> dict[str, str]:
        """Record steps that came from the cache; return each node's run id."""
        runs: dict[str, str] = {}
        with self._ledger.write(actor=_ACTOR) as tx:
            for node, key, inputs, execution in found:
                made = made_by(execution)
                tags = {"cached": "true", "executed_by": execution.run_id}
                runs[node.name] = run_id = new_id()
                self._start(tx, node, key, inputs, run_id=run_id, tags=tags)
                self._keep(tx, run_id, made)
                tx.runs.finish(run_id, "finished")
        return runs

    def claim(
        self, node: Node, key: StepKey, inputs: Inputs, *, lease_s: float
    ) -> tuple[str, Execution | None, Execution | None]:
        """Take a step's key, record that its run began, and learn what it missed against.

        Returns:
            The run id; the execution as it stands (None for a step that is never cached); and the
            step's newest finished execution.
        """
        run_id = new_id()
        execution: Execution | None = None
        with self._ledger.write(actor=_ACTOR) as tx:
            last = tx.cache.last(node.step.path)
            if node.step.options.cache:
                execution = tx.cache.claim(
                    key.digest,
                    step=node.step.path,
                    parts=key.parts,
                    run_id=run_id,
                    owner=self._owner,
                    lease_s=lease_s,
                )
            if execution is None or (execution.state == "running" and execution.run_id == run_id):
                tags = {"step": node.step.path}
                self._start(tx, node, key, inputs, run_id=run_id, tags=tags)
        return run_id, execution, last

    def points(self, run_id: str, points: Iterable[list[Any]]) -> None:
        """Append metric points to a step's run while it is going."""
        with self._ledger.write(actor=_ACTOR) as tx:
            tx.runs.log_metrics(run_id, _metrics(points))

    def finished(
        self, run_id: str, key: StepKey, made: Made, inputs: Inputs, *, fence: int | None
    ) -> None:
        """Record a step's results, in the cache too while our claim on its key holds.

        Args:
            run_id: The step's run.
            key: Its key.
            made: What it left.
            inputs: What it read.
            fence: The claim's fence; None for a step that is never cached or a claim that was lost.
        """
        last = list({point[0]: point for point in made.metrics}.values())
        kept = msgspec.to_builtins(replace(made, metrics=last))
        outputs = {**kept, "sources": _sources(inputs)}
        try:
            self._finish(run_id, made, key, outputs, fence)
        except FenceLost:
            self._finish(run_id, made, key, outputs, None)

    def ended(
        self,
        run_id: str,
        status: RunStatus,
        *,
        error: str,
        log: str | None,
        claim: tuple[str, int] | None,
    ) -> None:
        """Record that a step failed or was killed, and give its key back."""
        with self._ledger.write(actor=_ACTOR) as tx:
            if log is not None:
                tx.runs.set_tags(run_id, {"log": log})
            tx.runs.finish(run_id, status, error=error)
            if claim is not None:
                tx.cache.drop(claim[0], fence=claim[1])

    def drop(self, stale: Iterable[Execution]) -> None:
        """Forget executions whose results are gone."""
        with self._ledger.write(actor=_ACTOR) as tx:
            for execution in stale:
                tx.cache.drop(execution.key, fence=execution.fence)

    def end(
        self,
        status: RunStatus,
        *,
        error: str | None = None,
        tags: Mapping[str, str] = {},
        used: Iterable[Ref] = (),
    ) -> None:
        """Record how the run ended."""
        with self._ledger.write(actor=_ACTOR) as tx:
            for ref in used:
                tx.graph.link(Ref("run", self.run_id), "used", ref)
            if tags:
                tx.runs.set_tags(self.run_id, tags)
            tx.runs.finish(self.run_id, status, error=error)

    def _start(
        self,
        tx: Transaction,
        node: Node,
        key: StepKey,
        inputs: Inputs,
        *,
        run_id: str,
        tags: Mapping[str, str],
    ) -> None:
        params = {
            name: msgspec.json.encode(value).decode()[:_PARAM_CHARS]
            for name, value in node.constants.items()
        }
        tx.runs.start(
            kind="step",
            name=node.name,
            project=self._project,
            run_id=run_id,
            parent=self.run_id,
            key=key.digest,
            params=params,
            tags={**tags, "step": node.step.path, "owner": self._owner},
        )
        for artifact in flatten(inputs):
            tx.graph.link(Ref("run", run_id), "used", artifact.ref)
            if artifact.meta.get("features"):
                layout = Ref.parse(artifact.meta["features"])
                tx.graph.link(Ref("run", run_id), "used", layout)

    def _finish(
        self, run_id: str, made: Made, key: StepKey, outputs: dict[str, Any], fence: int | None
    ) -> None:
        with self._ledger.write(actor=_ACTOR) as tx:
            if fence is not None:
                tx.cache.fill(key.digest, fence=fence, outputs=outputs)
            self._keep(tx, run_id, made)
            tx.runs.finish(run_id, "finished")

    def _keep(self, tx: Transaction, run_id: str, made: Made) -> None:
        """Link results to a step's run and note its metrics, the last ones on the pipeline's run too."""
        for artifact in made.artifacts:
            tx.graph.link(artifact.ref, "made", Ref("run", run_id))
        if made.log is not None:
            tx.runs.set_tags(run_id, {"log": made.log})
        if made.params:
            tx.runs.log_params(run_id, made.params)
        if made.metrics:
            tx.runs.log_metrics(run_id, _metrics(made.metrics))
            last = {point[0]: point for point in made.metrics}
            tx.runs.log_metrics(self.run_id, _metrics(last.values()))


def flatten(inputs: Inputs) -> list[Artifact]:
    """Return every artefact among the inputs, in argument order."""
    found: list[Artifact] = []
    for one in inputs.values():
        found += one if isinstance(one, list) else [one]
    return found


def _metrics(points: Iterable[list[Any]]) -> list[Metric]:
    return [
        Metric(key=key, value=float(value), step=step, at=from_micros(at))
        for key, value, step, at in points
    ]


def _sources(inputs: Inputs) -> list[dict[str, str]]:
    """Return the data-set versions among the inputs, so that an erasure finds what read them."""
    return [
        {"ref": one.meta["ref"], "manifest": one.meta["manifest"]}
        for one in flatten(inputs)
        if "manifest" in one.meta
    ]
