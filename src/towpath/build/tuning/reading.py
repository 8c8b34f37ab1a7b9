"""Finds searches in the ledger, and makes of each what people look at. Reads, never writes."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.build.pipelines.formats.values import decode_value
from towpath.build.tuning.contract import Objective
from towpath.build.tuning.importance import importances
from towpath.build.tuning.journal import KIND, trials_of
from towpath.build.tuning.ranking import pareto_front, rank
from towpath.build.tuning.reports import read_report
from towpath.build.tuning.space import decode_axis
from towpath.build.tuning.views import Axis, SearchSummary, SearchView, TrialView
from towpath.core.errors import IntegrityError, NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.build.tuning.contract import Bounds, Trial
    from towpath.build.tuning.reports import SearchReport
    from towpath.build.tuning.space import Dimension
    from towpath.ledger import Ledger
    from towpath.ledger.records import Run
    from towpath.storage.blobs import BlobStore


class SearchReader:
    """Finds searches in the ledger. Thread-safe.

    Args:
        ledger: Where runs are.
        blobs: Where reports of finished searches are.
    """

    def __init__(self, ledger: Ledger, blobs: BlobStore) -> None:
        self._ledger = ledger
        self._blobs = blobs

    def list(
        self,
        *,
        project: str | None = None,
        name: str | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> list[SearchSummary]:
        """Return runs of searches, newest first; with `before` those that come after that one."""
        with self._ledger.read() as tx:
            runs = tx.runs.list(project=project, kind=KIND, name=name, before=before, limit=limit)
        return [_summary(run) for run in runs]

    def show(self, run_id: str | None = None) -> SearchView:
        """Return one search: by its own run, by the pipeline's run that holds one, or the newest.

        Raises:
            NotFound: There is no such run, or no search at all.
            UsageError: It is a run without a search, or with several.
        """
        run = self._find(run_id)
        asked = _Asked(run)
        report = self._report(run)
        if report is None:
            with self._ledger.read() as tx:
                trials = trials_of(tx, run, [one.metric for one in asked.objectives])
        else:
            trials = report.trials
        return _view(run, asked, trials)

    def best(self, run_id: str | None = None) -> list[TrialView]:
        """Return the trials of the pool, best first; see `show`."""
        view = self.show(run_id)
        pool = [trial for trial in view.trials if trial.rank is not None]
        return sorted(pool, key=lambda trial: trial.rank or 0)

    def _find(self, run_id: str | None) -> Run:
        with self._ledger.read() as tx:
            if run_id is None:
                found = tx.runs.list(kind=KIND, limit=1)
                if not found:
                    raise NotFound("nothing has been searched yet", remedy="See tp.search.")
                return found[0]
            run = tx.runs.get(run_id.removeprefix("run:"))
            if run.kind == KIND:
                return run
            inside = tx.runs.list(parent=run.id, kind=KIND)
        if len(inside) == 1:
            return inside[0]
        what = f"holds {len(inside)} searches" if inside else "is not a search, and holds none"
        raise UsageError(
            f"run {run.id} {what}",
            remedy=f"Give the id of one: {', '.join(one.id for one in inside)}."
            if inside
            else "List them: towpath search list.",
        )

    def _report(self, run: Run) -> SearchReport | None:
        try:
            return read_report(run, self._blobs)
        except (NotFound, IntegrityError):
            return None  # the runs of its trials still tell


class _Asked:
    """What a search was asked to do, read back from the parameters of its run."""

    def __init__(self, run: Run) -> None:
        def read(name: str, default: Any) -> Any:
            try:
                return decode_value(msgspec.json.decode(run.params[name]))
            except (KeyError, msgspec.DecodeError):
                return default

        self.space: dict[str, Dimension] = {
            name: decode_axis(axis) for name, axis in read("space", {}).items()
        }
        self.objectives = tuple(
            Objective(metric=metric, direction=direction)
            for metric, direction in read("objectives", [])
        )
        self.within: dict[str, Bounds] = {
            name: (low, high) for name, (low, high) in read("within", {}).items()
        }
        self.sampler: str = read("sampler", "")
        self.prune: str | None = read("prune", None)
        self.wanted: int = read("trials", 0)
        self.keep: int = read("keep", 1)


def _summary(run: Run) -> SearchSummary:
    asked = _Asked(run)
    best = run.tags.get("best")
    return SearchSummary(
        id=run.id,
        run=run.parent or "",
        name=run.name,
        project=run.project,
        status=run.status,
        started_at=run.started_at,
        ended_at=run.ended_at,
        objectives=asked.objectives,
        wanted=asked.wanted,
        metrics=_finite(run.metrics),
        best=None if best is None else int(best),
        error=run.error,
    )


def _view(run: Run, asked: _Asked, trials: Sequence[Trial]) -> SearchView:
    pool = rank(trials, asked.objectives, asked.within)[: asked.keep]
    places = {trial.number: place for place, trial in enumerate(pool)}
    front = {one.number for one in pareto_front(trials, asked.objectives, asked.within)}
    decided = importances(trials, asked.space, asked.objectives, asked.within)
    return SearchView(
        summary=_summary(run),
        counts=Counter(trial.state for trial in trials),
        sampler=asked.sampler,
        prune=asked.prune,
        within=asked.within,
        axes=tuple(_axis(name, one) for name, one in asked.space.items()),
        trials=tuple(_trial_view(one, asked, places.get(one.number), front) for one in trials),
        best_so_far=_best_so_far(trials, asked),
        importances=dict(sorted(decided.items(), key=lambda one: -one[1])),
    )


def _axis(name: str, axis: Dimension) -> Axis:
    fields = axis.describe()
    if fields["kind"] == "choice":
        choices = tuple(str(one) for one in axis.grid())
        return Axis(name=name, kind="choice", low=None, high=None, log=False, choices=choices)
    return Axis(
        name=name,
        kind=fields["kind"],
        low=fields["low"],
        high=fields["high"],
        log=fields["log"],
        choices=(),
    )


def _trial_view(trial: Trial, asked: _Asked, place: int | None, front: set[int]) -> TrialView:
    known = {name: value for name, value in trial.params.items() if name in asked.space}
    return TrialView(
        number=trial.number,
        state=trial.state,
        point={name: _plain(value) for name, value in known.items()},
        places={name: asked.space[name].place(value) for name, value in known.items()},
        values=trial.values if all(math.isfinite(value) for value in trial.values) else (),
        metrics=_finite(trial.metrics),
        curve=tuple(
            (step, value if math.isfinite(value) else None) for step, value in trial.points
        ),
        run_id=trial.run_id,
        seconds=trial.seconds,
        why=trial.why,
        allowed=trial.allowed(asked.within),
        rank=place,
        on_front=trial.number in front,
    )


def _best_so_far(trials: Sequence[Trial], asked: _Asked) -> tuple[tuple[int, float], ...]:
    if len(asked.objectives) != 1:
        return ()
    curve: list[tuple[int, float]] = []
    for trial in trials:
        value = trial.values[0] if trial.allowed(asked.within) else None
        if value is not None and (not curve or asked.objectives[0].better(value, curve[-1][1])):
            curve.append((trial.number, value))
    return tuple(curve)


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
