"""Purged → retraining → rolling out: every live condemned model gets a replacement."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.assets.models import ancestors_of, parent_of
from towpath.build.pipelines import pins_of_parent, recipe_of
from towpath.build.pipelines.planning.wanting import WAITING as SHORT_OF_MONEY
from towpath.core.refs import Ref
from towpath.trace.erasure.parts import Step
from towpath.trace.erasure.traffic import heir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent
    from towpath.trace.erasure.parts import Commit, Parts
    from towpath.trace.erasure.state import CondemnedModel, State
    from towpath.trace.erasure.work import Work

_LOOK_AGAIN_S = 0.25
_COMES_BY_S = 5.0
# An erasure has a deadline; whatever else wants a worker has none that is anybody's right.
_PRIORITY = 100
_OVER = ("done", "refused", "failed", "cancelled")


def order_replacements(parts: Parts, work: Work) -> Commit:
    """Ask for the same recipe on the redacted revisions, for each live condemned model.

    Parameters, code and data-set versions are those of the run that made the model; only the rows of
    the subject are gone from them. A model that was fine-tuned from one that goes as well waits for
    that one's replacement, and goes on from it. A model that a newer approved version is about to
    replace anyway rides on that; where the set-up says so, such a one is waited for before anything is
    asked for. On a retry, only what did not succeed is asked for again.
    """

    def commit(tx: Transaction) -> Step:
        models = with_bases(tx, work.state.models)
        state = msgspec.structs.replace(work.state, models=models)
        if parts.wall.now() < rides_until(parts, work) and not _all_ride(tx, work, models):
            return Step(state=work.state, wait_s=_COMES_BY_S)
        for ref, model in state.wanted.items():
            if model.replacement is not None or _under_way(tx, work, ref, model):
                continue
            coming = _heir_of(tx, ref, models)
            if coming is not None:
                models[ref] = msgspec.structs.replace(model, replacement=str(coming))
                continue
            made = tx.versions.get(Ref.parse(ref, "model"))
            parent = parent_of(made)
            base = None if parent is None else models.get(str(parent))
            if base is not None and base.replacement is None:
                continue  # first things first
            recipe = recipe_of(tx, made, reason=work.reason)
            if recipe is None:
                return _blocked(work.state, f"{ref} was not made by a pipeline run: replace it")
            if parent is not None and base is not None and base.replacement is not None:
                recipe["pins"] |= pins_of_parent(parent, Ref.parse(base.replacement, "model"))
            asked = msgspec.structs.replace(model, attempt=model.attempt + 1)
            tx.intents.put(
                "pipeline_run",
                _run_name(work, ref, asked),
                project=recipe["project"],
                spec=recipe,
                priority=_PRIORITY,
            )
            models[ref] = asked
        state = msgspec.structs.replace(state, models=models)
        facts = {"runs": sum(1 for model in state.wanted.values() if model.replacement is None)}
        return Step(state=state, phase="retraining", facts=facts, wait_s=_LOOK_AGAIN_S)

    return commit


def await_replacements(parts: Parts, work: Work) -> Commit:
    """Wait for the runs; a replacement that its gates refuse blocks the erasure, never skips it.

    The replacement of a model that only others went on from serves nobody, so whether its gates passed
    does not matter: theirs decide. Once it is there, those are asked for.
    """
    del parts

    def commit(tx: Transaction) -> Step:
        models, waiting, unasked = dict(work.state.models), False, False
        poor: list[Intent] = []
        for ref, model in work.state.wanted.items():
            if model.replacement is not None:
                continue
            if model.attempt == 0:
                unasked = True
                continue
            run = tx.intents.get("pipeline_run", _run_name(work, ref, model))
            coming = _heir_of(tx, ref, models)
            if coming is not None and run.phase == "new" and run.owner is None:
                # Overtaken before it began.
                tx.intents.delete("pipeline_run", run.name)
                models[ref] = msgspec.structs.replace(model, attempt=0, replacement=str(coming))
            elif run.phase not in _OVER:
                waiting = True
                poor += [run] if run.phase == SHORT_OF_MONEY else []
            elif _has_replaced(run, model):
                models[ref] = msgspec.structs.replace(model, replacement=run.status["model"])
            else:
                return _blocked(msgspec.structs.replace(work.state, models=models), _why(ref, run))
        state = msgspec.structs.replace(work.state, models=models, **_short_of_money(poor))
        if waiting:
            return Step(state=state, wait_s=_LOOK_AGAIN_S)
        if unasked:  # what they go on from is there now
            return Step(state=state, phase="purged", facts={"replaced": sorted(_bases_of(state))})
        replacements = {ref: model.replacement for ref, model in state.live.items()}
        return Step(state=state, phase="rolling_out", facts={"replacements": replacements})

    return commit


def rides_until(parts: Parts, work: Work) -> datetime:
    """Return how long a retraining that comes anyway is waited for: a deadline is never at risk.

    A quarter of the time there was is kept for gates, rollouts and people, and ten times what the
    retraining took.
    """
    asked, due_by = work.request.requested_at, work.request.due_by
    if work.state.blocked_in is not None or due_by is None:
        return asked
    needed = (due_by - asked) / 4 + timedelta(seconds=10 * work.state.retraining_s)
    return min(asked + parts.rides, due_by - needed)


def _all_ride(tx: Transaction, work: Work, models: Mapping[str, CondemnedModel]) -> bool:
    """Tell whether nothing needs a retraining of its own."""
    wanted = work.state.wanted
    return all(
        one.replacement or one.attempt or _heir_of(tx, ref, models) for ref, one in wanted.items()
    )


def with_bases(tx: Transaction, models: Mapping[str, CondemnedModel]) -> dict[str, CondemnedModel]:
    """Return the condemned models, with those marked that a live one was fine-tuned from."""
    found = dict(models)
    for ref, model in models.items():
        if not model.services or model.replacement is not None:
            continue
        for ancestor in ancestors_of(tx, tx.versions.get(Ref.parse(ref, "model"))):
            base = found.get(str(ancestor.ref))
            if base is not None:
                found[str(ancestor.ref)] = msgspec.structs.replace(base, base=True)
    return found


def _bases_of(state: State) -> set[str]:
    return {str(model.replacement) for model in state.models.values() if model.base}


def _heir_of(tx: Transaction, ref: str, models: Mapping[str, CondemnedModel]) -> Ref | None:
    """Return what is about to replace a live model anyway.

    The replacement of what it was fine-tuned from is not that, though it is newer and may be approved.
    """
    model = models[ref]
    if not model.services:
        return None
    coming = heir(tx, Ref.parse(ref, "model"), model.services)
    bases = {one.replacement for one in models.values() if one.base and not one.services}
    return None if coming is None or str(coming) in bases else coming


def _short_of_money(runs: Sequence[Intent]) -> dict[str, Any]:
    """Return what to say of runs that no budget can pay for before its next period.

    A cap is kept even here (ADR 0053): what concerns the person is done by now, and who set it can raise
    it. So the wait is in the forecast, and the erasure is late as soon as it leads past the deadline.
    """
    moments = [run.due_at for run in runs if run.due_at is not None]
    why = sorted({str(run.status.get("error") or "its budget") for run in runs})
    return {"waits_for": "; ".join(why), "waits_until": max(moments, default=None)}


def _has_replaced(run: Intent, model: CondemnedModel) -> bool:
    ended = ("done", "refused") if model.base and not model.services else ("done",)
    return run.phase in ended and run.status.get("model") is not None


def _blocked(state: State, reason: str) -> Step:
    # To be left through `order_replacements`, which asks again for whatever did not succeed.
    state = msgspec.structs.replace(state, blocked_in="retraining", reason=reason)
    return Step(state=state, phase="blocked", facts={"reason": reason}, wait_s=None)


def _why(ref: str, run: Intent) -> str:
    if run.phase == "refused":
        made = run.status.get("model") or "the candidate"
        return f"the gates refused {made}, which was to replace {ref}"
    if run.phase == "cancelled":
        return f"somebody cancelled the retraining of {ref}"
    return f"the retraining of {ref} failed: {run.status.get('error') or 'see its run'}"


def _under_way(tx: Transaction, work: Work, ref: str, model: CondemnedModel) -> bool:
    if model.attempt == 0:
        return False
    run = tx.intents.find("pipeline_run", _run_name(work, ref, model))
    if run is None or run.phase in ("refused", "failed", "cancelled"):
        return False
    return run.phase != "done" or run.status.get("model") is not None


def _run_name(work: Work, ref: str, model: CondemnedModel) -> str:
    parsed = Ref.parse(ref, "model")
    return f"{work.id}.{parsed.name}.{parsed.version}.{model.attempt}"
