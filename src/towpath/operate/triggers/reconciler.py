"""Carries triggers out: something happens, a pipeline is started, once for each that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
import structlog

from towpath.build.pipelines.planning.wanting import (
    ENDED_PHASES,
    KIND,
    RunRequest,
    code_of,
    want_run,
)
from towpath.core.clock import parse_time
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject, TowpathError
from towpath.core.refs import Ref
from towpath.operate.scheduling import is_paused
from towpath.operate.triggers.declaration import FIRED, On
from towpath.operate.triggers.inbox import KIND as RECEIVED
from towpath.operate.triggers.looping import REASON, run_name, started_by

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Event, Intent

_log = structlog.get_logger(__name__)
_HISTORY_KEPT = 50
_EVENTS_PER_STEP = 200
_DATASET_POLL_S = 2.0

Verdict = Literal["started", "running", "cooling", "paused", "failed", "looping"]


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger's status.

    Attributes:
        cursor: Position in the event log up to which news were answered.
        started: Event time of the last start; `run` is the `pipeline_run` it made.
        waiting: The newest version of a data set that no run was started for yet.
        answers: What became of the last news, oldest first: `alert` (or what else it was), `at`,
            `verdict`, `why`.
    """

    cursor: int = -1
    started: str | None = None
    run: str | None = None
    waiting: str | None = None
    answers: tuple[dict[str, Any], ...] = ()


class TriggerReconciler:
    """Reconciles intents of kind `trigger`, for ever.

    It reads news from the event log behind a cursor, which moves in the same transaction as what they
    started, so each is answered once; the `pipeline_run` is named after what started it besides.

    An *alert* that comes while a run is going on, or within the cooldown of the last start, is recorded
    and dropped: what persists is reported again by its monitor. A *version* waits instead, and only the
    newest does: levels count, not edges; one that the trigger brought about itself is recorded and
    dropped, as it would start itself for ever. An *event* from outside is a fact of its own, and starts a run
    whatever is going on. An *erasure* is answered like a version, by a run on the newest one. What somebody
    *fires* by hand is started where no run is going on, cool-down or not. A run that failed has no cooldown.

    Args:
        poll_s: Wall time between two looks; monitors also wake triggers when they raise an alert, the
            inbox when it takes an event, and a run when it ends.
    """

    kinds: tuple[str, ...] = ("trigger",)

    def __init__(self, ledger: Ledger, clock: Clock, *, poll_s: float = 10.0) -> None:
        self._ledger = ledger
        self._clock = clock
        self._poll_s = poll_s

    def reconcile(self, held: Intent) -> None:
        """Answer what happened since the last step."""
        now = self._clock.now()
        with self._ledger.write(actor=f"trigger:{held.name}") as tx:
            step = _Step(tx, held, now)
            more = step.answer()
            wait_s = _DATASET_POLL_S if step.trigger.versions_of else self._poll_s
            tx.intents.advance(
                held,
                phase="watching",
                status=msgspec.to_builtins(step.state),
                due_in_s=0.0 if more else min(wait_s, self._poll_s),
            )


class _Step:
    """One look at the log for one trigger, inside its transaction.

    Attributes:
        state: Where the trigger stands, with what was answered so far.
    """

    def __init__(self, tx: Transaction, held: Intent, now: datetime) -> None:
        self._tx = tx
        self._held = held
        self._now = now
        self.trigger = On.from_spec(held.spec)
        self.state = msgspec.convert(held.status or {}, State)
        if not held.status:  # what was before the trigger existed is not its business
            self.state = msgspec.structs.replace(self.state, cursor=tx.events.size() - 1)

    def answer(self) -> bool:
        """Answer a batch of news; tell whether there may be more of them."""
        news = self._tx.events.read(
            after=self.state.cursor, limit=_EVENTS_PER_STEP, types=self.trigger.event_types
        )
        for event in news:
            if self._concerns(event):
                self._take(event)
            self.state = msgspec.structs.replace(self.state, cursor=event.seq)
        if self.state.waiting is not None:
            self._start_waiting(self.state.waiting)
        return len(news) == _EVENTS_PER_STEP

    def _concerns(self, event: Event) -> bool:
        trigger = self.trigger
        if event.type == FIRED:
            return event.payload["trigger"] == self._held.name
        if trigger.versions_of is not None:
            ref = Ref.parse(event.subject)
            return (ref.kind, ref.name) == ("dataset", trigger.versions_of)
        if trigger.event is not None:
            return self._held.name in event.payload["triggers"]
        monitor = str(event.payload["monitor"])
        names = {event.payload["kind"], monitor, monitor.rpartition(".")[2]}
        wanted = trigger.alert or ()
        return event.payload["project"] == self._held.project and not names.isdisjoint(wanted)

    def _take(self, event: Event) -> None:
        """Answer one piece of news; of versions, remember the newest only."""
        if event.type == FIRED:
            self._take_fired(event)
            return
        if self.trigger.erasure is not None:
            self.state = msgspec.structs.replace(self.state, waiting=self._newest(event.subject))
            return
        if self.trigger.dataset is not None:
            self._take_version(event.subject)
            return
        if self.trigger.event is not None:
            verdict, why = self._judge(busy=False)
            self._answer(event.subject.partition(":")[2], event.subject, verdict, why)
            return
        verdict, why = self._judge(busy=True)
        alert, alarms = str(event.payload["alert"]), event.payload.get("alarms", 1)
        self._answer(
            alert, event.subject, verdict, why, model=event.payload["model"], repeated=alarms
        )

    def _take_fired(self, event: Event) -> None:
        """Start a run because somebody asked, on what is newest."""
        verdict, why = self._judge(busy=True)
        if verdict == "cooling":
            verdict = "started"
        if verdict == "started":
            why = f"fired by {event.payload['by']}"
        versions = self.trigger.versions_of
        what = f"fired-{event.seq}"
        if versions is not None and self._tx.versions.latest("dataset", versions) is not None:
            what = self._newest(f"dataset:{versions}").partition(":")[2]
        self._answer(what, event.subject, verdict, why, fired=event)

    def _newest(self, version: str) -> str:
        """Return the newest version of a version's data set."""
        latest = self._tx.versions.latest("dataset", Ref.parse(version).name)
        return version if latest is None else str(latest.ref)

    def _take_version(self, version: str) -> None:
        """Remember a version, unless this trigger brought it about: for it nothing is started.

        A version of somebody else's that waits goes on waiting behind it.
        """
        run = started_by(self._tx, self._held.name, Ref.parse(version))
        if run is None:
            self.state = msgspec.structs.replace(self.state, waiting=version)
            return
        why = (
            f"it was made by run {run.id} of {run.tags['pipeline']!r}, which this trigger started: "
            "answering it would never end; commit to another data set"
        )
        self._answer(version.partition(":")[2], version, "looping", why)

    def _start_waiting(self, version: str) -> None:
        verdict, why = self._judge(busy=True)
        if verdict in ("running", "cooling"):
            return
        self.state = msgspec.structs.replace(self.state, waiting=None)
        self._answer(version.partition(":")[2], version, verdict, why)

    def _judge(self, *, busy: bool) -> tuple[Verdict, str]:
        """Say whether something may be started now; `busy`: not while a run is going on."""
        if is_paused(self._tx, "trigger", self._held.name):
            return "paused", f"{self._held.name} is paused"
        state, cooldown = self.state, self.trigger.cooldown
        last = None if state.run is None else self._tx.intents.find(KIND, state.run)
        if busy and last is not None and last.phase not in ENDED_PHASES:
            return "running", f"{last.name} is still {last.phase}"
        if last is not None and last.phase == "failed":
            return "started", f"{last.name} failed, which starts no cooldown"
        if state.started is not None and cooldown is not None:
            warm_until = parse_time(state.started) + parse_duration(cooldown)
            if self._now < warm_until:
                return "cooling", f"{cooldown} have not passed since {state.started}"
        return "started", f"{self._held.name} waits for this kind of {self._noun}"

    @property
    def _noun(self) -> str:
        if self.trigger.versions_of is not None:
            return "version"
        return "alert" if self.trigger.event is None else "event"

    def _answer(
        self,
        what: str,
        subject: str,
        verdict: Verdict,
        why: str,
        *,
        model: str | None = None,
        repeated: int = 1,
        fired: Event | None = None,
    ) -> None:
        """Start a run where the verdict says so, and record what became of it.

        Args:
            what: The alert, version or event, or what stands for a firing.
            subject: What the answer's event is about.
            verdict: Whether something is started.
            why: In words.
            model: The model that an alert is about.
            repeated: Which alarm of its alert this is, so that each may have a run of its own.
            fired: The event with which somebody asked, if somebody did.
        """
        held, noun = self._held, self._noun
        if verdict == "started":
            try:
                request = self._request(what, model, _reason(held.name, what, fired))
            except TowpathError as error:
                verdict, why = "failed", str(error)
            else:
                name = f"{held.spec['project']}.{what}" + (f".{repeated}" if repeated > 1 else "")
                if noun != "alert" or fired is not None:
                    name = run_name(
                        held.name, what if fired is None else f"{what}.fired-{fired.seq}"
                    )
                want_run(self._tx, name, request)
                self.state = msgspec.structs.replace(
                    self.state, started=self._now.isoformat(), run=name
                )
        told = {noun: what, "verdict": verdict, "why": why}
        self._tx.events.append("trigger.answered", subject, trigger=held.name, **told)
        _log.info("trigger.answered", trigger=held.name, to=what, verdict=verdict, why=why)
        answer = {**told, "at": self._now.isoformat()}
        answers = (*self.state.answers, answer)[-_HISTORY_KEPT:]
        self.state = msgspec.structs.replace(self.state, answers=answers)

    def _request(self, what: str, model: str | None, reason: str) -> RunRequest:
        """Return what to run, on what."""
        tx, trigger, project = self._tx, self.trigger, self._held.spec["project"]
        params = dict(trigger.params)
        pins: dict[str, int] = {}
        received = None if trigger.event is None else tx.intents.find(RECEIVED, what)
        if received is not None:
            params |= received.spec["values"].get(self._held.name, {})
        if trigger.versions_of is not None and "@" in what:
            pins = {trigger.versions_of: Ref.parse(what, "dataset").version or 0}
        return RunRequest(
            project=project,
            pipeline=self._pipeline(model),
            params=params,
            code=code_of(tx, project),
            at=self._now,
            pins=pins,
            reason=reason,
            wakes=None if model else ("trigger", self._held.name),
        )

    def _pipeline(self, model: str | None) -> str:
        """Return the declared pipeline, the one that made the model alerted about, or the only one."""
        if self.trigger.pipeline is not None:
            return str(self.trigger.pipeline)
        if model is not None:
            made_by: str = self._tx.versions.get(Ref.parse(model, "model")).body["pipeline"]
            return made_by
        declared = self._tx.intents.get("project", self._held.project).spec["pipelines"]
        if len(declared) != 1:
            raise InvalidProject(
                f"trigger {self._held.name!r} does not say which pipeline it starts",
                remedy="Give it pipeline=….",
            )
        return next(iter(declared))


def _reason(trigger: str, what: str, fired: Event | None) -> str:
    """Return why a run is started, as its page says it."""
    return f"{REASON}{what}" if fired is None else f"fired:{trigger} by {fired.payload['by']}"


__all__ = ["State", "TriggerReconciler"]
