"""What a stored budget says, and the calendar that its cap goes by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from towpath.build.capacity.money import MICROS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.ledger import BudgetRow
    from towpath.ledger.contract import Transaction

Period = Literal["day", "week", "month"]
STEP_TIMEOUT_S = 3600.0
"""Time limit under a budget where neither the step nor a budget declares one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One budget or queue of the tree.

    Attributes:
        path: Its name: `organisation`, `project/NAME` or `project/NAME/queue/NAME`.
        cap: In micro-units per period; None: spend is only recorded.
        warn: Shares of the cap at which to tell, ascending.
        cpus_milli: Thousandths of cores that may be occupied at once; None: any number.
        steps: Attempts that may run at once.
        share: Weight in the fair share.
        pipelines: Of a queue: whose runs stand in it.
    """

    path: str
    period: Period = "month"
    cap: int | None = None
    warn: tuple[float, ...] = ()
    cpus_milli: int | None = None
    gpus_milli: int | None = None
    steps: int | None = None
    step_timeout_s: float | None = None
    step_memory_bytes: int | None = None
    share: float = 1.0
    priority: int = 0
    preemptible: bool = True
    pipelines: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: BudgetRow) -> Node:
        """Read a stored budget."""
        spec = row.spec
        steps = spec.get("steps_milli")
        return cls(
            path=row.name,
            period=spec.get("period", "month"),
            cap=spec.get("cap_micros"),
            warn=tuple(spec.get("warn", ())),
            cpus_milli=spec.get("cpus_milli"),
            gpus_milli=spec.get("gpus_milli"),
            steps=None if steps is None else steps // 1000,
            step_timeout_s=spec.get("step_timeout_s"),
            step_memory_bytes=spec.get("step_memory_bytes"),
            share=spec.get("share", 1.0),
            priority=spec.get("priority", 0),
            preemptible=spec.get("preemptible", True),
            pipelines=tuple(spec.get("pipelines", ())),
        )

    @property
    def title(self) -> str:
        """What people call it."""
        parts = self.path.split("/")
        match parts:
            case ["project", project]:
                return f"project {project!r}"
            case ["project", project, "queue", queue]:
                return f"queue {queue!r} of project {project!r}"
            case _:
                return "the organisation"


def nodes_of(tx: Transaction, paths: Sequence[str] | None = None) -> dict[str, Node]:
    """Return the declared budgets by path, by default all."""
    return {row.name: Node.of(row) for row in tx.account.budgets(paths)}


def day_of(when: datetime) -> datetime:
    """Return the midnight (UTC) that a moment's day began with."""
    return when.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def start_of(period: Period, when: datetime) -> datetime:
    """Return when the period around a moment began."""
    day = day_of(when)
    match period:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)


def next_start(period: Period, when: datetime) -> datetime:
    """Return when the period after the one around a moment begins."""
    start = start_of(period, when)
    match period:
        case "day":
            return start + timedelta(days=1)
        case "week":
            return start + timedelta(days=7)
        case "month":
            return (start + timedelta(days=32)).replace(day=1)


def cap_of(node: Node) -> str:
    """Write a cap for people."""
    if node.cap is None:
        return "no cap"
    return f"{node.cap / MICROS:,.2f} a {node.period}"
