"""What a run writes into the ledger, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.assets.features.registry import register_service
from towpath.build.pipelines.planning.calls import flatten
from towpath.build.pipelines.planning.subject_shards import SHARDS_TAG, encode_shards
from towpath.core.clock import from_micros
from towpath.core.ids import new_id
from towpath.core.refs import Ref
from towpath.ledger.records import Claim, EndedRun, Execution, Filling, Metric, NewRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from towpath.assets.features import FeatureService
    from towpath.build.pipelines.contract import Artifact
    from towpath.build.pipelines.planning.calls import Call, Inputs
    from towpath.build.pipelines.running.turns import Done, Hit, Turn
    from towpath.ledger import Ledger
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Relation, RunStatus

_ACTOR = "pipelines"
_PARAM_CHARS = 6_000
_Link = tuple[Ref, "Relation", Ref]


class Recorder:
    """Writes one pipeline run's facts.

    Args:
        ledger: Where to.
        project: The project.
        pipeline: The pipeline's name.
        run_id: The pipeline's run.
        owner: Who runs it: unique to this run, so that no other run of this process shares its claims.
        reason: Why it runs.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        project: str,
        pipeline: str,
        run_id: str,
        owner: str,
        reason: str = "manual",
    ) -> None:
        self._ledger = ledger
        self.project = project
        self.pipeline = pipeline
        self.run_id = run_id
        self.owner = owner
        self.reason = reason
        self._last: dict[str, Execution | None] = {}

    def begin(
        self,
        *,
        params: Mapping[str, Any],
        tags: Mapping[str, str],
        used: Iterable[Ref],
        services: Iterable[FeatureService] = (),
    ) -> None:
        """Record that the run began, and what it reads; feature services become versions."""
        run = NewRun(
            id=self.run_id,
            kind="pipeline",
            name=self.pipeline,
            project=self.project,
            params={key: str(value)[:_PARAM_CHARS] for key, value in params.items()},
            tags={key: value for key, value in tags.items() if value} | {"owner": self.owner},
        )
        with self._ledger.write(actor=_ACTOR) as tx:
            tx.runs.start_all([run])
            registered = [register_service(tx, one, project=self.project).ref for one in services]
            tx.graph.link_all(
                (Ref("run", self.run_id), "used", one) for one in [*used, *registered]
            )

    def write(self, turn: Turn, *, lease_s: float) -> dict[str, Execution]:
        """Record a turn of the scheduler in one transaction.

        Its cost is that of a few statements, however many calls it holds.

        Args:
            turn: What happened. Calls that are claimed get the run id of their new attempt.
            lease_s: How long claims outlive this process.

        Returns:
            By name, how the key of each claimed call that is cached stands now: ours where its
            `run_id` is the call's. Calls that are never cached are not in it: they may simply begin.
        """
        with self._ledger.write(actor=_ACTOR) as tx:
            for execution in turn.stale:
                tx.cache.drop(execution.key, fence=execution.fence)
            claimed, fences = self._claim(tx, turn, lease_s)
            mine = [
                call
                for call in turn.claims
                if call.name not in claimed or claimed[call.name].run_id == call.run_id
            ]
            mine = [one for one in mine if _is_running(claimed.get(one.name))]
            inline = [one.call for one in (*turn.done, *turn.lost) if one.is_new]
            began = [self._new(call, attempt=call.attempt + 1) for call in mine]
            ran = [self._new(call, attempt=call.attempt) for call in inline]
            tx.runs.start_all([*turn.opened, *began, *ran])
            tx.runs.reuse_all(self.run_id, [self._reused(hit) for hit in turn.hits])
            self._fill(tx, turn.done, fences)
            for one in turn.lost:
                if one.fence is not None:
                    tx.cache.drop(one.call.known_key.digest, fence=one.fence)
            self._tell(tx, turn)
            tx.runs.finish_all(_endings(turn))
            tx.graph.link_all(_links(turn, [*mine, *inline]))
        return claimed

    def last_of(self, step: str) -> Execution | None:
        """Return a step's newest finished execution, as it was when it was first asked for."""
        if step not in self._last:
            with self._ledger.read() as tx:
                self._last[step] = tx.cache.last(step)
        return self._last[step]

    def points(self, run_id: str, points: Iterable[list[Any]]) -> None:
        """Append metric points to a step's run while it is going."""
        with self._ledger.write(actor=_ACTOR) as tx:
            tx.runs.log_metrics(run_id, _metrics(points))

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
            tx.graph.link_all((Ref("run", self.run_id), "used", ref) for ref in used)
            known = {key: value for key, value in tags.items() if value}
            if known:
                tx.runs.set_tags(self.run_id, known)
            tx.runs.finish_all([EndedRun(id=self.run_id, status=status, error=error)])

    def _claim(
        self, tx: Transaction, turn: Turn, lease_s: float
    ) -> tuple[dict[str, Execution], dict[str, int]]:
        """Claim keys, also those of inline calls that have run already; return these ones' fences."""
        for call in turn.claims:
            call.run_id = new_id()
        inline = [one.call for one in turn.done if one.is_new and one.call.step.options.cache]
        wanted = [call for call in turn.claims if call.step.options.cache]
        claims = {
            call.known_key.digest: Claim(
                key=call.known_key.digest,
                step=call.step.path,
                parts=dict(call.known_key.parts),
                run_id=call.run_id,
            )
            for call in (*inline, *wanted)
        }
        found = tx.cache.claim_all(list(claims.values()), owner=self.owner, lease_s=lease_s)
        fences = {
            key: one.fence
            for key, one in found.items()
            if one.state == "running" and one.run_id == claims[key].run_id
        }
        return {call.name: found[call.known_key.digest] for call in wanted}, fences

    def _new(self, call: Call, *, attempt: int = 1) -> NewRun:
        tags = {
            "step": call.step.path,
            "owner": self.owner,
            **call.tags,
            "driver": call.driver,
            "attempt": str(attempt) if attempt > 1 else "",
        }
        return self._run(call, _spelled(call.constants), tags)

    def _run(self, call: Call, params: dict[str, str], tags: Mapping[str, str]) -> NewRun:
        tags = {**tags, SHARDS_TAG: encode_shards(flatten(call.inputs))}
        return NewRun(
            id=call.run_id,
            kind="step",
            name=call.name,
            project=self.project,
            parent=self.run_id,
            key=call.known_key.digest,
            params=params,
            tags={key: value for key, value in tags.items() if value},
        )

    def _reused(self, hit: Hit) -> NewRun:
        call = hit.call
        tags = {
            "step": call.step.path,
            **call.tags,
            "driver": call.driver,
            "cached": "true",
            "executed_by": hit.result.run_id,
            "log": hit.made.log or "",
        }
        return self._run(call, {**_spelled(call.constants), **hit.made.params}, tags)

    def _fill(self, tx: Transaction, done: Sequence[Done], fences: Mapping[str, int]) -> None:
        """Keep results in the cache, for as far as our claims on their keys hold."""
        fillings: list[Filling] = []
        for one in done:
            key = one.call.known_key.digest
            fence = fences.get(key) if one.is_new else one.fence
            if fence is not None:
                last = list({point[0]: point for point in one.made.metrics}.values())
                kept = msgspec.to_builtins(replace(one.made, metrics=last))
                outputs = {**kept, "sources": _sources(one.call.inputs)}
                fillings.append(Filling(key=key, fence=fence, outputs=outputs))
        if fillings:
            tx.cache.fill_all(fillings)

    def _tell(self, tx: Transaction, turn: Turn) -> None:
        """Note what calls have logged, the last points on the pipeline's run too."""
        tx.runs.log_all_metrics(self._points(tx, turn))
        for closed in turn.closed:
            if closed.tags:
                tx.runs.set_tags(closed.run_id, closed.tags)
        for done in turn.done:
            _label(tx, done.call.run_id, done.made.params, {"log": done.made.log})
        for lost in turn.lost:
            _label(tx, lost.run_id, lost.params, {"log": lost.log, "stopped": lost.stopped})

    def _points(self, tx: Transaction, turn: Turn) -> dict[str, list[Metric]]:
        points: dict[str, list[Metric]] = defaultdict(list)
        for one in (*turn.hits, *turn.done):
            if one.made.metrics:
                points[one.call.run_id] += _metrics(one.made.metrics)
                last = {point[0]: point for point in one.made.metrics}
                points[self.run_id] += _metrics(last.values())
        for one in turn.lost:
            points[one.run_id] += _metrics(one.points)
        for one in turn.closed:
            at = tx.runs.get(one.run_id).started_at if one.metrics else None
            points[one.run_id] += [
                Metric(key=key, value=value, at=at) for key, value in one.metrics.items() if at
            ]
        return points


def _label(
    tx: Transaction, run_id: str, params: Mapping[str, str], tags: Mapping[str, str | None]
) -> None:
    if params:
        tx.runs.log_params(run_id, params)
    known = {key: value for key, value in tags.items() if value}
    if known:
        tx.runs.set_tags(run_id, known)


def _spelled(constants: Mapping[str, Any]) -> dict[str, str]:
    """Return the arguments of a call that are no data, as parameters of its run."""
    return {
        name: msgspec.json.encode(value).decode()[:_PARAM_CHARS]
        for name, value in constants.items()
    }


def _is_running(execution: Execution | None) -> bool:
    return execution is None or execution.state == "running"


def _endings(turn: Turn) -> list[EndedRun]:
    return [
        *(EndedRun(id=one.call.run_id, status="finished") for one in turn.done),
        *(EndedRun(id=one.run_id, status=one.status, error=one.error) for one in turn.lost),
        *(EndedRun(id=one.run_id, status=one.status, error=one.error) for one in turn.closed),
    ]


def _links(turn: Turn, begun: Iterable[Call]) -> Iterator[_Link]:
    """Yield the edges of a turn.

    A hit gets edges only where it reads a data set: the version that it read may be another than the
    one that the result was computed from, with the same rows. Between artefacts the edges of the run
    that computed them say all there is to say.
    """
    for call in begun:
        yield from _reads(call.run_id, flatten(call.inputs))
    for one in turn.done:
        yield from _makes(one.call.run_id, one.made.artifacts)
    for one in turn.hits:
        data = [part for part in flatten(one.call.inputs) if "ref" in part.meta]
        if data:
            yield from _reads(one.call.run_id, data)
            yield from _makes(one.call.run_id, one.made.artifacts)


def _reads(run_id: str, artifacts: Iterable[Artifact]) -> Iterator[_Link]:
    for artifact in artifacts:
        yield Ref("run", run_id), "used", artifact.ref
        if artifact.meta.get("features"):
            yield Ref("run", run_id), "used", Ref.parse(artifact.meta["features"])


def _makes(run_id: str, artifacts: Iterable[Artifact]) -> Iterator[_Link]:
    for artifact in artifacts:
        yield artifact.ref, "made", Ref("run", run_id)


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
