"""What may be spent, what was, and what waits for it. Money is in millionths of the currency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """A budget, and where it stands in its current period.

    Attributes:
        name: Its path: `organisation`, a project below it, or a queue below that.
        title: What people call it.
        project: Empty for the organisation.
        queue: Empty for the organisation and for projects.
        period: `day`, `week` or `month`.
        cap_micros: None: spend is only recorded.
        forecast_micros: What will be spent by the end of the period if it goes on like this; None
            at its beginning, which tells nothing.
        warn: Shares of the cap that are told when they are crossed.
        crossed: Those that were, in this period.
        cpus: How many cores may be occupied at once; None: as many as there are.
        gpus: Likewise accelerators.
        steps: How many steps may run at once.
        share: Weight in the fair share between projects.
    """

    name: str
    title: str
    project: str
    queue: str
    period: str
    since: datetime
    until: datetime
    cap_micros: int | None
    spent_micros: int
    reserved_micros: int
    forecast_micros: int | None
    warn: list[float]
    crossed: list[float]
    cpus: float | None
    gpus: float | None
    steps: int | None
    cpus_used: float
    gpus_used: float
    steps_used: int
    priority: int
    preemptible: bool
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt of a step that runs, or waits for its turn.

    Attributes:
        state: `running` or `waiting`.
        worst_micros: What it costs at most, retries included; set aside while it runs.
        granted_at: Wall time at which a running one began.
        wanted_by: The attempt of a higher priority that it has to make room for.
        blocker: What a waiting one waits for: the budget or quota, the arithmetic, and who holds it.
        resumes_at: Event time of the next period, where only that can pay for it.
    """

    id: str
    state: str
    project: str
    queue: str
    pipeline: str
    run: str
    step: str
    attempt: int
    priority: int
    cpus: float
    gpus: float
    memory_bytes: int | None
    worst_micros: int
    asked_at: datetime
    granted_at: datetime | None
    wanted_by: str | None
    blocker: str
    resumes_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendAlert:
    """A soft limit that was crossed.

    Attributes:
        at: Event time.
        share: Of the cap.
    """

    budget: str
    share: float
    at: datetime
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What a resource costs: `cpu`, `gpu` or `gpu:KIND` per hour, `memory` per GiB and hour,
    `storage` per GiB and month.
    """

    resource: str
    micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DailySpend:
    """What a project spent on one day of event time."""

    day: datetime
    project: str
    micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """The money's whole picture.

    Attributes:
        budgets: The organisation first, then projects with their queues.
        attempts: What runs, then what waits, in the order of turns; the first hundred.
        alerts: Newest first.
        prices: The price list in force; `prices_version` is 0 for the built-in one.
        days: Spend of the last 90 days of event time, by day and project.
    """

    currency: str
    now: datetime
    budgets: list[BudgetState]
    attempts: list[Attempt]
    alerts: list[SpendAlert]
    prices: list[Rate]
    prices_version: int
    days: list[DailySpend]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendLine:
    """What was spent on one thing.

    Attributes:
        key: Its name, or its parts: a project and the queue in it.
        ref: The reference of what it is, where it has a page: a run, a model version, an erasure.
    """

    key: list[str]
    micros: int
    ref: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendBreakdown:
    """Spend by one of its properties, the most first.

    Attributes:
        since: First day that counts; None: all that there is.
        total_micros: Of the lines. By `model` and `erasure` it is less than all spend: not every run
            makes a model, and few are for an erasure.
    """

    by: str
    currency: str
    since: datetime | None
    total_micros: int
    lines: list[SpendLine]
