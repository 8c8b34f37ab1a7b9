"""What something will cost before it is started: at most, and most likely."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from towpath.build.capacity.claims import make_claim
from towpath.build.capacity.contract import PermitRequest
from towpath.build.capacity.limits import cap_of
from towpath.build.capacity.money import cost, millis
from towpath.build.capacity.pricing import current_prices
from towpath.build.capacity.reading import standing_now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from towpath.build.capacity.claims import Claim
    from towpath.build.capacity.standing import Standing
    from towpath.build.compute import Resources
    from towpath.ledger.contract import Transaction

_HISTORY = 20
_RUNS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastCall:
    """Calls of one step that are about to be made.

    Attributes:
        step: The step's name: what earlier executions are found by.
        calls: How often it will be called at most: the trials of a search, the parts of a map.
        attempts: How many times each call may be executed: 1 + its retries.
    """

    step: str
    resources: Resources
    calls: int = 1
    attempts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastLine:
    """What the calls of one step will cost.

    Attributes:
        limit_s: How long one execution can take, grace included.
        worst_micros: If every call uses all of its attempts and all of its time.
        likely_micros: If each call takes as long as the median of the last ones that were executed;
            None where it never was.
        likely_s: That median.
    """

    step: str
    calls: int
    attempts: int
    limit_s: float
    worst_micros: int
    likely_micros: int | None
    likely_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLeft:
    """What a budget has left, and whether the worst case fits in it.

    Attributes:
        left_micros: Cap less what is spent and reserved; None without a cap.
        fits: Whether the worst case of *everything* fits now. Where it doesn't, single steps still
            start as long as *their* worst case fits, and most of that comes back as each one settles.
    """

    budget: str
    title: str
    cap: str
    left_micros: int | None
    fits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a run will cost.

    Attributes:
        likely_micros: Sum of what is known; `unknown` names the steps that never ran.
        open_ended: Names of calls that are counted once, and may be made more often.
        refusals: Why single calls would be refused for ever.
    """

    currency: str
    lines: tuple[ForecastLine, ...]
    worst_micros: int
    likely_micros: int
    unknown: tuple[str, ...]
    budgets: tuple[BudgetLeft, ...]
    refusals: tuple[str, ...]
    open_ended: tuple[str, ...] = ()


def forecast(
    tx: Transaction,
    calls: Sequence[ForecastCall],
    *,
    project: str,
    pipeline: str,
    now: datetime,
    wall: datetime,
    open_ended: Sequence[str] = (),
) -> Forecast:
    """Work out what calls would cost, and whether the budgets have that much left.

    Args:
        tx: An open transaction.
        calls: What would be executed; hits cost nothing and are left out.
        project: Whose budgets pay.
        pipeline: Which queue they stand in.
        now: Event time.
        wall: Wall time.
        open_ended: What is to be named as such.

    Raises:
        UsageError: A step asks for an accelerator that has no price.
    """
    standing = standing_now(tx, now=now, wall=wall)
    prices = current_prices(tx)
    lines: list[ForecastLine] = []
    refusals: list[str] = []
    claim: Claim | None = None
    for number, call in enumerate(calls):
        request = PermitRequest(
            id=f"forecast/{number}/1",
            project=project,
            pipeline=pipeline,
            run_id="",
            step=call.step,
            attempts_left=call.attempts,
            resources=call.resources,
        )
        claim = make_claim(request, standing.nodes, prices, owner="", asked_at=wall)
        refusal = standing.refusal(claim)
        if refusal is not None:
            refusals.append(refusal.message)
        likely_ms = _likely_ms(tx, project, call.step)
        likely = None if likely_ms is None else cost(claim.size, likely_ms, prices.rates)
        lines.append(
            ForecastLine(
                step=call.step,
                calls=call.calls,
                attempts=call.attempts,
                limit_s=claim.limit_ms / 1000,
                worst_micros=claim.worst * call.calls,
                likely_micros=None if likely is None else likely * call.calls,
                likely_s=None if likely_ms is None else likely_ms / 1000,
            )
        )
    worst = sum(line.worst_micros for line in lines)
    return Forecast(
        currency=prices.currency,
        lines=tuple(lines),
        worst_micros=worst,
        likely_micros=sum(line.likely_micros or 0 for line in lines),
        unknown=tuple(sorted({line.step for line in lines if line.likely_micros is None})),
        budgets=() if claim is None else _left(standing, claim, worst),
        refusals=tuple(refusals),
        open_ended=tuple(open_ended),
    )


def _likely_ms(tx: Transaction, project: str, step: str) -> int | None:
    """Return how long a step took lately: by the account, or by its runs where nobody kept one."""
    entries = tx.account.entries(step=(project, step), kind="settle", limit=_HISTORY)
    took = [one.body["ms"] for one in entries if one.body.get("outcome") == "done"]
    took = took or _ran_ms(tx, project, step)
    return round(median(took)) if took else None


def _ran_ms(tx: Transaction, project: str, step: str) -> list[int]:
    """Return how long a step's latest executions took, those outside of any budget."""
    runs = tx.runs.list(project=project, kind="step", name=step, status="finished", limit=_RUNS)
    return [
        millis((run.ended_at - run.started_at).total_seconds())
        for run in runs
        if run.ended_at is not None and "executed_by" not in run.tags
    ][:_HISTORY]


def _left(standing: Standing, claim: Claim, worst: int) -> tuple[BudgetLeft, ...]:
    found: list[BudgetLeft] = []
    for node in standing.path(claim):
        left = None if node.cap is None else node.cap - standing.balances[node.path].committed
        found.append(
            BudgetLeft(
                budget=node.path,
                title=node.title,
                cap=cap_of(node),
                left_micros=left,
                fits=left is None or worst <= left,
            )
        )
    return tuple(found)
