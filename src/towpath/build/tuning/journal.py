"""What earlier runs of a search left: read from the runs of its trials, never written anywhere else.

Each trial is a run of its own, tagged with the search that it belongs to, its number and its point. So
when a search is killed, nothing needs to be closed or repaired: the next one reads what was proposed,
takes finished results from the cache, and knows which trials were given up or failed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.build.pipelines.authoring.reporting import PROGRESS
from towpath.build.pipelines.formats.values import decode_value, encode_value
from towpath.build.tuning.contract import Trial
from towpath.build.tuning.reports import SearchReport, read_report
from towpath.core.digests import canonical_json
from towpath.core.errors import IntegrityError, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.build.tuning.contract import TrialState
    from towpath.ledger import Ledger
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Run
    from towpath.storage.blobs import BlobStore

KIND = "search"
PRUNED = "pruned: "
_BACK = 20
_TRIALS_MOST = 100_000


def tags_of(search: str, number: int, params: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels of a trial's run."""
    point = canonical_json(encode_value(dict(params))).decode()
    return {"search": search, "trial": str(number), "point": point}


def past_trials(
    ledger: Ledger,
    blobs: BlobStore,
    *,
    project: str,
    node: str,
    search: str,
    metrics: Sequence[str],
) -> dict[int, Trial]:
    """Return what is known of the trials of a search, by number: results of `done` ones are cached.

    Looks at the newest 20 runs of the node, back to the last one that finished, whose report tells
    of all before. A trial that was running when its search died is `stopped`; its point stands.

    Args:
        ledger: Where the runs are.
        blobs: Where the reports are.
        project: The project that searches.
        node: The node's name in the graph.
        search: Identity of the search.
        metrics: Its objectives.
    """
    found: dict[int, Trial] = {}
    with ledger.read() as tx:
        for earlier in tx.runs.list(project=project, kind=KIND, name=node, limit=_BACK):
            is_same = earlier.tags.get("search") == search
            report = _report(earlier, blobs) if is_same else None
            told = trials_of(tx, earlier, metrics, search=search)
            for trial in told if report is None else report.trials:
                known = found.get(trial.number)
                if known is None or (trial.over and not known.over):
                    found[trial.number] = trial
            if report is not None:
                break
    return found


def trials_of(
    tx: Transaction, search_run: Run, metrics: Sequence[str], *, search: str | None = None
) -> list[Trial]:
    """Return the trials of one run of a search, by number; those of `search` only, where given.

    Cost: one query for the runs, one for each trial that reported something.
    """
    if search_run.parent is None:
        return []
    prefix = f"{search_run.name}/"
    runs = tx.runs.list(parent=search_run.parent, kind="step", limit=_TRIALS_MOST)
    newest: dict[int, Run] = {}
    for run in runs:  # newest first: of a trial that was retried, the last attempt
        is_trial = run.name.startswith(prefix) and run.tags.get("trial", "").isdecimal()
        if is_trial and search in (None, run.tags.get("search")):
            newest.setdefault(int(run.tags["trial"]), run)
    return [_trial(tx, number, run, metrics) for number, run in sorted(newest.items())]


def latest_other(ledger: Ledger, *, project: str, node: str, search: str) -> Run | None:
    """Return the newest finished run of a search of the same name and another identity."""
    with ledger.read() as tx:
        runs = tx.runs.list(project=project, kind=KIND, name=node, status="finished", limit=_BACK)
    return next((run for run in runs if run.tags.get("search") not in (None, search)), None)


def points_of(tx: Transaction, run_id: str) -> dict[int, float]:
    """Return what a trial's run reported, by step; of two points of one step the first counts."""
    return {one.step: one.value for one in reversed(tx.runs.history(run_id, PROGRESS))}


def _report(search_run: Run, blobs: BlobStore) -> SearchReport | None:
    try:
        return read_report(search_run, blobs)
    except (NotFound, IntegrityError):
        return None  # the runs of its trials tell most of it


def _trial(tx: Transaction, number: int, run: Run, metrics: Sequence[str]) -> Trial:
    state, why = _state(run, metrics)
    executed_by = run.tags.get("executed_by", run.id)
    reported = points_of(tx, executed_by) if PROGRESS in run.metrics else {}
    values = tuple(run.metrics[name] for name in metrics) if state == "done" else ()
    if state == "pruned" and reported:
        values = (reported[max(reported)],)
    ended = run.ended_at or run.started_at
    return Trial(
        number=number,
        params=decode_value(msgspec.json.decode(run.tags["point"])),
        state=state,
        values=values,
        metrics=run.metrics,
        points=tuple(sorted(reported.items())),
        run_id=run.id,
        seconds=0.0 if "executed_by" in run.tags else (ended - run.started_at).total_seconds(),
        why=why,
    )


def _state(run: Run, metrics: Sequence[str]) -> tuple[TrialState, str]:
    error = run.error or ""
    match run.status:
        case "finished":
            return judge(run.metrics, metrics)
        case "failed":
            return "failed", error
        case "killed":
            given_up = error.startswith(PRUNED)
            return ("pruned", error.removeprefix(PRUNED)) if given_up else ("stopped", error)
        case _:
            return "running", ""


def judge(logged: Mapping[str, float], metrics: Sequence[str]) -> tuple[TrialState, str]:
    """Return what a trial whose step has returned is: `failed` where an objective is missing."""
    for name in metrics:
        if name not in logged:
            return "failed", f"it logged no metric {name!r}"
        if not math.isfinite(logged[name]):
            return "failed", f"its {name} is not a finite number"
    return "done", ""
