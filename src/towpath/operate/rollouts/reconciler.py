"""Carries rollouts out: observes, judges and moves the traffic, one step per claim."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import msgspec
import structlog

from towpath.assets.models import load_predictor
from towpath.core.clock import as_utc
from towpath.core.durations import parse_duration
from towpath.core.refs import Ref
from towpath.operate.rollouts.copies import CopyObserver
from towpath.operate.rollouts.declaration import Rollout
from towpath.operate.rollouts.evidence import Evidence
from towpath.operate.rollouts.judging import Decision, Look, judge
from towpath.operate.rollouts.observing import ArmObserver
from towpath.operate.rollouts.orders import order_in, pause_in
from towpath.operate.rollouts.progress import Progress, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from towpath.assets.models import Predictor
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent, Version
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.releases.contract import Releases
    from towpath.operate.releases.route import TrialKind
    from towpath.operate.rollouts.declaration import Compare
    from towpath.operate.rollouts.observing import Observer
    from towpath.storage.blobs.contract import BlobStore

_log = structlog.get_logger(__name__)
_HOUR = timedelta(hours=1)
_PROMPT = timedelta(seconds=5)  # a switch at once has to be taken back within seconds

Outcome = Literal["promoted", "rolled_back", "superseded"]


class RolloutReconciler:
    """Reconciles intents of kind `rollout`: `new` → `running` → `done`.

    Each step reads what the log has gained since the last one, adds it to the sums in the intent's
    status, and writes sums, decision and traffic in one transaction: killed anywhere, it neither
    counts an answer twice nor moves traffic without the evidence on record.

    Answers are looked at as soon as they have settled; labels and signals hour by hour, `maturity`
    later. What a person orders is read again in the transaction that acts, so an order that was
    acknowledged is never overtaken by a step that began before it.

    Args:
        settle: How much event time passes until all decisions of a moment are in the log. A replay
            that sets the clock ahead of its requests needs as much as it sets it ahead. Five seconds
            do where all traffic was switched at once and time is real.
        poll_s: Wall time between two looks; who moves a replay's clock asks for one besides.
    """

    kinds: tuple[str, ...] = ("rollout",)

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        decisions: DecisionLog,
        releases: Releases,
        clock: Clock,
        *,
        settle: timedelta = timedelta(minutes=1),
        poll_s: float = 2.0,
    ) -> None:
        self._ledger = ledger
        self._decisions = decisions
        self._releases = releases
        self._clock = clock
        self._settle = settle
        self._poll_s = poll_s

        def load(package: str) -> Predictor:
            return load_predictor(package, blobs)

        self._predictor: Callable[[str], Predictor] = lru_cache(maxsize=4)(load)

    def reconcile(self, held: Intent) -> None:
        """Take one step of a rollout."""
        now = self._clock.now()
        if held.phase == "new":
            with self._ledger.write(actor="rollout") as tx:
                self._begin(tx, held, now)
            return
        if held.phase != "running":
            with self._ledger.write(actor="rollout") as tx:
                tx.intents.advance(held)
            return
        progress = Progress.of(held.status)
        seen = self._observe(held, progress, now)
        with self._ledger.write(actor="rollout") as tx:
            self._act(tx, _ordered_since(tx, held), seen, now)

    def _begin(self, tx: Transaction, held: Intent, now: datetime) -> None:
        held = _ordered_since(tx, held)
        plan = Rollout.from_spec(held.spec)
        evidence = Evidence.start(plan)
        # Decisions made under this rollout carry its name, so an early start reads nothing wrong.
        start = _whole_hour(now - self._settle)
        progress = Progress(
            compare=_compare(plan, _versions(tx, held)),
            stage=0,
            since=now,
            stage_since=start,
            answers=start,
            labels=start,
            evidence=evidence,
        )
        objection = self._superseded(tx, held)
        if objection is not None:
            self._end(tx, held, progress, outcome="superseded", look=objection, now=now)
            return
        erring = self._erring(tx, held)
        if erring is not None and erring.decision == "roll_back":
            self._end(tx, held, progress, outcome="rolled_back", look=erring, now=now)
            return
        if not plan.has_trial:
            self._split(tx, held, plan, stage=0, weight=1.0)
            look = Look(decision="promote", reason="no trial: its gates decide alone")
            self._end(tx, held, progress, outcome="promoted", look=look, now=now)
            return
        self._split(tx, held, plan, stage=0, weight=evidence.stages[0].weight)
        self._wait(tx, held, plan, progress, None, phase="running")
        _log.info("rollout.began", rollout=held.name, strategy=plan.strategy)

    def _observe(self, held: Intent, progress: Progress, now: datetime) -> Progress:
        """Return the progress with everything taken in that has settled or matured by now."""
        plan = Rollout.from_spec(held.spec)
        maturity = parse_duration(plan.maturity)
        settle = min(self._settle, _PROMPT) if plan.strategy == "blue_green" else self._settle
        settled = max(progress.answers, now - settle)
        matured = max(progress.labels, _whole_hour(now - self._settle - maturity))
        if settled == progress.answers and matured == progress.labels:
            return progress
        observer = self._observer(held, plan, progress.compare)
        evidence = progress.evidence
        unmeasured = plan.strategy == "blue_green" and not evidence.stages[0].failed[0].rows
        if isinstance(observer, ArmObserver) and plan.bake and unmeasured:
            since = progress.since - parse_duration(plan.bake)
            evidence = observer.baseline(
                evidence, model=held.spec["champion"], since=since, until=progress.since
            )
        if settled > progress.answers:
            evidence = observer.answers(evidence, since=progress.answers, until=settled)
        if evidence.stages[progress.stage].recount_due:
            evidence = observer.callers(
                evidence, progress.stage, since=progress.stage_since, until=settled
            )
        if matured > progress.labels:
            evidence = observer.labels(
                evidence, since=progress.labels, until=matured, maturity=maturity
            )
        return msgspec.structs.replace(progress, evidence=evidence, answers=settled, labels=matured)

    def _observer(self, held: Intent, plan: Rollout, compare: Compare) -> Observer:
        with self._ledger.read() as tx:
            models = _versions(tx, held)
        outputs = {arm: one.body["signature"]["outputs"][0]["name"] for arm, one in models.items()}
        about = {"service": held.spec["service"], "rollout": held.name}
        if plan.strategy == "shadow":
            pair = (outputs["champion"], outputs["challenger"])
            return CopyObserver(self._decisions, plan, **about, outputs=pair)
        predictors = None
        if compare == "paired" and plan.metric is not None:
            predictors = {arm: self._predictor(one.body["package"]) for arm, one in models.items()}
        return ArmObserver(
            self._decisions,
            plan,
            **about,
            output=outputs["challenger"],
            predictors=predictors,
        )

    def _act(self, tx: Transaction, held: Intent, progress: Progress, now: datetime) -> None:
        objection = self._superseded(tx, held)
        if objection is not None:
            self._end(tx, held, progress, outcome="superseded", look=objection, now=now)
            return
        erring = self._erring(tx, held)
        if erring is not None and erring.decision == "roll_back":
            self._end(tx, held, progress, outcome="rolled_back", look=erring, now=now)
            return
        plan = Rollout.from_spec(held.spec)
        paused = pause_in(held.spec)
        self._mark_pause(tx, held, progress, is_paused=paused is not None)
        progress = progress.ticking(now, is_paused=paused is not None)
        look = judge(plan, progress.evidence, stage=progress.stage, compare=progress.compare)
        look = self._overruled(tx, held, look, lasted=progress.lasted(now))
        if erring is not None and look.decision in ("advance", "promote"):
            look = _deciding(look, "hold", erring.reason)
        progress = progress.noting(look, now)
        match look.decision:
            case "promote":
                self._end(tx, held, progress, outcome="promoted", look=look, now=now)
            case "roll_back":
                self._end(tx, held, progress, outcome="rolled_back", look=look, now=now)
            case "advance":
                stage = progress.stage + 1
                progress = msgspec.structs.replace(
                    progress, stage=stage, stage_since=_whole_hour(now - self._settle)
                )
                weight = progress.evidence.stages[stage].weight
                self._split(tx, held, plan, stage=stage, weight=weight)
                self._tell(tx, held, "rollout.advanced", look.reason, progress)
                self._wait(tx, held, plan, progress, look)
            case "hold":
                self._wait(tx, held, plan, progress, look)

    def _overruled(self, tx: Transaction, held: Intent, look: Look, *, lasted: timedelta) -> Look:
        """Return the look with what the evidence does not decide: orders, pauses, and the clock."""
        ordered = order_in(held.spec)
        if ordered is not None:
            return _deciding(look, ordered, f"by hand: {look.reason}")
        paused = pause_in(held.spec)
        if paused is not None:
            by = f" by {paused['by']}" if paused.get("by") else ""
            return _deciding(look, "hold", f"paused{by}; the evidence says: {look.reason}")
        plan = Rollout.from_spec(held.spec)
        if look.decision == "promote" and plan.bake and lasted < parse_duration(plan.bake):
            return _deciding(look, "hold", f"bakes for {plan.bake}: {look.reason}")
        if look.decision == "hold" and lasted >= parse_duration(plan.max_duration):
            return _timed_out(plan, look, champion=_versions(tx, held)["champion"].state)
        return look

    def _mark_pause(
        self, tx: Transaction, held: Intent, progress: Progress, *, is_paused: bool
    ) -> None:
        """Put into the log that a pause began or ended here, where one did."""
        if is_paused == (progress.paused_since is not None):
            return
        event = "rollout.paused" if is_paused else "rollout.resumed"
        paused = pause_in(held.spec) or {}
        self._tell(tx, held, event, paused.get("why", ""), progress)

    def _wait(
        self,
        tx: Transaction,
        held: Intent,
        plan: Rollout,
        progress: Progress,
        look: Look | None,
        *,
        phase: str | None = None,
    ) -> None:
        status = status_of(plan, progress, look=look, paused=pause_in(held.spec))
        tx.intents.advance(held, phase=phase, status=status, due_in_s=self._poll_s)

    def _superseded(self, tx: Transaction, held: Intent) -> Look | None:
        """Say why the rollout's question is no longer worth an answer, if it isn't."""
        champion = self._releases.champion(tx, held.spec["environment"], held.spec["service"])
        if champion != _model(held, "champion"):
            why = f"the champion is now {champion}"
            return Look(decision="roll_back", reason=why)
        challenger = tx.versions.get(_model(held, "challenger"))
        if challenger.state != "approved":
            why = f"the challenger is {challenger.state}"
            return Look(decision="roll_back", reason=why)
        return None

    def _erring(self, tx: Transaction, held: Intent) -> Look | None:
        """Say which regression case, kept since the trial was asked for, keeps the challenger back.

        One that was not asked yet is waited for: whoever keeps a case, and the incident that it is of,
        have it asked.
        """
        environment, service = held.spec["environment"], held.spec["service"]
        challenger = {service: _model(held, "challenger")}
        pins = self._releases.pins(tx, environment).with_models(challenger)
        check = self._releases.check(tx, environment, pins)
        refusals = check.about(service).of_cases().refusals
        if not refusals:
            return None
        open_ones = {one.case for one in check.cases[service] if one.verdict == "unjudged"}
        failed = next((one for one in refusals if one.case not in open_ones), None)
        if failed is None:
            return Look(decision="hold", reason=refusals[0].problem)
        return Look(decision="roll_back", reason=failed.problem)

    def _split(
        self, tx: Transaction, held: Intent, plan: Rollout, *, stage: int, weight: float
    ) -> None:
        arm: TrialKind = "shadow" if plan.strategy == "shadow" else "challenger"
        self._releases.trials.split(
            tx,
            environment=held.spec["environment"],
            service=held.spec["service"],
            challenger=_model(held, "challenger"),
            weight=weight,
            rollout=held.name,
            stage=stage,
            arm=arm,
        )

    def _end(
        self,
        tx: Transaction,
        held: Intent,
        progress: Progress,
        *,
        outcome: Outcome,
        look: Look,
        now: datetime,
    ) -> None:
        where = {
            "environment": held.spec["environment"],
            "service": held.spec["service"],
            "rollout": held.name,
        }
        if outcome == "promoted":
            self._releases.trials.promote(tx, **where)
        else:
            self._releases.trials.roll_back(tx, **where)
        self._tell(tx, held, f"rollout.{outcome}", look.reason, progress)
        plan = Rollout.from_spec(held.spec)
        status = {
            **status_of(plan, progress, look=look),
            "outcome": outcome,
            "ended": now.isoformat(),
            "weight": 1.0 if outcome == "promoted" else 0.0,
        }
        tx.intents.advance(held, phase="done", status=status)
        tx.intents.wake("service", held.spec["service"])
        _log.info(f"rollout.{outcome}", rollout=held.name, reason=look.reason)

    def _tell(
        self, tx: Transaction, held: Intent, event: str, reason: str, progress: Progress
    ) -> None:
        tx.events.append(
            event,
            f"service:{held.spec['service']}",
            rollout=held.name,
            stage=progress.stage,
            challenger=held.spec["challenger"],
            champion=held.spec["champion"],
            reason=reason,
        )


def _model(held: Intent, arm: str) -> Ref:
    return Ref.parse(held.spec[arm], "model")


def _versions(tx: Transaction, held: Intent) -> dict[str, Version]:
    return {arm: tx.versions.get(_model(held, arm)) for arm in ("champion", "challenger")}


def _ordered_since(tx: Transaction, held: Intent) -> Intent:
    """Return the row with what is wanted of it now, which may be more than when it was claimed."""
    fresh = tx.intents.get(held.kind, held.name)
    return dataclasses.replace(held, spec=fresh.spec, generation=fresh.generation)


def _compare(plan: Rollout, models: Mapping[str, Version]) -> Compare:
    """Return how to compare: models with different inputs can't be scored on each other's rows."""
    if plan.strategy == "shadow":
        return "paired"
    names = [
        {one["name"] for one in version.body["signature"]["inputs"]} for version in models.values()
    ]
    return plan.compare if names[0] == names[1] else "arms"


def _deciding(look: Look, decision: Decision, reason: str) -> Look:
    return msgspec.structs.replace(look, decision=decision, reason=reason)


def _timed_out(plan: Rollout, look: Look, *, champion: str) -> Look:
    """Return what to do when the evidence stays undecided; a condemned champion can't be kept."""
    action = "promote" if champion == "condemned" else plan.on_timeout
    decision: Decision = "hold" if action == "hold" else "promote"
    if action == "rollback":
        decision = "roll_back"
    why = f"{plan.max_duration} have passed without an answer: {look.reason}"
    return _deciding(look, decision, why)


def _whole_hour(when: datetime) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (as_utc(when) - epoch) // _HOUR * _HOUR
