"""Capacity as people look at it: budgets, who runs and waits, and what was spent on what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 -- the API's document resolves the annotations
from typing import TYPE_CHECKING, Literal

from towpath.build.capacity.claims import Claim, claim_of
from towpath.build.capacity.crossings import ALERT
from towpath.build.capacity.deciding import decide
from towpath.build.capacity.limits import Node, next_start, nodes_of, start_of
from towpath.build.capacity.pricing import current_prices
from towpath.build.capacity.sharing import Debts
from towpath.build.capacity.standing import Standing, since
from towpath.build.capacity.turns import explain
from towpath.core.clock import parse_time
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger import Grouping
    from towpath.ledger.contract import Transaction

SpendBy = Literal["project", "queue", "pipeline", "run", "step", "cause", "day", "model", "erasure"]
_PLAIN: Mapping[str, tuple[Grouping, ...]] = {
    "project": ("project",),
    "queue": ("project", "queue"),
    "pipeline": ("project", "pipeline"),
    "run": ("run",),
    "step": ("project", "step"),
    "cause": ("cause",),
    "day": ("day",),
}
ERASURE = "erasure:"
"""How the causes of runs begin that an erasure needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetView:
    """One budget and where it stands in its current period.

    Attributes:
        name: Its path; `project` and `queue` are its parts, empty where it has none.
        title: What people call it.
        period: `day`, `week` or `month`.
        cap_micros: None: spend is only recorded.
        forecast_micros: What will be spent by the end of the period if it goes on as it did so far;
            None in the period's first twentieth, which says nothing.
        warn: Shares of the cap that are told when they are crossed.
        crossed: Those that were, in this period.
        cpus: How many cores may be occupied at once; None: as many as there are.
        gpus: Likewise accelerators.
        steps: How many steps may run at once.
        share: Weight in the fair share; of projects.
    """

    name: str
    title: str
    project: str
    queue: str
    period: str
    since: datetime
    until: datetime
    currency: str
    cap_micros: int | None
    spent_micros: int
    reserved_micros: int
    forecast_micros: int | None
    warn: tuple[float, ...]
    crossed: tuple[float, ...]
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
class PermitView:
    """One attempt that runs or waits.

    Attributes:
        worst_micros: What it costs at most, retries included; set aside while it runs.
        granted_at: Wall time at which a running one began.
        wanted_by: The attempt of a higher priority that a running one has to make room for.
        blocker: What a waiting one waits for: the budget or quota, the arithmetic, and who holds it.
        resumes_at: Event time of the next period, where only that can pay for it.
    """

    id: str
    state: Literal["running", "waiting"]
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
    granted_at: datetime | None = None
    wanted_by: str | None = None
    blocker: str = ""
    resumes_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendLine:
    """What was spent on one thing.

    Attributes:
        key: Its name, or the parts of it in the order of what was asked for.
    """

    key: tuple[str, ...]
    micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """A soft limit that was crossed.

    Attributes:
        share: Of the cap.
        at: Event time.
    """

    name: str
    budget: str
    share: float
    at: datetime
    summary: str


def budget_views(tx: Transaction, *, now: datetime, wall: datetime) -> list[BudgetView]:
    """Return every budget, the organisation first, then projects with their queues."""
    standing = standing_now(tx, now=now, wall=wall)
    rows = {row.name: row for row in tx.account.budgets()}
    prices = current_prices(tx)
    views: list[BudgetView] = []
    for path, node in standing.nodes.items():
        start, until = start_of(node.period, now), next_start(node.period, now)
        balance = standing.balances[path]
        used = standing.used[path]
        crossed = rows[path].crossed
        is_current = crossed.get("start") == start.isoformat()
        _, _, rest = path.partition("/")
        project, _, queue = rest.partition("/queue/")
        views.append(
            BudgetView(
                name=path,
                title=node.title,
                project=project,
                queue=queue,
                period=node.period,
                since=start,
                until=until,
                currency=prices.currency,
                cap_micros=node.cap,
                spent_micros=balance.spent,
                reserved_micros=balance.reserved,
                forecast_micros=_forecast(balance.spent, start, now, until),
                warn=node.warn,
                crossed=tuple(crossed.get("shares", ())) if is_current else (),
                cpus=_whole(node.cpus_milli),
                gpus=_whole(node.gpus_milli),
                steps=node.steps,
                cpus_used=used.cpus / 1000,
                gpus_used=used.gpus / 1000,
                steps_used=used.steps,
                priority=node.priority,
                preemptible=node.preemptible,
                share=node.share,
            )
        )
    return views


def line_view(tx: Transaction, *, now: datetime, wall: datetime) -> list[PermitView]:
    """Return what runs, then what waits in the order of turns with what each one waits for.

    Of a long line the first hundred are shown.
    """
    standing = standing_now(tx, now=now, wall=wall)
    running = list(standing.running)
    views = [_permit(claim, "running") for claim in running]
    debts = Debts(tx.line.shares(), running, standing.nodes, now)
    decision = decide(tx, standing, debts, [], whole=True)
    for claim in decision.order:
        if claim in decision.starts:
            views.append(_permit(claim, "waiting", blocker="nothing: it starts when it asks next"))
            continue
        waits = explain(claim.id, decision, standing)
        views.append(_permit(claim, "waiting", blocker=waits.blocker, resumes_at=waits.resumes_at))
    return views


def standing_now(tx: Transaction, *, now: datetime, wall: datetime) -> Standing:
    """Return where every budget stands, as this transaction sees it."""
    nodes = nodes_of(tx)
    return Standing(
        nodes=nodes,
        balances=tx.account.balances(since(nodes, now)),
        running=[claim_of(row) for row in tx.line.granted()],
        wall=wall,
        now=now,
        currency=current_prices(tx).currency,
    )


def spend(
    tx: Transaction,
    by: SpendBy,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    project: str | None = None,
) -> list[SpendLine]:
    """Return what was spent, by one of its properties, the most first.

    A model version costs what the run that made it spent; steps that the run took from the cache were
    paid for by the run that computed them. An erasure costs what its retrainings spent.

    Args:
        tx: An open transaction.
        by: What to tell spend apart by.
        since: First day that counts, by event time.
        until: First day that does not count any more.
        project: Only this project's.

    Raises:
        UsageError: Spend is not told apart by that.
    """
    if by in _PLAIN:
        totals = tx.account.totals(_PLAIN[by], since=since, until=until, project=project)
        return [SpendLine(key=_texts(key), micros=micros) for key, micros in totals.items()]
    if by == "erasure":
        totals = tx.account.totals(("cause",), since=since, until=until, project=project)
        return [
            SpendLine(key=(cause.removeprefix(ERASURE),), micros=micros)
            for (cause,), micros in totals.items()
            if cause.startswith(ERASURE)
        ]
    if by == "model":
        runs = tx.account.totals(("run",), since=since, until=until, project=project)
        return _by_model(tx, {run: micros for (run,), micros in runs.items()}, project)
    known = ", ".join([*_PLAIN, "model", "erasure"])
    raise UsageError(f"spend is not told apart by {by!r}", remedy=f"Known: {known}.")


def alerts(tx: Transaction, *, project: str | None = None) -> list[AlertView]:
    """Return the soft limits that were crossed, newest first."""
    rows = tx.intents.list(ALERT, project=project)
    return [
        AlertView(
            name=row.name,
            budget=row.spec["budget"],
            share=row.spec["share"],
            at=parse_time(row.spec["at"]),
            summary=row.spec["summary"],
        )
        for row in reversed(rows)
    ]


def _by_model(tx: Transaction, runs: Mapping[str, int], project: str | None) -> list[SpendLine]:
    found: list[SpendLine] = []
    for asset in tx.versions.assets("model", project=project):
        for version in tx.versions.list("model", asset.name):
            if version.made_by is not None and version.made_by in runs:
                found.append(SpendLine(key=(str(version.ref),), micros=runs[version.made_by]))
    return sorted(found, key=lambda line: (-line.micros, line.key))


def _forecast(spent: int, start: datetime, now: datetime, until: datetime) -> int | None:
    passed = (now - start) / (until - start)
    return None if passed < 0.05 else round(spent / passed)


def _whole(milli: int | None) -> float | None:
    return None if milli is None else milli / 1000


def _permit(
    claim: Claim,
    state: Literal["running", "waiting"],
    *,
    blocker: str = "",
    resumes_at: datetime | None = None,
) -> PermitView:
    return PermitView(
        id=claim.id,
        state=state,
        project=claim.project,
        queue=claim.queue,
        pipeline=claim.pipeline,
        run=claim.run,
        step=claim.step,
        attempt=claim.attempt,
        priority=claim.priority,
        cpus=claim.size.cpus_milli / 1000,
        gpus=claim.size.gpus_milli / 1000,
        memory_bytes=claim.resources.memory_bytes,
        worst_micros=claim.worst,
        asked_at=claim.asked_at,
        granted_at=claim.granted_at,
        wanted_by=claim.wanted_by,
        blocker=blocker,
        resumes_at=resumes_at,
    )


def _texts(key: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(
        f"{part:%Y-%m-%d}" if hasattr(part, "strftime") else str(part) or "–" for part in key
    )


__all__ = [
    "ERASURE",
    "AlertView",
    "BudgetView",
    "Node",
    "PermitView",
    "SpendBy",
    "SpendLine",
    "alerts",
    "budget_views",
    "line_view",
    "spend",
    "standing_now",
]
