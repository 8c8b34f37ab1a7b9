"""Carries triggers out: an alert starts a pipeline, once, unless one was started shortly before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
import structlog

from towpath.core.clock import parse_time
from towpath.core.durations import parse_duration
from towpath.core.errors import TowpathError
from towpath.core.refs import Ref
from towpath.operate.triggers.declaration import Retrain

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Event, Intent, Json

_log = structlog.get_logger(__name__)
_ENDED = ("done", "failed", "refused")
_HISTORY_KEPT = 50
_EVENTS_PER_STEP = 200

Verdict = Literal["started", "running", "cooling", "failed"]


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger's status.

    Attributes:
        cursor: Position in the event log up to which alerts were answered.
        started: Event time of the last start; `run` is the `pipeline_run` it made.
        answers: What became of the last alerts, oldest first: `alert`, `at`, `verdict`, `why`.
    """

    cursor: int = -1
    started: str | None = None
    run: str | None = None
    answers: tuple[dict[str, Any], ...] = ()


class TriggerReconciler:
    """Reconciles intents of kind `trigger`, for ever.

    It reads alerts from the event log behind a cursor, which moves in the same transaction as what an
    alert started, so each is answered once. The `pipeline_run` is named after the alert besides. An
    alert that comes while a run is going on, or within the cooldown of the last start, is recorded and
    dropped: what persists is reported again by its monitor. A run that failed has no cooldown.

    Args:
        poll_s: Wall time between two looks; monitors also wake triggers when they raise an alert.
    """

    kinds: tuple[str, ...] = ("trigger",)

    def __init__(self, ledger: Ledger, clock: Clock, *, poll_s: float = 10.0) -> None:
        self._ledger = ledger
        self._clock = clock
        self._poll_s = poll_s

    def reconcile(self, held: Intent) -> None:
        """Answer the alerts that came since the last step."""
        now = self._clock.now()
        with self._ledger.write(actor=f"trigger:{held.name}") as tx:
            state = msgspec.convert(held.status or {}, State)
            if not held.status:  # alerts from before the trigger existed are not its business
                state = msgspec.structs.replace(state, cursor=tx.events.size() - 1)
            news = tx.events.read(
                after=state.cursor, limit=_EVENTS_PER_STEP, types=["alert.raised"]
            )
            for event in news:
                if self._concerns(held, event):
                    state = self._answer(tx, held, state, event, now)
                state = msgspec.structs.replace(state, cursor=event.seq)
            more = len(news) == _EVENTS_PER_STEP
            tx.intents.advance(
                held,
                phase="watching",
                status=msgspec.to_builtins(state),
                due_in_s=0.0 if more else self._poll_s,
            )

    def _concerns(self, held: Intent, event: Event) -> bool:
        monitor = str(event.payload["monitor"])
        names = {event.payload["kind"], monitor, monitor.rpartition(".")[2]}
        wanted = Retrain.from_spec(held.spec).on
        return event.payload["project"] == held.project and not names.isdisjoint(wanted)

    def _answer(
        self, tx: Transaction, held: Intent, state: State, event: Event, now: datetime
    ) -> State:
        alert = str(event.payload["alert"])
        verdict, why = self._judge(tx, held, state, now)
        if verdict == "started":
            try:
                spec = _run_spec(tx, held, event, now)
            except TowpathError as error:
                verdict, why = "failed", str(error)
            else:
                name = f"{held.spec['project']}.{alert}"
                tx.intents.put("pipeline_run", name, project=held.project, spec=spec)
                state = msgspec.structs.replace(state, started=now.isoformat(), run=name)
        tx.events.append(
            "trigger.answered",
            event.subject,
            trigger=held.name,
            alert=alert,
            verdict=verdict,
            why=why,
        )
        _log.info("trigger.answered", trigger=held.name, alert=alert, verdict=verdict, why=why)
        answer = {"alert": alert, "at": now.isoformat(), "verdict": verdict, "why": why}
        return msgspec.structs.replace(state, answers=(*state.answers, answer)[-_HISTORY_KEPT:])

    def _judge(
        self, tx: Transaction, held: Intent, state: State, now: datetime
    ) -> tuple[Verdict, str]:
        last = None if state.run is None else tx.intents.find("pipeline_run", state.run)
        if last is not None and last.phase not in _ENDED:
            return "running", f"{last.name} is still {last.phase}"
        cooldown = Retrain.from_spec(held.spec).cooldown
        if last is not None and last.phase == "failed":
            return "started", f"{last.name} failed, which starts no cooldown"
        if state.started is not None:
            warm_until = parse_time(state.started) + parse_duration(cooldown)
            if now < warm_until:
                return "cooling", f"{cooldown} have not passed since {state.started}"
        return "started", f"{held.name} waits for this kind of alert"


def _run_spec(tx: Transaction, held: Intent, event: Event, now: datetime) -> Json:
    """Return what to run: the declared pipeline, or the one that made the model alerted about."""
    trigger = Retrain.from_spec(held.spec)
    pipeline = trigger.pipeline
    if pipeline is None:
        model = tx.versions.get(Ref.parse(event.payload["model"], "model"))
        pipeline = model.body["pipeline"]
    project = tx.intents.get("project", held.spec["project"])
    return {
        "project": held.spec["project"],
        "pipeline": pipeline,
        "params": dict(trigger.params),
        "code": project.spec["code"],
        "at": now.isoformat(),
        "pins": {},
        "reason": f"trigger:{event.payload['alert']}",
    }
