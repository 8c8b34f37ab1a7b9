"""The last phase of a run: models that it proposes are handed to the judge, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from towpath.build.pipelines.contract import Artifact, CandidateRequest, Progress
from towpath.build.pipelines.planning.calls import flatten
from towpath.build.pipelines.planning.planning import gather

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.build.pipelines.authoring.graphs import Candidate
    from towpath.build.pipelines.contract import (
        CandidateHandler,
        CandidateOutcome,
        ProgressKind,
    )
    from towpath.build.pipelines.planning.calls import Call
    from towpath.build.pipelines.planning.planning import Plan
    from towpath.build.pipelines.running.nodes import NodeWork
    from towpath.build.pipelines.running.recording import Recorder
    from towpath.core.refs import Ref


@dataclass(slots=True, kw_only=True)
class Proposals:
    """Proposes what one run has made. Killed in the middle, the next run proposes it again: judging
    is idempotent.

    Attributes:
        code: The version of the project's code that ran.
        outcome: What was decided about the last candidate.
        judged: Every model and test table that was looked at.
    """

    plan: Plan
    recorder: Recorder
    code: Ref
    handler: CandidateHandler
    tell: Callable[[Progress], None] | None
    outcome: CandidateOutcome | None = None
    judged: list[Artifact] = field(default_factory=list[Artifact])

    def propose_all(self, nodes: NodeWork) -> None:
        """Have every candidate judged whose branch was taken.

        From a pool, best first, the first that the gates pass wins; the evidence of those that they
        refused before it is kept with their versions. Where none passes, the best one's refusal counts.
        """
        for candidate in self.plan.graph.candidates:
            if nodes.is_taken(candidate.guards):
                self._propose(candidate, nodes)

    def _propose(self, candidate: Candidate, nodes: NodeWork) -> None:
        first: CandidateOutcome | None = None
        pool = nodes.makers(candidate.model)
        for model, maker in pool:
            request = self._request(candidate, model, maker, nodes, rivals=len(pool))
            self.judged += [request.model, request.test]
            self._say("considering", candidate.name)
            outcome = self.handler.consider(request)
            self._say("considered", candidate.name, outcome.verdict)
            first = first or outcome
            if outcome.verdict == "pass":
                self.outcome = outcome
                return
        self.outcome = first or self.outcome

    def _request(
        self,
        candidate: Candidate,
        model: Artifact,
        maker: Call,
        nodes: NodeWork,
        *,
        rivals: int,
    ) -> CandidateRequest:
        test = gather(candidate.test, self.plan, nodes.made)
        assert isinstance(test, Artifact)
        base = candidate.base
        return CandidateRequest(
            run_id=self.recorder.run_id,
            project=self.recorder.project,
            pipeline=self.recorder.pipeline,
            name=candidate.name,
            model=model,
            training=tuple(one for one in flatten(maker.inputs) if one.is_table),
            test=test,
            code=self.code,
            datasets=self.plan.datasets,
            params=self.plan.params,
            lock=self.plan.lock,
            metrics={key: value for key, value, *_ in maker.metrics},
            parent=None if base is None else self.plan.selection(base).ref,
            rivals=rivals,
        )

    def _say(self, kind: ProgressKind, candidate: str, detail: str = "") -> None:
        steps = len(self.plan.graph.nodes)
        if self.tell is None:
            return
        self.tell(
            Progress(
                kind=kind,
                run_id=self.recorder.run_id,
                step=candidate,
                done=steps,
                total=steps,
                detail=detail,
            )
        )
