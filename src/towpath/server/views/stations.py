"""The eight stations of the loop, each with the one thing that matters about it now."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from towpath.server.resources.overview import LoopStage

if TYPE_CHECKING:
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.server.resources.monitors import Alert, MonitorSummary
    from towpath.server.resources.releases import ServiceTraffic, TrafficSeries
    from towpath.server.resources.rollouts import RolloutSummary
    from towpath.trace.erasure.contract import Erasure


def data(tx: Transaction) -> LoopStage:
    """Data sets and their versions."""
    latest = [tx.versions.latest("dataset", one.name) for one in tx.versions.assets("dataset")]
    there = [version for version in latest if version is not None]
    newest = max(there, key=lambda version: version.created_at, default=None)
    sets = _count(len(there), "data set")
    return LoopStage(
        key="data",
        title="Data",
        headline=_count(sum(version.ref.version or 0 for version in there), "version"),
        detail=f"{sets}, {_at(newest.ref)} newest" if newest else "nothing committed yet",
        state="good" if there else "idle",
        at=newest.created_at if newest else None,
    )


def build(tx: Transaction) -> LoopStage:
    """Pipeline runs."""
    runs = tx.runs.list(kind="pipeline")
    counts = Counter(run.status for run in runs)
    newest = runs[0] if runs else None
    state = "idle" if newest is None else "good"
    detail = f"{newest.name} {newest.status}" if newest else "no run yet"
    if counts["running"]:
        state, detail = "active", f"{counts['running']} under way"
    elif newest and newest.status == "failed":
        state = "bad"
    return LoopStage(
        key="build",
        title="Build",
        headline=_count(len(runs), "run"),
        detail=detail,
        state=state,
        at=newest.started_at if newest else None,
    )


def gate(tx: Transaction) -> LoopStage:
    """Model versions and what the gates said."""
    versions = tx.versions.list("model")
    judged = [one for one in versions if one.state != "candidate"]
    counts = Counter("refused" if one.state == "rejected" else "passed" for one in judged)
    newest = versions[0] if versions else None
    state = "idle" if newest is None else "good"
    if newest and newest.state == "rejected":
        state = "warn"
    elif newest and newest.state == "candidate":
        state = "active"
    told = [f"{counts[word]} {word}" for word in ("passed", "refused") if counts[word]]
    return LoopStage(
        key="gate",
        title="Gate",
        headline=_count(len(versions), "model version"),
        detail=", ".join(told) or "no candidate yet",
        state=state,
        at=newest.created_at if newest else None,
    )


def release(tx: Transaction, environment: str, running: list[RolloutSummary]) -> LoopStage:
    """The newest release, and the rollout that is under way."""
    newest = tx.versions.latest("release", environment)
    detail = str(newest.body.get("reason", "")) if newest else "nothing deployed yet"
    if running:
        detail = f"{running[0].challenger.partition(':')[2]} at {running[0].weight:.0%}"
    return LoopStage(
        key="release",
        title="Release",
        headline=f"{environment} {newest.ref.version}" if newest else environment,
        detail=detail,
        state="active" if running else "good" if newest else "idle",
        at=newest.created_at if newest else None,
    )


def serve(services: list[ServiceTraffic], traffic: list[TrafficSeries]) -> LoopStage:
    """Decisions answered."""
    total, errors = sum(one.total for one in traffic), sum(one.errors for one in traffic)
    champions = [service.arms[0].model.partition(":")[2] for service in services]
    answered = f"{', '.join(champions)} answers" if champions else "no service yet"
    last = max((bin_.at for one in traffic for bin_ in one.bins), default=None)
    return LoopStage(
        key="serve",
        title="Serve",
        headline=_count(total, "decision"),
        detail=_count(errors, "error") if errors else answered,
        state="warn" if errors else "good" if services else "idle",
        at=last,
    )


def watch(monitors: list[MonitorSummary], alerts: list[Alert]) -> LoopStage:
    """Monitors and their alarms."""
    firing = [monitor for monitor in monitors if monitor.firing]
    detail = f"{_count(len(monitors), 'monitor')} watching" if monitors else "no monitor yet"
    if alerts:
        detail = alerts[0].summary or f"{alerts[0].kind} on {alerts[0].service}"
    return LoopStage(
        key="watch",
        title="Watch",
        headline=_count(len(alerts), "alarm"),
        detail=detail,
        state="bad" if firing else "warn" if alerts else "good" if monitors else "idle",
        at=alerts[0].at if alerts else None,
    )


def trace(tx: Transaction) -> LoopStage:
    """The log that every way back is read from."""
    newest = tx.events.read(limit=1, newest_first=True)
    return LoopStage(
        key="trace",
        title="Trace",
        headline=_count(tx.events.size(), "log entry", "log entries"),
        detail="every decision back to its rows",
        state="good" if newest else "idle",
        at=newest[0].at if newest else None,
    )


def erase(erasures: list[Erasure]) -> LoopStage:
    """Withdrawals and how far they are."""
    newest = erasures[0] if erasures else None
    state, detail = "idle", "nobody has withdrawn"
    if newest:
        detail = newest.phase.replace("_", " ")
        state = "good" if newest.done else "bad" if newest.phase == "blocked" else "active"
    return LoopStage(
        key="erase",
        title="Erase",
        headline=_count(len(erasures), "erasure"),
        detail=detail,
        state=state,
        at=newest.updated_at if newest else None,
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _at(ref: Ref) -> str:
    return f"{ref.name}@{ref.version}"
