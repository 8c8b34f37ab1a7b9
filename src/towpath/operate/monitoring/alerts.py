"""Alerts: what a monitor puts on record when its detectors reach their bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent, Json
    from towpath.operate.monitoring.findings import Finding
    from towpath.operate.monitoring.state import Step

_log = structlog.get_logger(__name__)
_BLAMED_BY_LEVEL = 3


def raise_alert(
    tx: Transaction, monitor: Intent, finding: Finding, step: Step, *, at: datetime
) -> None:
    """Record an alert and its event, and wake the project's triggers. Same window, same alert.

    It names the columns that stood out in the window. A slow drift may reach the bar without one that
    does; then it names those whose evidence has grown the most.

    Args:
        tx: The transaction that also advances the monitor.
        monitor: The monitor's intent.
        finding: The window that raised it.
        step: Where the detectors were.
        at: Event time at which this could be known.
    """
    window = finding.window
    name = f"{monitor.name}.{window.until:%Y%m%dt%H%M%S}"
    highest = sorted(step.levels, key=lambda stream: -step.levels[stream])
    blamed: list[Json] = [msgspec.to_builtins(one) for one in finding.suspects] or [
        {"name": stream, "statistic": "level", "value": step.levels[stream], "p": None}
        for stream in highest[:_BLAMED_BY_LEVEL]
    ]
    about = {
        "monitor": monitor.name,
        "kind": monitor.spec["kind"],
        "project": monitor.project,
        "model": step.state.model,
    }
    names = [one["name"] for one in blamed]
    summary = finding.summary
    if not finding.suspects:
        summary = f"{', '.join(names)} moved away little by little, over several windows"
    spec = {
        **about,
        "environment": monitor.spec["environment"],
        "service": monitor.spec["service"],
        "at": at.isoformat(),
        "window": [window.since.isoformat(), window.until.isoformat()],
        "features": blamed,
        "summary": summary,
    }
    tx.intents.put("alert", name, project=monitor.project, spec=spec, due=False)
    tx.events.append(
        "alert.raised",
        f"service:{monitor.spec['service']}",
        alert=name,
        features=names,
        **about,
    )
    for trigger in tx.intents.list("trigger", project=monitor.project):
        tx.intents.wake("trigger", trigger.name)
    _log.info("alert.raised", alert=name, model=step.state.model, summary=summary)
