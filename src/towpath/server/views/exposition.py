"""What Prometheus is told of the control plane: read off the ledger, whoever does the work.

Controllers, rollouts, monitors and budgets are rows, so one server tells of every worker, and of those that are
gone too: a row that nobody claims shows as lag. https://prometheus.io/docs/instrumenting/exposition_formats/,
the text format, version 0.0.4.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from towpath.build.capacity.reading import budget_views
from towpath.server.views.monitors import list_monitors
from towpath.server.views.rollouts import list_rollouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.ledger.contract import Transaction

_Sample: TypeAlias = "tuple[dict[str, str], float]"
_MICROS = 1_000_000
_KINDS = (
    "backfill",
    "dataset_deletion",
    "dataset_publication",
    "decision_log",
    "erasure",
    "feature_view",
    "features_deletion",
    "file_deletion",
    "ingest",
    "label_queue",
    "monitor",
    "pipeline_run",
    "rollout",
    "schedule",
    "service",
    "storage_meter",
    "trigger",
    "webhook",
)


def exposition(tx: Transaction, *, now: datetime) -> str:
    """Return everything in one snapshot.

    Args:
        tx: An open transaction.
        now: Event time: what budgets' periods go by. Lags go by the wall's.
    """
    wall = datetime.now(UTC)
    lines: list[str] = []
    for name, meaning, samples in _families(tx, now=now, wall=wall):
        full = f"towpath_{name}"
        lines += (f"# HELP {full} {meaning}", f"# TYPE {full} gauge")
        lines += (f"{full}{_labels(labels)} {value:.16g}" for labels, value in samples)
    return "\n".join([*lines, ""])


def _families(
    tx: Transaction, *, now: datetime, wall: datetime
) -> Iterator[tuple[str, str, list[_Sample]]]:
    due = {kind: tx.intents.due([kind]) for kind in _KINDS}
    waiting = [({"kind": kind}, float(sum(one.rows for one in rows))) for kind, rows in due.items()]
    lag = [
        ({"kind": kind}, max(0.0, *((wall - one.since).total_seconds() for one in rows), 0.0))
        for kind, rows in due.items()
    ]
    yield "controller_rows_due", "Rows that a worker should take, and none has.", waiting
    yield "controller_lag_seconds", "For how long the oldest of them has been due.", lag
    yield "event_log_entries", "Entries of the event log.", [({}, float(tx.events.size()))]
    seen = [
        (wall - datetime.fromisoformat(str(one.status["at"]))).total_seconds()
        for one in tx.intents.list("gateway")
        if one.status.get("at")
    ]
    yield (
        "gateways",
        "Gateways that said something in the last minute.",
        [({}, float(sum(age < 60 for age in seen)))],
    )
    yield from _rollouts(tx)
    yield from _monitors(tx, now)
    yield from _budgets(tx, now=now, wall=wall)


def _rollouts(tx: Transaction) -> Iterator[tuple[str, str, list[_Sample]]]:
    found = list_rollouts(tx)
    outcomes = Counter((one.service, one.outcome or one.phase) for one in found)
    yield (
        "rollouts",
        "Rollouts by how they ended, or where they are.",
        [
            ({"service": service, "state": state}, float(count))
            for (service, state), count in sorted(outcomes.items())
        ],
    )
    running = [one for one in found if one.outcome is None]
    named = [{"rollout": one.name, "service": one.service} for one in running]
    yield (
        "rollout_weight",
        "The challenger's share of the traffic.",
        [(labels, one.weight) for labels, one in zip(named, running, strict=True)],
    )
    yield (
        "rollout_stage",
        "The stage, from 0.",
        [(labels, float(one.stage)) for labels, one in zip(named, running, strict=True)],
    )


def _monitors(tx: Transaction, now: datetime) -> Iterator[tuple[str, str, list[_Sample]]]:
    found = list_monitors(tx)
    named = [{"monitor": one.name, "service": one.service, "kind": one.kind} for one in found]
    pairs = list(zip(named, found, strict=True))
    yield (
        "monitor_level",
        "The detectors' level after the newest window; an alarm at 1.",
        [(labels, one.score) for labels, one in pairs if one.score is not None],
    )
    yield (
        "monitor_alerts",
        "Alarms that it has raised.",
        [(labels, float(one.alerts)) for labels, one in pairs],
    )
    yield (
        "monitor_lag_seconds",
        "Event time since the end of its newest window.",
        [
            (labels, (now - one.watermark).total_seconds())
            for labels, one in pairs
            if one.watermark is not None
        ],
    )


def _budgets(
    tx: Transaction, *, now: datetime, wall: datetime
) -> Iterator[tuple[str, str, list[_Sample]]]:
    found = budget_views(tx, now=now, wall=wall)
    pairs = [({"budget": one.name, "currency": one.currency}, one) for one in found]
    yield (
        "budget_spent",
        "Spent in the current period.",
        [(labels, one.spent_micros / _MICROS) for labels, one in pairs],
    )
    yield (
        "budget_reserved",
        "Set aside for what is running.",
        [(labels, one.reserved_micros / _MICROS) for labels, one in pairs],
    )
    yield (
        "budget_cap",
        "What may be spent in the period.",
        [(labels, one.cap_micros / _MICROS) for labels, one in pairs if one.cap_micros is not None],
    )
    yield (
        "budget_steps",
        "Steps that run in it now.",
        [(labels, float(one.steps_used)) for labels, one in pairs],
    )


def _labels(labels: dict[str, str]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
