"""Rollouts and every look they took at the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.operate.rollouts import Rollout
from towpath.server.resources.rollouts import RolloutDetail, RolloutLook, RolloutSummary
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
    return RolloutDetail(
        **fields_of(summary),
        alpha=policy.alpha,
        max_duration=policy.max_duration,
        on_timeout=policy.on_timeout,
        reason=text(intent.status.get("reason")),
        ended=moment(intent.status.get("ended")),
        since=moment(intent.status.get("since")),
        history=[_look(look, policy) for look in items(intent.status.get("history"))],
        evidence=mapping(intent.status.get("evidence")),
    )


def _summary(intent: Intent) -> RolloutSummary:
    spec, status = intent.spec, intent.status
    return RolloutSummary(
        name=intent.name,
        project=intent.project,
        environment=text(spec.get("environment")),
        service=text(spec.get("service")),
        champion=text(spec.get("champion")),
        challenger=text(spec.get("challenger")),
        phase=intent.phase,
        outcome=status.get("outcome"),
        stages=[number(stage) or 0.0 for stage in spec.get("stages", [])],
        stage=whole(status.get("stage")),
        weight=number(status.get("weight")) or 0.0,
        metric=text(spec.get("metric")),
        margin=number(spec.get("margin")) or 0.0,
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
    )
