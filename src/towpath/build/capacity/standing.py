"""Where every budget stands at one moment, and what keeps an attempt from starting in it."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from towpath.build.capacity.declaration import path_of
from towpath.build.capacity.limits import next_start, start_of
from towpath.build.capacity.money import format_money
from towpath.core.errors import BudgetRefused
from towpath.ledger import Balance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from towpath.build.capacity.claims import Claim
    from towpath.build.capacity.limits import Node

Dimension = Literal["money", "cpus", "gpus", "steps"]
_DIMENSIONS: tuple[Dimension, ...] = ("money", "cpus", "gpus", "steps")


@dataclass(slots=True)
class Used:
    """What runs below one budget, together."""

    cpus: int = 0
    gpus: int = 0
    steps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why an attempt can't start at one budget.

    Attributes:
        lasts: Nothing that runs could make room; only the budget's next period can.
    """

    node: Node
    dimension: Dimension
    text: str
    lasts: bool = False


@dataclass(slots=True, kw_only=True)
class Standing:
    """Balances and occupation of every budget, as one transaction sees them.

    Deciding changes it: what is granted on the way counts for whoever comes next.

    Attributes:
        nodes: Every budget, by path.
        balances: Of the current period of each.
        running: What was granted and is not over.
        wall: Wall time: what runs is over at its grant plus its limits.
        now: Event time: what periods go by.
    """

    nodes: Mapping[str, Node]
    balances: dict[str, Balance]
    running: list[Claim]
    wall: datetime
    now: datetime
    currency: str = "USD"
    used: defaultdict[str, Used] = field(default_factory=lambda: defaultdict(Used))

    def __post_init__(self) -> None:
        """Count what runs."""
        for claim in self.running:
            self._count(claim)

    def path(self, claim: Claim) -> list[Node]:
        """Return the declared budgets that an attempt counts against, the closest first."""
        names = path_of(claim.project, claim.queue)
        return [self.nodes[name] for name in names if name in self.nodes]

    def grant(self, claim: Claim) -> None:
        """Count an attempt as running from now on, its worst case as reserved."""
        self.running.append(claim)
        self._count(claim)
        for node in self.path(claim):
            before = self.balances.get(node.path, Balance())
            self.balances[node.path] = Balance(
                reserved=before.reserved + claim.missing, spent=before.spent
            )

    def obstacles(self, claim: Claim, *, besides: Sequence[Claim] = ()) -> list[Obstacle]:
        """Return what keeps an attempt from starting now; nothing where it may.

        Args:
            claim: The attempt.
            besides: Attempts that are over by then, for a look ahead.
        """
        found: list[Obstacle] = []
        for node in self.path(claim):
            gone = [one for one in besides if node in self.path(one)]
            for dimension in _DIMENSIONS:
                obstacle = self._obstacle(claim, node, dimension, gone)
                if obstacle is not None:
                    found.append(obstacle)
        return found

    def is_full(self, claim: Claim) -> bool:
        """Tell whether there is no place for anything where an attempt stands, however small it is.

        Every attempt takes one step and some of a core.
        """
        return any(
            (limit := _limit(node, dimension)) is not None
            and self._in_use(node, dimension) >= limit
            for node in self.path(claim)
            for dimension in ("cpus", "steps")
        )

    def refusal(self, claim: Claim) -> BudgetRefused | None:
        """Return why an attempt could never start, however long it waited."""
        for node in self.path(claim):
            if node.cap is not None and claim.worst > node.cap:
                return self._too_dear(claim, node, node.cap)
            for dimension in ("cpus", "gpus", "steps"):
                limit, size = _limit(node, dimension), _size(claim, dimension)
                if limit is not None and size > limit:
                    return BudgetRefused(
                        f"step {claim.step!r} needs {_amount(size, dimension)} at once, and "
                        f"{node.title} may have {_amount(limit, dimension)}",
                        remedy="Ask for less in the step, or raise the quota.",
                        budget=node.path,
                        needs=size,
                        quota=limit,
                    )
        return None

    def resumes_at(self, obstacles: Iterable[Obstacle]) -> datetime | None:
        """Return when the last of some obstacles that last goes away; None if none of them does."""
        return max(
            (next_start(one.node.period, self.now) for one in obstacles if one.lasts), default=None
        )

    def delays(self, candidate: Claim, head: Claim, free_at: datetime | None) -> bool:
        """Tell whether starting `candidate` now could make `head` start later than `free_at`.

        Money that the candidate takes may not come back; what it occupies comes back when its time is
        over.

        Args:
            candidate: What could go ahead.
            head: What waits in front of it.
            free_at: When the head has a place at the latest (`guaranteed`).
        """
        theirs = {node.path for node in self.path(head)}
        for node in self.path(candidate):
            if node.path not in theirs:
                continue
            if node.cap is not None:
                committed = self._committed(node)
                if committed + candidate.missing + head.missing > node.cap and candidate.missing:
                    return True
            if free_at is not None and self._over_at(candidate) <= free_at:
                continue
            for dimension in ("cpus", "gpus", "steps"):
                limit = _limit(node, dimension)
                both = _size(candidate, dimension) + _size(head, dimension)
                needs_it = _size(candidate, dimension) and _size(head, dimension)
                if limit is not None and needs_it and self._in_use(node, dimension) + both > limit:
                    return True
        return False

    def guaranteed(self, head: Claim) -> datetime | None:
        """Return when a waiting attempt has a place at the latest, as far as places go.

        That is when enough of what runs has reached its time limit; None if money is what it waits for.
        """
        ends = sorted(self.running, key=self._over_at)
        # The more is over, the more there is room: the first such moment is found by halving.
        count = bisect_left(
            range(len(ends)), 1, key=lambda over: self._has_place(head, ends[:over])
        )
        if count == len(ends) and not self._has_place(head, ends):
            return None
        return self.wall if count == 0 else self._over_at(ends[count - 1])

    def _has_place(self, head: Claim, over: Sequence[Claim]) -> bool:
        left = self.obstacles(head, besides=over)
        return all(obstacle.dimension == "money" for obstacle in left)

    def _over_at(self, claim: Claim) -> datetime:
        return (claim.granted_at or self.wall) + timedelta(milliseconds=claim.limit_ms)

    def _count(self, claim: Claim) -> None:
        for node in self.path(claim):
            used = self.used[node.path]
            used.cpus += claim.size.cpus_milli
            used.gpus += claim.size.gpus_milli
            used.steps += 1

    def _committed(self, node: Node) -> int:
        return self.balances.get(node.path, Balance()).committed

    def _in_use(self, node: Node, dimension: Dimension) -> int:
        return getattr(self.used[node.path], dimension)

    def _obstacle(
        self, claim: Claim, node: Node, dimension: Dimension, gone: Sequence[Claim]
    ) -> Obstacle | None:
        if dimension == "money":
            return self._money(claim, node, gone)
        limit, size = _limit(node, dimension), _size(claim, dimension)
        if limit is None or size == 0:
            return None
        in_use = self._in_use(node, dimension) - sum(_size(one, dimension) for one in gone)
        if in_use + size <= limit:
            return None
        text = (
            f"{node.title} may have {_amount(limit, dimension)} at once: "
            f"{_amount(in_use, dimension)} taken by {self._holders(node)}, "
            f"{_amount(size, dimension)} needed"
        )
        return Obstacle(node=node, dimension=dimension, text=text)

    def _money(self, claim: Claim, node: Node, gone: Sequence[Claim]) -> Obstacle | None:
        if node.cap is None or not claim.missing:
            return None
        balance = self.balances.get(node.path, Balance())
        first = start_of(node.period, self.now)
        freed = [one for one in gone if one.day is not None and one.day >= first]
        back = sum(max(0, one.reserved - one.spent_by(self.wall)) for one in freed)
        if balance.committed - back + claim.missing <= node.cap:
            return None
        reserved = balance.reserved
        lasts = balance.spent + claim.missing > node.cap
        text = (
            f"{node.title} may spend {self._money_text(node.cap)} a {node.period}: "
            f"{self._money_text(balance.spent)} spent, {self._money_text(reserved)} reserved"
            f"{f' by {self._holders(node)}' if reserved else ''}, "
            f"{self._money_text(claim.missing)} needed in the worst case"
        )
        return Obstacle(node=node, dimension="money", text=text, lasts=lasts)

    def _holders(self, node: Node) -> str:
        """Name what runs below a budget, the first few of it."""
        names = [f"{one.step} of run {one.run}" for one in self.running if node in self.path(one)]
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        return (", ".join(names[:2]) or "attempts that may be retried") + more

    def _money_text(self, micros: int) -> str:
        return format_money(micros, self.currency)

    def _too_dear(self, claim: Claim, node: Node, cap: int) -> BudgetRefused:
        seconds = claim.limit_ms / 1000
        times = f" × {claim.executions} attempts" if claim.executions > 1 else ""
        return BudgetRefused(
            f"step {claim.step!r} can cost {self._money_text(claim.worst)} "
            f"({self._money_text(claim.unit)} for {seconds:g} s of {_describe(claim)}{times}), and "
            f"{node.title} may spend {self._money_text(cap)} a {node.period}",
            remedy="Give the step a shorter timeout, fewer retries or less to run on, or raise the cap.",
            budget=node.path,
            cap_micros=cap,
            worst_micros=claim.worst,
            unit_micros=claim.unit,
            executions=claim.executions,
            limit_s=seconds,
        )


def since(nodes: Mapping[str, Node], now: datetime) -> dict[str, datetime]:
    """Return the first day of each budget's current period."""
    return {path: start_of(node.period, now) for path, node in nodes.items()}


def _limit(node: Node, dimension: Dimension) -> int | None:
    match dimension:
        case "cpus":
            return node.cpus_milli
        case "gpus":
            return node.gpus_milli
        case "steps":
            return node.steps
        case "money":
            return node.cap


def _size(claim: Claim, dimension: Dimension) -> int:
    match dimension:
        case "cpus":
            return claim.size.cpus_milli
        case "gpus":
            return claim.size.gpus_milli
        case "steps":
            return 1
        case "money":
            return claim.missing


def _amount(amount: int, dimension: Dimension) -> str:
    if dimension == "steps":
        return f"{amount} step{'' if amount == 1 else 's'}"
    return f"{amount / 1000:g} {dimension}"


def _describe(claim: Claim) -> str:
    parts = [f"{claim.size.cpus_milli / 1000:g} cpus"]
    if claim.size.gpus_milli:
        parts.append(
            f"{claim.size.gpus_milli / 1000:g} {claim.size.gpu or ''} gpus".replace("  ", " ")
        )
    if claim.size.memory_mib:
        parts.append(f"{claim.size.memory_mib / 1024:g} GiB")
    return ", ".join(parts)
