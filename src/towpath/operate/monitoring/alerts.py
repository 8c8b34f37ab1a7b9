"""Alerts: what a monitor puts on record when its detectors reach their bar, or a limit is broken.

An alert says what stood out and by how much, since when, on how many decisions, and what that cost. One
monitor has one alert about one model at a time: as long as it is not resolved, further alarms belong to
it (`alert.persisted`), so that a month of drift is one alert and not thirty. Triggers hear of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from towpath.core.clock import parse_time
from towpath.operate.monitoring.costing import added, cost_of
from towpath.operate.monitoring.examples import named
from towpath.operate.monitoring.shifts import column_of_stream

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent, Json
    from towpath.operate.monitoring.findings import Finding
    from towpath.operate.monitoring.state import State, Step

_log = structlog.get_logger(__name__)

KIND: Final = "alert"
UNRESOLVED: Final = ("new", "open", "acknowledged", "snoozed")
"""Phases of what is not over; `new` is `open`, of alerts from before they could be resolved."""

_BLAMED_BY_LEVEL = 3
_QUIET_WINDOWS = 14


def raise_alert(
    tx: Transaction, monitor: Intent, finding: Finding, step: Step, *, at: datetime
) -> None:
    """Record an alarm and wake the project's triggers. Same window, same alert.

    It names what stood out in the window. A slow drift may reach the bar without anything that does;
    then it names those whose evidence has grown the most. While an alert is snoozed an alarm only
    counts, and nobody is told.

    Args:
        tx: The transaction that also advances the monitor.
        monitor: The monitor's intent.
        finding: The window that raised it.
        step: Where the detectors were.
        at: Event time at which this could be known.
    """
    going_on = _unresolved(tx, monitor.name, step.state.model)
    if going_on is not None:
        _continue(tx, monitor, going_on, finding, at=at)
        return
    window = finding.window
    name = f"{monitor.name}.{window.until:%Y%m%dt%H%M%S}"
    blamed, summary = _blamed(finding, step)
    names = [one["name"] for one in blamed]
    about = _about(monitor, step.state.model)
    cost = cost_of(tx, monitor, finding)
    severity = monitor.spec.get("severity", "warning")
    spec = {
        **about,
        "environment": monitor.spec["environment"],
        "service": monitor.spec["service"],
        "severity": severity,
        "at": at.isoformat(),
        "since": _since(finding, step.state, names).isoformat(),
        "window": [window.since.isoformat(), window.until.isoformat()],
        "rows": finding.rows,
        "features": blamed,
        "examples": named(tx, finding.examples),
        "summary": summary,
        "cost": cost,
    }
    status = {"alarms": 1, "last": window.until.isoformat()}
    tx.intents.put(
        KIND, name, project=monitor.project, spec=spec, status=status, phase="open", due=False
    )
    tx.events.append(
        "alert.raised",
        f"service:{monitor.spec['service']}",
        alert=name,
        features=names,
        severity=severity,
        summary=summary,
        cost=cost,
        **about,
    )
    _wake_triggers(tx, monitor.project)
    _log.info("alert.raised", alert=name, model=step.state.model, severity=severity)


def settle_alerts(tx: Transaction, monitor: Intent, state: State) -> None:
    """Resolve what is over: alerts about a model that serves no more, and those long quiet.

    Args:
        tx: The transaction that also advances the monitor.
        monitor: The monitor's intent.
        state: Where it is after the windows of this step.
    """
    lately = state.windows[-_QUIET_WINDOWS:]
    quiet = len(lately) == _QUIET_WINDOWS and not any(one.get("alarm") for one in lately)
    for row in tx.intents.list(KIND, prefix=f"{monitor.name}.", phases=list(UNRESOLVED)):
        if row.spec["monitor"] != monitor.name:
            continue
        if row.spec["model"] != state.model:
            resolve_row(tx, row, by="monitor", why=f"{state.model} serves in its place")
        elif quiet:
            resolve_row(tx, row, by="monitor", why=f"{_QUIET_WINDOWS} windows without an alarm")


def resolve_row(tx: Transaction, row: Intent, *, by: str, why: str) -> None:
    """End an alert, and say so in the log."""
    status = {**row.status, "by": by, "why": why}
    tx.intents.report(KIND, row.name, status=status, phase="resolved")
    _tell(tx, "alert.resolved", row, by=by, why=why)


def _continue(
    tx: Transaction, monitor: Intent, row: Intent, finding: Finding, *, at: datetime
) -> None:
    """Count one more alarm on an alert that is not resolved, and say so unless it is snoozed."""
    alarms = int(row.status.get("alarms", 1)) + 1
    until = finding.window.until.isoformat()
    cost = cost_of(tx, monitor, finding)
    status = {
        **row.status,
        "alarms": alarms,
        "last": until,
        "summary": finding.summary,
        "cost": added(row.status.get("cost", row.spec.get("cost")), cost),
    }
    asleep = row.phase == "snoozed" and at < parse_time(row.status["until"])
    phase = "open" if row.phase == "snoozed" and not asleep else row.phase
    tx.intents.report(KIND, row.name, status=status, phase=phase)
    if not asleep:
        _tell(tx, "alert.persisted", row, alarms=alarms, summary=finding.summary)
        _wake_triggers(tx, monitor.project)


def _tell(tx: Transaction, event: str, row: Intent, **more: Any) -> None:
    names = [one["name"] for one in row.spec["features"]]
    about = {key: row.spec[key] for key in ("monitor", "kind", "project", "model")}
    tx.events.append(
        event,
        f"service:{row.spec['service']}",
        alert=row.name,
        features=names,
        severity=row.spec.get("severity", "warning"),
        **about,
        **more,
    )


def _unresolved(tx: Transaction, monitor: str, model: str | None) -> Intent | None:
    rows = tx.intents.list(KIND, prefix=f"{monitor}.", phases=list(UNRESOLVED), newest_first=True)
    mine = (one for one in rows if one.spec["monitor"] == monitor and one.spec["model"] == model)
    return next(mine, None)


def _about(monitor: Intent, model: str | None) -> Json:
    return {
        "monitor": monitor.name,
        "kind": monitor.spec["kind"],
        "project": monitor.project,
        "model": model,
    }


def _blamed(finding: Finding, step: Step) -> tuple[list[Json], str]:
    """Return what to name, and one line for people."""
    if finding.suspects:
        return [msgspec.to_builtins(one) for one in finding.suspects], finding.summary
    grown: dict[str, float] = {}
    for stream, level in step.levels.items():
        name = column_of_stream(stream)
        grown[name] = max(level, grown.get(name, 0.0))
    highest = sorted(grown, key=lambda name: -grown[name])[:_BLAMED_BY_LEVEL]
    blamed: list[Json] = []
    told: list[str] = []
    for name in highest:
        one = finding.moved.get(name)
        if one is None:
            blamed.append({"name": name, "statistic": "level", "value": grown[name], "p": None})
        else:
            blamed.append(msgspec.to_builtins(one))
        told.append(f"{name} ({one.moved})" if one is not None and one.moved else name)
    return blamed, f"{', '.join(told)} moved away little by little, over several windows"


def _since(finding: Finding, state: State, names: list[str]) -> datetime:
    """Return the beginning of the first window, without a gap to this one, in which any stood out."""
    since = finding.window.since
    for window in reversed(state.windows[:-1]):
        if not {one["name"] for one in window.get("features", ())} & set(names):
            break
        since = parse_time(window["since"])
    return since


def _wake_triggers(tx: Transaction, project: str) -> None:
    for trigger in tx.intents.list("trigger", project=project):
        tx.intents.wake("trigger", trigger.name)


__all__ = ["KIND", "UNRESOLVED", "raise_alert", "resolve_row", "settle_alerts"]
