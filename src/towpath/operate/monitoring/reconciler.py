"""Carries monitors out: judges each window of event time once, and raises alerts."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from towpath.assets.models.reference import Reference
from towpath.core.durations import parse_duration
from towpath.core.errors import IntegrityError
from towpath.ledger.records import Metric
from towpath.operate.monitoring.alerts import raise_alert, settle_alerts
from towpath.operate.monitoring.counted import WINDOWS, CountedFiles
from towpath.operate.monitoring.findings import Window
from towpath.operate.monitoring.state import State
from towpath.operate.monitoring.view import WindowView
from towpath.operate.monitoring.watchers import find_watcher, standard_watchers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent, Version
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.monitoring.contract import Monitor, Watcher
    from towpath.operate.monitoring.findings import Finding
    from towpath.operate.monitoring.state import Step
    from towpath.operate.releases.contract import Releases
    from towpath.storage.blobs.contract import BlobStore

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WINDOWS_PER_STEP = 32
_LONGEST_REST_S = 60.0


class MonitorReconciler:
    """Reconciles intents of kind `monitor`, for ever: phase `watching`.

    Windows follow event time and are judged in order, each once: findings, metrics, alerts and the
    new watermark are one transaction. Only decisions of the champion count, because the reference is
    the champion's own. With a new champion come a new reference, a new run and detectors at zero; an
    alarm sets them to zero as well, so that what persists is reported again.

    Args:
        settle: How much event time passes until all decisions of a moment are in the log. A replay
            that sets the clock ahead of its requests needs as much as it sets it ahead.
        watchers: What judges each kind of monitor; those that come with the program by default.
        poll_s: Wall time between two looks, at least. A monitor sleeps until its next window can be
            judged, a minute at most; who moves a replay's clock wakes it.
    """

    kinds: tuple[str, ...] = ("monitor",)

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        decisions: DecisionLog,
        releases: Releases,
        clock: Clock,
        *,
        settle: timedelta = timedelta(minutes=1),
        poll_s: float = 1.0,
        watchers: Mapping[str, Watcher[Any]] | None = None,
    ) -> None:
        self._watchers = standard_watchers() if watchers is None else watchers
        self._ledger = ledger
        self._counts = blobs.area(WINDOWS)
        self._decisions = decisions
        self._releases = releases
        self._clock = clock
        self._settle = settle
        self._poll_s = poll_s

        def load(digest: str) -> Reference:
            return Reference.decode(blobs.get(digest))

        self._reference = lru_cache(maxsize=8)(load)

    def reconcile(self, held: Intent) -> None:
        """Judge the windows that have ended, a month of days at most per step."""
        state = msgspec.convert(held.status or {}, State)
        watcher = find_watcher(self._watchers, held.spec["kind"])
        champion = self._champion(held)
        why = self._blindness(watcher, champion)
        if champion is None or why is not None:
            with self._ledger.write(actor="monitor") as tx:
                blind = msgspec.structs.replace(state, blind=why)
                self._save(tx, held, blind, due_in_s=self._poll_s)
            return
        monitor = watcher.declaration.from_spec(held.spec)
        maturity = watcher.maturity(monitor)
        state = self._begun(held, monitor, state)
        now = self._clock.now()
        windows = self._due(monitor, state, now - self._settle - maturity)
        before = state.counted
        kept = self._counted(before if state.model == str(champion.ref) else {})
        views = [self._view(held, champion, window) for window in windows]
        views[:1] = [dataclasses.replace(view, counted=kept) for view in views[:1]]
        findings = [watcher.judge(monitor, view) for view in views]
        counts: dict[str, str] = {}
        if getattr(watcher, "counts_windows", False) and state.watermark is not None:
            opened = _next_window(monitor, windows[-1].until if windows else state.watermark)
            view = self._view(held, champion, opened)
            begun = self._counted({}) if windows else kept
            counts = dict(dataclasses.replace(view, counted=begun).count_sealed())
        with self._ledger.write(actor="monitor") as tx:
            state = _follow(tx, held, state, champion)
            for found in findings:
                finding = state.dated(found)
                step = state.after(finding, run_length=monitor.run_length)
                _log_metrics(tx, finding, step)
                if step.alarm:
                    at = finding.window.until + maturity
                    raise_alert(tx, held, finding, step, at=at)
                state = step.state
            settle_alerts(tx, held, state)
            state = msgspec.structs.replace(state, counted=counts)
            self._save(tx, held, state, due_in_s=self._rest_s(monitor, state, now - maturity))
        self._counted(before).drop(but=counts.values())

    def _blindness(self, watcher: Watcher[Any], champion: Version | None) -> str | None:
        """Return why nothing can be judged, or None."""
        if champion is None:
            return "nothing is deployed"
        digest = champion.body.get("reference")
        if digest is None:
            return f"{champion.ref} has no reference" if watcher.needs_reference else None
        try:
            self._reference(digest)
        except IntegrityError as error:
            return f"{champion.ref}: {error}"
        return None

    def _counted(self, blob_of: Mapping[str, str]) -> CountedFiles:
        return CountedFiles(area=self._counts, blob_of=blob_of)

    def _champion(self, held: Intent) -> Version | None:
        with self._ledger.read() as tx:
            model = self._releases.champion(tx, held.spec["environment"], held.spec["service"])
            return None if model is None else tx.versions.get(model)

    def _begun(self, held: Intent, monitor: Monitor, state: State) -> State:
        """Return the state with a watermark, from the first decision on: where its window begins."""
        if state.watermark is not None:
            return state
        times = self._decisions.scan(held.spec["service"], columns=["at"])
        first: datetime | None = times.select(pl.col("at").min()).collect().item()
        if first is None:
            return state
        span = parse_duration(monitor.window)
        return msgspec.structs.replace(state, watermark=_EPOCH + (first - _EPOCH) // span * span)

    def _due(self, monitor: Monitor, state: State, known: datetime) -> list[Window]:
        """Return the windows that had ended by `known` but were not judged yet, oldest first."""
        start = state.watermark
        if start is None:
            return []
        span = parse_duration(monitor.window)
        windows: list[Window] = []
        while start + span <= known and len(windows) < _WINDOWS_PER_STEP:
            windows.append(Window(since=start, until=start + span))
            start += span
        return windows

    def _view(self, held: Intent, champion: Version, window: Window) -> WindowView:
        digest = champion.body.get("reference")
        return WindowView(
            window=window,
            service=held.spec["service"],
            environment=held.spec["environment"],
            champion=champion,
            decisions=self._decisions,
            known_reference=None if digest is None else self._reference(digest),
            subject_field=self._subject_field(held.spec["service"]),
        )

    def _subject_field(self, service: str) -> str | None:
        with self._ledger.read() as tx:
            found = tx.intents.find("service", service)
        return None if found is None else found.spec.get("subject_field")

    def _rest_s(self, monitor: Monitor, state: State, known: datetime) -> float:
        """Return how long, on the wall, the next window is away if event time keeps pace with it."""
        if state.watermark is None:
            return self._poll_s
        ends = state.watermark + parse_duration(monitor.window)
        away_s = (ends + self._settle - known).total_seconds()
        if away_s <= 0:  # more than one step's worth of windows is waiting
            return 0.0
        return min(max(away_s, self._poll_s), _LONGEST_REST_S)

    def _save(self, tx: Transaction, held: Intent, state: State, *, due_in_s: float) -> None:
        tx.intents.advance(
            held,
            phase="watching" if state.blind is None else "waiting",
            status=msgspec.to_builtins(state),
            due_in_s=due_in_s,
        )


def _next_window(monitor: Monitor, since: datetime) -> Window:
    return Window(since=since, until=since + parse_duration(monitor.window))


def _follow(tx: Transaction, held: Intent, state: State, champion: Version) -> State:
    """Turn to the champion: another one gets a run of its own."""
    model = str(champion.ref)
    if state.model == model:
        return msgspec.structs.replace(state, blind=None)
    if state.run is not None:
        tx.runs.finish(state.run, "finished")
    run = tx.runs.start(
        kind="monitor",
        name=held.name,
        project=held.project,
        params={"kind": held.spec["kind"], "window": held.spec["window"]},
        tags={"monitor": held.name, "service": held.spec["service"], "model": model},
    )
    tx.graph.link(run.ref, "used", champion.ref)
    return state.following(model, run.id)


def _log_metrics(tx: Transaction, finding: Finding, step: Step) -> None:
    now = (finding.window, {**finding.measured, "score": step.score})
    points = [
        Metric(key=key, value=value, step=window.index, at=window.until)
        for window, measured in (*finding.settled, now)
        for key, value in measured.items()
    ]
    assert step.state.run is not None
    tx.runs.log_metrics(step.state.run, points)
