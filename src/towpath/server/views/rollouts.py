"""Rollouts and every look they took at the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.operate.rollouts import Rollout
from towpath.operate.rollouts.judging import RATIO_ALPHA
from towpath.operate.rollouts.orders import pause_in
from towpath.server.resources.rollouts import (
    RolloutBounds,
    RolloutDetail,
    RolloutLook,
    RolloutPause,
    RolloutReading,
    RolloutSummary,
)
from towpath.server.views.values import fields_of, items, mapping, moment, number, text, whole

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent, Json


def list_rollouts(
    tx: Transaction, *, service: str | None = None, running: bool = False
) -> list[RolloutSummary]:
    """Return rollouts, newest first."""
    phases = ["new", "running"] if running else None
    found = tx.intents.list("rollout", phases=phases, newest_first=True)
    return [_summary(intent) for intent in found if service in (None, intent.spec.get("service"))]


def get_rollout(tx: Transaction, name: str) -> RolloutDetail:
    """Return one rollout with its looks. Raises `NotFound`."""
    intent = tx.intents.get("rollout", name)
    summary = _summary(intent)
    policy = Rollout.from_spec(intent.spec)
    evidence = mapping(intent.status.get("evidence"))
    return RolloutDetail(
        **fields_of(summary),
        alpha=policy.alpha,
        max_duration=policy.max_duration,
        on_timeout=policy.on_timeout,
        reason=text(intent.status.get("reason")),
        ended=moment(intent.status.get("ended")),
        since=moment(intent.status.get("since")),
        history=[_look(look, policy) for look in items(intent.status.get("history"))],
        readings=[_reading(one) for one in items(evidence.get("readings"))],
        callers=[whole(one) for one in evidence.get("callers", [])],
        ratio_e_value=number(evidence.get("ratio_e_value")) or 1.0,
        ratio_limit=max(1, len(policy.trial_stages)) / RATIO_ALPHA,
        evidence=evidence,
    )


def _summary(intent: Intent) -> RolloutSummary:
    spec, status = intent.spec, intent.status
    return RolloutSummary(
        name=intent.name,
        project=intent.project,
        environment=text(spec.get("environment")),
        service=text(spec.get("service")),
        strategy=text(spec.get("strategy", "canary")),
        champion=text(spec.get("champion")),
        challenger=text(spec.get("challenger")),
        phase=intent.phase,
        outcome=status.get("outcome"),
        stages=[number(stage) or 0.0 for stage in spec.get("stages", [])],
        stage=whole(status.get("stage")),
        weight=number(status.get("weight")) or 0.0,
        metric=text(spec.get("metric")),
        margin=number(spec.get("margin")) or 0.0,
        paused=None if intent.phase == "done" else _pause(intent),
        started_at=intent.created_at,
        updated_at=intent.updated_at,
    )


def _look(look: Json, policy: Rollout) -> RolloutLook:
    stage = whole(look.get("stage"))
    return RolloutLook(
        at=moment(look["at"]) or look["at"],
        stage=stage,
        n_champion=whole(look.get("n_champion")),
        n_challenger=whole(look.get("n_challenger")),
        harm=number(look.get("estimate")),
        lower=number(look.get("lower")),
        upper=number(look.get("upper")),
        margin=policy.margin_at(stage),
        decision=text(look.get("decision")),
        answers=whole(look.get("answers")),
        paused=bool(look.get("paused")),
        readings=[
            RolloutBounds(name=name, harm=ends[0], lower=ends[1], upper=ends[2])
            for name, ends in mapping(look.get("readings")).items()
        ],
    )


def _pause(intent: Intent) -> RolloutPause | None:
    """Return the pause that is ordered, whether or not a worker has seen it yet."""
    pause = pause_in(intent.spec)
    if pause is None:
        return None
    return RolloutPause(
        by=text(pause.get("by")),
        why=text(pause.get("why")),
        at=moment(pause.get("at")) or intent.updated_at,
    )


def _reading(one: Json) -> RolloutReading:
    return RolloutReading(
        name=text(one.get("name")),
        role=text(one.get("role")),
        unit=text(one.get("unit")),
        margin=number(one.get("margin")) or 0.0,
        harm=number(one.get("estimate")),
        lower=number(one.get("lower")),
        upper=number(one.get("upper")),
        n_champion=whole(one.get("n_champion")),
        n_challenger=whole(one.get("n_challenger")),
        facts=text(one.get("facts")),
    )
