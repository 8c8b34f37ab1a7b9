"""Carries rollouts out: observes, judges and moves the traffic, one step per claim."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import msgspec
import structlog

from towpath.assets.models import load_predictor
from towpath.core.clock import as_utc
from towpath.core.durations import parse_duration
from towpath.core.refs import Ref
from towpath.operate.rollouts.declaration import Rollout
from towpath.operate.rollouts.evidence import Decision, Evidence, Look, judge
from towpath.operate.rollouts.observing import Observer
from towpath.operate.rollouts.orders import order_in
from towpath.operate.rollouts.progress import Progress, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from towpath.assets.models import Predictor
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent, Version
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.releases.contract import Releases
    from towpath.operate.rollouts.declaration import Compare
    from towpath.storage.blobs.contract import BlobStore

_log = structlog.get_logger(__name__)
_HOUR = timedelta(hours=1)

Outcome = Literal["promoted", "rolled_back", "superseded"]


class RolloutReconciler:
    """Reconciles intents of kind `rollout`: `new` → `running` → `done`.

    Each step reads what the log has gained since the last one, adds it to the sums in the intent's
    status, and writes sums, decision and traffic in one transaction: killed anywhere, it neither
    counts an answer twice nor moves traffic without the evidence on record.

    Failures are looked at as soon as answers have settled; labels hour by hour, `maturity` later.

    Args:
        settle: How much event time passes until all decisions of a moment are in the log. A replay
            that sets the clock ahead of its requests needs as much as it sets it ahead.
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
            self._act(tx, held, seen, now)

    def _begin(self, tx: Transaction, held: Intent, now: datetime) -> None:
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
        if not plan.has_trial:
            self._split(tx, held, stage=0, weight=1.0)
            look = Look(decision="promote", reason="no trial: its gates decide alone", harm=None)
            self._end(tx, held, progress, outcome="promoted", look=look, now=now)
            return
        self._split(tx, held, stage=0, weight=evidence.stages[0].weight)
        status = status_of(plan, progress, look=None)
        tx.intents.advance(held, phase="running", status=status, due_in_s=self._poll_s)
        _log.info("rollout.began", rollout=held.name, weight=evidence.stages[0].weight)

    def _observe(self, held: Intent, progress: Progress, now: datetime) -> Progress:
        """Return the progress with everything taken in that has settled or matured by now."""
        plan = Rollout.from_spec(held.spec)
        maturity = parse_duration(plan.maturity)
        settled = max(progress.answers, now - self._settle)
        matured = max(progress.labels, _whole_hour(now - self._settle - maturity))
        if settled == progress.answers and matured == progress.labels:
            return progress
        observer = self._observer(held, plan, progress.compare)
        evidence = progress.evidence
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
        predictors = None
        if compare == "paired":
            predictors = {arm: self._predictor(one.body["package"]) for arm, one in models.items()}
        return Observer(
            self._decisions,
            service=held.spec["service"],
            rollout=held.name,
            metric=plan.metric,
            output=models["challenger"].body["signature"]["outputs"][0]["name"],
            predictors=predictors,
        )

    def _act(self, tx: Transaction, held: Intent, progress: Progress, now: datetime) -> None:
        objection = self._superseded(tx, held)
        if objection is not None:
            self._end(tx, held, progress, outcome="superseded", look=objection, now=now)
            return
        plan = Rollout.from_spec(held.spec)
        look = judge(plan, progress.evidence, stage=progress.stage, compare=progress.compare)
        ordered = order_in(held.spec)
        if ordered is not None:
            look = Look(decision=ordered, reason=f"by hand: {look.reason}", harm=look.harm)
        elif look.decision == "hold" and now - progress.since >= parse_duration(plan.max_duration):
            look = _timed_out(plan, look, champion=_versions(tx, held)["champion"].state)
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
                self._split(tx, held, stage=stage, weight=progress.evidence.stages[stage].weight)
                self._tell(tx, held, "rollout.advanced", look.reason, progress)
                self._wait(tx, held, plan, progress, look)
            case "hold":
                self._wait(tx, held, plan, progress, look)

    def _wait(
        self, tx: Transaction, held: Intent, plan: Rollout, progress: Progress, look: Look
    ) -> None:
        status = status_of(plan, progress, look=look)
        tx.intents.advance(held, status=status, due_in_s=self._poll_s)

    def _superseded(self, tx: Transaction, held: Intent) -> Look | None:
        """Say why the rollout's question is no longer worth an answer, if it isn't."""
        champion = self._releases.champion(tx, held.spec["environment"], held.spec["service"])
        if champion != _model(held, "champion"):
            why = f"the champion is now {champion}"
            return Look(decision="roll_back", reason=why, harm=None)
        challenger = tx.versions.get(_model(held, "challenger"))
        if challenger.state != "approved":
            why = f"the challenger is {challenger.state}"
            return Look(decision="roll_back", reason=why, harm=None)
        return None

    def _split(self, tx: Transaction, held: Intent, *, stage: int, weight: float) -> None:
        self._releases.split(
            tx,
            environment=held.spec["environment"],
            service=held.spec["service"],
            challenger=_model(held, "challenger"),
            weight=weight,
            rollout=held.name,
            stage=stage,
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
            self._releases.promote(tx, **where)
        else:
            self._releases.roll_back(tx, **where)
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


def _compare(plan: Rollout, models: Mapping[str, Version]) -> Compare:
    """Return how to compare: models with different inputs can't be scored on each other's rows."""
    names = [
        {one["name"] for one in version.body["signature"]["inputs"]} for version in models.values()
    ]
    return plan.compare if names[0] == names[1] else "arms"


def _timed_out(plan: Rollout, look: Look, *, champion: str) -> Look:
    """Return what to do when the evidence stays undecided; a condemned champion can't be kept."""
    action = "promote" if champion == "condemned" else plan.on_timeout
    decision: Decision = "hold" if action == "hold" else "promote"
    if action == "rollback":
        decision = "roll_back"
    why = f"{plan.max_duration} have passed without an answer: {look.reason}"
    return Look(decision=decision, reason=why, harm=look.harm)


def _whole_hour(when: datetime) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (as_utc(when) - epoch) // _HOUR * _HOUR
