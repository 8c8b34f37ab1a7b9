"""Monitors, the curves they measured, and the alarms they raised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.operate.monitoring.examples import examples_of
from towpath.server.resources.monitors import (
    Alert,
    AlertDetail,
    AlertFeature,
    MonitorDetail,
    MonitorSummary,
    MonitorWindow,
    Series,
)
from towpath.server.views.runs import point
from towpath.server.views.values import fields_of, items, moment, number, text, whole

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent, Json
    from towpath.server.resources.base import Point

_RUNS_SHOWN = 8


def list_monitors(tx: Transaction) -> list[MonitorSummary]:
    """Return monitors by name."""
    alarms = list_alerts(tx)
    return [_summary(one, alarms) for one in tx.intents.list("monitor")]


def get_monitor(tx: Transaction, name: str) -> MonitorDetail:
    """Return one monitor with its curves. Raises `NotFound`."""
    intent = tx.intents.get("monitor", name)
    alarms = [alert for alert in list_alerts(tx) if alert.monitor == name]
    runs = tx.runs.list(kind="monitor", name=name, limit=_RUNS_SHOWN)
    curves: dict[str, list[Point]] = {}
    for run in reversed(runs):
        for key in sorted(run.metrics):
            curves.setdefault(key, []).extend(map(point, tx.runs.history(run.id, key)))
    return MonitorDetail(
        **fields_of(_summary(intent, alarms)),
        spec=intent.spec,
        runs=[run.id for run in runs],
        series=[Series(key=key, points=points) for key, points in sorted(curves.items())],
        recent=[_window(window) for window in reversed(items(intent.status.get("windows")))],
        alarms=alarms,
    )


def list_alerts(tx: Transaction) -> list[Alert]:
    """Return alerts, newest first."""
    led_to: dict[str, list[str]] = {}
    for run in tx.intents.list("pipeline_run", newest_first=True):
        reason, _, cause = text(run.spec.get("reason")).partition(":")
        if reason == "trigger":
            led_to.setdefault(cause, []).append(run.name)
    answers: dict[str, list[str]] = {}
    for trigger in tx.intents.list("trigger"):
        for answer in items(trigger.status.get("answers")):
            answers.setdefault(text(answer.get("alert")), []).append(text(answer.get("why")))
    return [
        _alert(intent, led_to.get(intent.name, []), answers.get(intent.name, []))
        for intent in tx.intents.list("alert", newest_first=True)
    ]


def get_alert(tx: Transaction, name: str) -> AlertDetail:
    """Return one alert with the curves that show it. Raises `NotFound`."""
    tx.intents.get("alert", name)
    found = next(alert for alert in list_alerts(tx) if alert.id == name)
    wanted = {"score", *(key for one in found.features for key in _keys(one))} - {"rows"}
    known: list[Series] = []
    if tx.intents.find("monitor", found.monitor) is not None:
        known = get_monitor(tx, found.monitor).series
    return AlertDetail(**fields_of(found), series=[one for one in known if one.key in wanted])


def _keys(feature: AlertFeature) -> list[str]:
    """Return the names under which a monitor may have measured what stood out."""
    name, statistic = feature.name, feature.statistic.partition(",")[0]
    return [
        name,
        statistic,
        f"{statistic}.{name}",
        f"distance.{name}",
        f"{statistic}.gap",
        f"{statistic}.estimated",
    ]


def _summary(intent: Intent, alarms: list[Alert]) -> MonitorSummary:
    spec, status = intent.spec, intent.status
    windows = items(status.get("windows"))
    newest: Json = windows[-1] if windows else {}
    return MonitorSummary(
        name=intent.name,
        project=intent.project,
        environment=text(spec.get("environment")),
        service=text(spec.get("service")),
        kind=text(spec.get("kind")),
        window=text(spec.get("window")),
        watermark=moment(status.get("watermark")),
        windows=whole(status.get("seen")) or len(windows),
        alerts=sum(alert.monitor == intent.name for alert in alarms),
        firing=any(alert.monitor == intent.name and alert.state != "resolved" for alert in alarms),
        model=status.get("model"),
        score=number(newest.get("score")),
        blind=status.get("blind"),
        updated_at=intent.updated_at,
    )


def _window(window: Json) -> MonitorWindow:
    return MonitorWindow(
        since=moment(window.get("since")),
        until=moment(window.get("until")),
        rows=whole(window.get("rows")),
        judged=bool(window.get("judged", True)),
        alarm=bool(window.get("alarm")),
        score=number(window.get("score")),
        features=_features(window.get("features")),
    )


def _alert(intent: Intent, led_to: list[str], answers: list[str]) -> Alert:
    spec, status = intent.spec, intent.status
    cost = status.get("cost") or spec.get("cost") or {}
    since, until = ([*spec.get("window", []), None, None])[:2]
    return Alert(
        id=intent.name,
        monitor=text(spec.get("monitor")),
        kind=text(spec.get("kind")),
        service=text(spec.get("service")),
        project=intent.project,
        model=text(spec.get("model")),
        severity=text(spec.get("severity")) or "warning",
        state="open" if intent.phase == "new" else intent.phase,
        begun=moment(spec.get("since")) or moment(since),
        last=moment(status.get("last")),
        alarms=whole(status.get("alarms")) or 1,
        rows=whole(spec.get("rows")),
        cost=text(cost.get("words")),
        examples=examples_of(intent),
        by=text(status.get("by")),
        why=text(status.get("why")),
        snoozed_until=moment(status.get("until")) if intent.phase == "snoozed" else None,
        at=moment(spec.get("at")) or intent.created_at,
        since=moment(since),
        until=moment(until),
        summary=text(spec.get("summary")),
        features=_features(spec.get("features")),
        led_to=led_to,
        answers=answers,
    )


def _features(found: object) -> list[AlertFeature]:
    return [
        AlertFeature(
            name=text(feature.get("name")),
            statistic=text(feature.get("statistic")),
            value=number(feature.get("value")),
            p=number(feature.get("p")),
            what=text(feature.get("what")),
            before=number(feature.get("before")),
            after=number(feature.get("after")),
        )
        for feature in items(found)
    ]
