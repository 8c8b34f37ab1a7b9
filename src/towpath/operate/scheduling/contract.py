"""What schedules and backfills promise: which moments are run for, once each, whatever dies meanwhile.

Both are intents. What they start are `pipeline_run` rows under names that follow from the moment, put in
the transaction that moves the schedule or the backfill on: a worker that is killed leaves neither a
moment without its run nor one with two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

BackfillPhase = Literal["new", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A window of event time: `since` belongs to it, `until` does not."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRequest:
    """A pipeline to be run once for each window of a stretch of event time.

    Attributes:
        since: Where the first window begins.
        until: Where the last one ends; it is shorter where `every` does not divide the stretch.
        every: How long a window is. Each run is planned for its window's end, so that what reaches
            back (`flights.last("7d")`) covers the window.
        parallel: Most runs at a time. A worker carries out as many as its setting `runs` says.
        params: The pipeline's parameters. `{since}` and `{until}` in a text stand for the window's
            bounds, in ISO 8601.
        pins: Data-set versions to read instead of the latest.
        code: Version of the project's code; the one applied last when None.
        candidates: Whether the runs propose the models they make. They don't unless asked to: the
            newest approved version is deployed, and a window of last year would be the newest.
    """

    project: str
    pipeline: str
    since: datetime
    until: datetime
    every: timedelta
    parallel: int = 1
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    pins: Mapping[str, int] = field(default_factory=dict[str, int])
    code: str | None = None
    candidates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowStatus:
    """One window of a backfill that has been started.

    Attributes:
        run: Name of its `pipeline_run`.
        phase: Where that is: `new`, `running`, `done`, `refused`, `failed` or `cancelled`.
        run_id: The run in the ledger, once it ended.
        error: Why it failed.
    """

    span: Span
    run: str
    phase: str
    run_id: str | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillStatus:
    """How far a backfill is.

    Attributes:
        name: `PROJECT.PIPELINE.NUMBER`.
        phase: `failed` when every window was run and some of them failed; `retry` runs those again.
        windows: How many there are.
        counts: How many of them are in each phase of a run; those not started yet are `pending`.
    """

    name: str
    project: str
    pipeline: str
    phase: str
    since: datetime
    until: datetime
    every: timedelta
    parallel: int
    windows: int
    counts: Mapping[str, int]
    created_at: datetime


class Backfills(Protocol):
    """Backfills, from asking to done. Thread-safe and process-safe; each call is one transaction."""

    def start(self, request: BackfillRequest) -> BackfillStatus:
        """Ask for a backfill; workers carry it out.

        Raises:
            InvalidName: The stretch is empty, or makes more than 10,000 windows.
            NotFound: The project was never applied and no code is given.
        """
        ...

    def get(self, name: str) -> BackfillStatus:
        """Return one. Raises `NotFound`."""
        ...

    def list(self, *, project: str | None = None) -> list[BackfillStatus]:
        """Return all, newest first."""
        ...

    def windows(self, name: str) -> list[WindowStatus]:
        """Return the windows that were started, in order."""
        ...

    def cancel(self, name: str, *, now: bool = False) -> BackfillStatus:
        """Start no further window, and take back those that no worker has begun.

        Runs that are going on come to their end, or with `now` are stopped within a second or two;
        finished steps stay in the cache. Cancelling what is over changes nothing.
        """
        ...

    def retry(self, name: str) -> BackfillStatus:
        """Run again what failed, and go on with what was cancelled. Finished windows stay as they are."""
        ...
