"""What may be spent, what was, and what waits for it. Money is in millionths of the currency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from towpath.build.capacity.reading import AlertView, BudgetView, PermitView


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
    budgets: list[BudgetView]
    attempts: list[PermitView]
    alerts: list[AlertView]
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
