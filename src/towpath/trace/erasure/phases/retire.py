"""Rolling out → retired: no traffic reaches a condemned model, and its bytes are gone, at gateways too."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from towpath.core.refs import Ref
from towpath.ledger.owners import is_dead
from towpath.trace.erasure.derived import derived_from
from towpath.trace.erasure.gateways import generations, holding
from towpath.trace.erasure.membership import contradicted, finish
from towpath.trace.erasure.parts import Step
from towpath.trace.erasure.phases.condemn import condemn
from towpath.trace.erasure.phases.purge import forget_executions, purge_blobs
from towpath.trace.erasure.sparing import spared_steps
from towpath.trace.erasure.traffic import heir, live_models, lost_trial, models_in_traffic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from towpath.ledger.contract import Transaction
    from towpath.trace.erasure.derived import Derived
    from towpath.trace.erasure.parts import Commit, Parts
    from towpath.trace.erasure.state import State
    from towpath.trace.erasure.work import Work

_LOOK_AGAIN_S = 0.25
_LONGEST_READ = timedelta(minutes=10)


def retire(parts: Parts, work: Work) -> Commit:
    """Wait for the switch and until gateways have let go, catch stragglers, then delete the models.

    A run that was reading the old rows while they were redacted may have finished since: what it made
    is condemned and purged as well, and replaced if it went live.
    """
    spared = spared_steps(parts.ledger, parts.blobs, work.state.sources)
    with parts.ledger.read() as tx:
        wait = _still_serving(tx, work.state)
        late = derived_from(tx, work.state.sources, before=work.state.redacted_at, spared=spared)
        stragglers = [
            ref
            for ref in late.models
            if str(ref) not in work.state.models and tx.versions.get(ref).state != "deleted"
        ]
        if wait is None and _still_reading(tx, late, work.state, now=parts.wall.now()):
            wait = Step(state=work.state, wait_s=_LOOK_AGAIN_S)
        if wait is None:
            wait = _still_held(tx, work.state, now=parts.wall.now())
    if stragglers:
        return lambda tx: _condemn_more(work, tx, stragglers)
    if wait is not None:
        return lambda _tx: wait
    membership = finish(parts, work)
    against = contradicted(membership)
    if against:
        return lambda tx: _not_replaced(work, tx, against)
    leftovers = {*late.artefacts, *late.logs}
    size_bytes = purge_blobs(parts, leftovers)
    with parts.ledger.read() as tx:
        subjects = [request.subject for _, request in work.requests(tx)]
    if parts.decisions.holdings(*subjects).decisions:
        parts.decisions.erase_subjects(subjects)
    for ref in work.state.models:
        parts.models.delete_bytes(Ref.parse(ref, "model"))

    def commit(tx: Transaction) -> Step:
        tx.logs.drop(run.name for run in late.runs)
        state = msgspec.structs.replace(
            work.state,
            artefacts=tuple(sorted({*work.state.artefacts, *leftovers})),
            executions=work.state.executions + forget_executions(tx, leftovers),
            bytes_purged=work.state.bytes_purged + size_bytes,
            hold="",
            membership=membership,
            reason="",
        )
        return Step(state=state, phase="retired", facts={"models": len(state.models)})

    return commit


def _not_replaced(work: Work, tx: Transaction, refs: Sequence[str]) -> Step:
    """Block until there is another model to take the place; then what was no replacement goes as well."""
    state, models = work.state, dict(work.state.models)
    live = live_models(tx)
    found: dict[Ref, Ref] = {}
    for ref in refs:
        bad = Ref.parse(str(models[ref].replacement), "model")
        better = heir(tx, bad, live.get(bad, models[ref].services))
        if better is None:
            return _blocked(
                state,
                f"{bad} answers every erased row as {ref} did, and that is known to have learnt from "
                "them: see where its pipeline reads them, and retry when a newer version is approved",
            )
        found[bad] = better
    for bad, better in found.items():
        models |= condemn(tx, [bad], reason=work.reason)
        models |= {
            one: msgspec.structs.replace(model, attempt=0, replacement=str(better))
            for one, model in models.items()
            if str(bad) in (one, model.replacement)
        }
    # Gateways may have stood by with these: what they are to follow is settled anew.
    return Step(state=msgspec.structs.replace(state, models=models, released={}, reason=""))


def _still_serving(tx: Transaction, state: State) -> Step | None:
    """Return the waiting step while a condemned model takes traffic."""
    traffic = models_in_traffic(tx)
    serving = {ref: names for ref, names in traffic.items() if str(ref) in state.models}
    if not serving:
        return None
    for ref, services in serving.items():
        model = state.models[str(ref)]
        if model.replacement is None or heir(tx, ref, services) is not None:
            continue
        replacement = Ref.parse(model.replacement, "model")
        if not any(lost_trial(tx, service, replacement) for service in services):
            continue  # another erasure condemned it, and replaces it in turn
        if model.attempt == 0:
            # What it was to ride on failed it: it needs a replacement of its own.
            alone = msgspec.structs.replace(model, replacement=None)
            state = msgspec.structs.replace(state, models={**state.models, str(ref): alone})
            return Step(state=state, phase="purged", facts={"lost": model.replacement})
        reason = f"{model.replacement} lost its rollout, so {ref} still serves"
        return _blocked(state, reason)
    return Step(state=state, wait_s=_LOOK_AGAIN_S)


def _blocked(state: State, reason: str) -> Step:
    state = msgspec.structs.replace(state, blocked_in="rolling_out", reason=reason)
    return Step(state=state, phase="blocked", facts={"reason": reason}, wait_s=None)


def _still_held(tx: Transaction, state: State, *, now: datetime) -> Step | None:
    """Return the waiting step while a living gateway may have a condemned model, on disk or in memory.

    Which generations they must follow is settled once: routes that change meanwhile name no condemned
    model either, and nobody should have to keep up with them.
    """
    released = state.released or generations(tx)
    late = holding(tx, released, now)
    if not late:
        return None
    named = ", ".join(sorted(str(one.spec.get("address") or one.name) for one in late))
    reason = f"waiting for the gateway at {named} to let go of the models that were replaced"
    return Step(
        state=msgspec.structs.replace(state, released=released, reason=reason), wait_s=_LOOK_AGAIN_S
    )


def _still_reading(tx: Transaction, late: Derived, state: State, *, now: datetime) -> bool:
    """Tell whether a run that began before the redaction is going on.

    The dead never say so: those of this machine are known by their owner, others are waited for.
    """
    if state.redacted_at is None or now - state.redacted_at > _LONGEST_READ:
        return False  # whatever it leaves, the verification finds
    runs = (tx.runs.get(run.name) for run in late.runs)
    return any(
        run.status == "running"
        and run.kind in ("pipeline", "step")
        and not is_dead(run.tags.get("owner", ""))
        for run in runs
    )


def _condemn_more(work: Work, tx: Transaction, stragglers: list[Ref]) -> Step:
    more = condemn(tx, stragglers, reason=work.reason)
    # Gateways may have stood by with these: what they are to follow is settled anew.
    models = {**work.state.models, **more}
    state = msgspec.structs.replace(work.state, models=models, released={}, reason="")
    facts = {"models": sorted(more)}
    if any(model.services for model in more.values()):
        return Step(state=state, phase="purged", facts=facts)
    return Step(state=state)
