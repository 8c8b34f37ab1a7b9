"""The driver of a search: asks for points, spawns trials, gives some up, and picks what goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from towpath.build.pipelines.authoring.reporting import PROGRESS
from towpath.build.tuning.contract import Trial
from towpath.build.tuning.identity import identity_of
from towpath.build.tuning.journal import (
    PRUNED,
    judge,
    past_trials,
    points_of,
    tags_of,
)
from towpath.build.tuning.ranking import pareto_front, rank
from towpath.build.tuning.reports import SearchReport
from towpath.build.tuning.warmth import informed
from towpath.core.errors import BudgetRefused, InfrastructureError, StepFailed, StorageFull

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.build.pipelines.authoring.driving import Ended, Point, Stage
    from towpath.build.pipelines.authoring.steps import Step
    from towpath.build.tuning.contract import Proposer, SearchSpec

log = structlog.get_logger()

_HOPELESS = 5
_FATAL = (BudgetRefused, StorageFull)
"""What no later trial would fare better with. Run again once there is room, the search goes on."""


class SearchDriver:
    """Runs one search in one pipeline run: a `Driver`.

    What earlier runs of the same search proposed is proposed again, in the order of the numbers;
    finished results come from the cache, and trials that were given up or failed are told to the
    proposer without running again. Only then are new points asked for.

    Args:
        step: What is tried.
        spec: What is searched, and how.
        fixed: The step's arguments that neither vary nor are data.
    """

    def __init__(self, step: Step[Any], spec: SearchSpec, fixed: Mapping[str, Any]) -> None:
        self._step = step
        self._spec = spec
        self._fixed = fixed
        self._trials: dict[int, Trial] = {}
        self._running: dict[str, int] = {}
        self._recalled: set[str] = set()
        self._heard: dict[int, dict[int, float]] = {}
        self._given_up: dict[int, str] = {}
        self._past: dict[int, Trial] = {}
        self._metrics = tuple(one.metric for one in spec.objectives)
        self._is_late = False
        self._is_over = False
        self._stage: Stage
        self._asked: Proposer | None = None
        self._search = ""

    def start(self, stage: Stage) -> None:
        """Read what earlier runs left, and spawn the first trials; see `Driver.start`."""
        self._stage = stage
        self._search = identity_of(stage, self._step, self._spec, self._fixed)
        self._spec, self._search = informed(stage, self._spec, self._search)
        found = past_trials(
            stage.ledger,
            stage.blobs,
            project=stage.project,
            node=stage.node,
            search=self._search,
            metrics=self._metrics,
        )
        self._past = {n: one for n, one in found.items() if n < self._spec.trials}
        if self._past:
            log.info("search.resumed", node=stage.node, trials=len(self._past))
        self._take_results()
        self._recalled = set(self._running)
        self._go_on()

    def done(self, ended: Ended) -> None:
        """Take in how a trial ended, and spawn what takes its place; see `Driver.done`."""
        number = self._running.pop(ended.call)
        self._recalled.discard(ended.call)
        trial = self._judge(self._trials[number], ended)
        if self._is_over:
            return
        if isinstance(ended.error, _FATAL):
            self._is_over = True
            self._stage.fail(ended.error)
            return
        self._end(trial)
        if self._is_hopeless():
            self._fail("no trial has worked")
        else:
            self._go_on()

    def metric(self, call: str, point: Point) -> None:
        """Take in what a trial reports, and give it up if it can't win; see `Driver.metric`."""
        if point.key != PROGRESS or self._is_over or call not in self._running:
            return
        number = self._running[call]
        self._heard.setdefault(number, {}).setdefault(point.step, point.value)
        if self._spec.prune is None or number in self._given_up:
            return
        why = self._proposer().report(number, point.step, point.value)
        if why:
            self._given_up[number] = why
            self._stage.cancel(call, PRUNED + why)

    def tick(self, elapsed_s: float) -> None:
        """Start no trial once the time is up; see `Driver.tick`."""
        limit = self._spec.timeout_s
        if limit is not None and elapsed_s >= limit and not self._is_late:
            self._is_late = True
            if not self._is_over:
                self._go_on()

    def _take_results(self) -> None:
        """Ask for every trial at once whose result is in the cache, in the order of the numbers.

        Stops at the first that has to be computed, so that numbers stay in order.
        """
        keys = {n: self._key_of(one) for n, one in self._past.items() if one.state == "done"}
        with self._stage.ledger.read() as tx:
            cached = tx.cache.look_all(list(keys.values()))
        while (past := self._past.get(len(self._trials))) is not None and past.over:
            if past.state == "done" and keys[past.number] not in cached:
                break
            self._begin()

    def _go_on(self) -> None:
        """Keep as many trials going as are wanted at once; finish when there is no more to do.

        Nothing is proposed before every result that is there already was told.
        """
        if self._recalled:
            return
        while not self._is_late and len(self._trials) < self._spec.trials:
            if len(self._running) >= self._spec.parallel:
                return
            self._begin()
        if not self._running:
            self._finish()

    def _begin(self) -> None:
        """Propose the next trial and spawn it, or tell of it if nothing is left to run."""
        number = len(self._trials)
        past = self._past.get(number)
        if past is not None and past.state in ("pruned", "failed"):
            self._end(past)
            return
        params = self._point(number) if past is None else past.params
        if past is not None and self._asked is not None:
            self._asked.propose(number, params)
        self._trials[number] = Trial(number=number, params=params, state="running")
        call = self._stage.spawn(
            self._step,
            name=f"trial-{number}",
            inputs=self._stage.inputs,
            constants={**self._fixed, **params},
            rank=number,
            tags=tags_of(self._search, number, params),
        )
        self._running[call] = number

    def _point(self, number: int) -> Mapping[str, Any]:
        """Return a new point."""
        first = self._spec.first
        return self._proposer().propose(number, first[number] if number < len(first) else None)

    def _proposer(self) -> Proposer:
        """Return who proposes, told of everything so far: a search that only repeats needs nobody."""
        if self._asked is None:
            # Not imported before somebody is needed: it brings Optuna, which takes half a second.
            from towpath.build.tuning.study import OptunaProposer  # noqa: PLC0415  see above

            self._asked = OptunaProposer(self._spec)
            for number, trial in sorted(self._trials.items()):
                if trial.state == "running":
                    self._asked.propose(number, trial.params)
                else:
                    self._asked.tell(trial)
        return self._asked

    def _key_of(self, trial: Trial) -> str:
        constants = {**self._fixed, **trial.params}
        return self._stage.key_of(self._step, inputs=self._stage.inputs, constants=constants)

    def _judge(self, trial: Trial, ended: Ended) -> Trial:
        """Return what has become of a trial."""
        metrics = ended.latest
        heard = self._heard.pop(trial.number, {})
        for point in ended.points:
            if point.key == PROGRESS:
                heard.setdefault(point.step, point.value)
        if ended.status == "hit" and PROGRESS in metrics:
            with self._stage.ledger.read() as tx:
                heard = points_of(tx, ended.executed_by)
        told = replace(
            trial,
            metrics=metrics,
            points=tuple(sorted(heard.items())),
            run_id=ended.run_id,
            seconds=ended.seconds,
        )
        if ended.ok:
            state, why = judge(metrics, self._metrics)
            values = tuple(metrics[name] for name in self._metrics) if state == "done" else ()
            return replace(told, state=state, why=why, values=values, artifacts=ended.artifacts)
        if ended.status == "killed":
            values = tuple(value for _, value in told.points[-1:])
            why = self._given_up.get(trial.number, "")
            return replace(told, state="pruned", why=why, values=values)
        # What the machine did to a trial says nothing of its setting: the next run tries it again.
        state = "stopped" if isinstance(ended.error, InfrastructureError) else "failed"
        return replace(told, state=state, why="" if ended.error is None else ended.error.message)

    def _end(self, trial: Trial) -> None:
        self._trials[trial.number] = trial
        if self._asked is not None:
            self._asked.tell(trial)

    def _is_hopeless(self) -> bool:
        ended = [trial for trial in self._trials.values() if trial.state != "running"]
        enough = max(_HOPELESS, 2 * self._spec.parallel)
        return len(ended) >= enough and all(one.state in ("failed", "stopped") for one in ended)

    def _finish(self) -> None:
        """End the search with its best results and the report."""
        trials = [self._trials[number] for number in sorted(self._trials)]
        ranked = rank(trials, self._spec.objectives, self._spec.within)
        pool = _distinct(ranked)[: self._spec.keep]
        if not pool:
            self._fail("none of its trials may be chosen")
            return
        self._is_over = True
        front = pareto_front(trials, self._spec.objectives, self._spec.within)
        report = SearchReport(
            search=self._search,
            trials=trials,
            ranking=[trial.number for trial in pool],
            front=[trial.number for trial in front],
        )
        kept = report.save(self._stage.blobs)
        best = pool[0]
        results = [artifact for trial in pool for artifact in trial.artifacts]
        self._stage.finish(
            [*results, kept],
            metrics=dict(best.metrics),
            tags={"search": self._search, "best": str(best.number), "report": kept.digest},
        )

    def _fail(self, what: str) -> None:
        self._is_over = True
        counts = dict.fromkeys(("failed", "stopped", "pruned", "outside the bounds"), 0)
        whys: list[str] = []
        for trial in self._trials.values():
            if trial.state in counts:
                counts[trial.state] += 1
            elif trial.state == "done":
                counts["outside the bounds"] += 1
            whys += [trial.why] if trial.state in ("failed", "stopped") else []
        told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        first = f" First: {whys[0]}." if whys else ""
        self._stage.fail(
            StepFailed(
                f"search {self._stage.node!r}: {what} ({told or 'none was started in time'})",
                remedy=f"Look at its trials: towpath search show {self._stage.driver_run}.{first}",
                step=self._stage.node,
                run=self._stage.driver_run,
            )
        )


def _distinct(ranked: Sequence[Trial]) -> list[Trial]:
    """Leave out trials with the very results of a better one: gates would weigh them twice."""
    first: dict[tuple[str, ...], Trial] = {}
    for trial in ranked:
        first.setdefault(tuple(one.digest for one in trial.artifacts), trial)
    return list(first.values())
