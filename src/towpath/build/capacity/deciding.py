"""Who goes next: priority, then fair-share debt, then first come, with backfill.

One pass walks the line in order. What fits starts. The first of each queue that does not fit becomes
its *head*: whoever comes after it starts only if that can't delay any head (EASY backfill, Lifka
1995): it takes no money a head will need, and it leaves the places a head waits for before the moment
at which the head has them for certain, or doesn't touch them. A head that waits for the next period
holds up nobody, since nothing that starts now counts against that.

A pass looks at no more than `DEPTH` attempts, and at `BEHIND` of a queue once its head is blocked,
like Slurm's `bf_max_job_test` and `bf_max_job_part`: a decision costs the same however long the line
is, and a queue that is stuck hides nobody else. Of a queue that is full, where not even the smallest
attempt has a place, only the head is read, and those that ask: nobody else in it could start.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

from towpath.build.capacity.claims import claim_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from towpath.build.capacity.claims import Claim
    from towpath.build.capacity.sharing import Debts
    from towpath.build.capacity.standing import Obstacle, Standing
    from towpath.ledger import Group
    from towpath.ledger.contract import Transaction

DEPTH = 200
BEHIND = 20
_FIRST_PAGE, _PAGE = 3, 25
_Line = tuple[int, str, str]


@dataclass(slots=True, kw_only=True)
class Decision:
    """What one pass found.

    Attributes:
        starts: What may start now, in order; other owners' attempts included, whose places are kept
            for them until they ask.
        blocked: What may not, and why: the first is what stands in front.
        overtaken: What would have a place, but could delay somebody in front, and whom.
        order: Everything that was looked at, in order; those behind wait for these.
    """

    starts: list[Claim] = field(default_factory=list["Claim"])
    blocked: dict[str, tuple[Claim, list[Obstacle]]] = field(
        default_factory=dict[str, "tuple[Claim, list[Obstacle]]"]
    )
    overtaken: dict[str, Claim] = field(default_factory=dict[str, "Claim"])
    order: list[Claim] = field(default_factory=list["Claim"])

    @property
    def in_front(self) -> int:
        """How many were looked at."""
        return len(self.order)


@dataclass(frozen=True, slots=True)
class _Head:
    claim: Claim
    free_at: datetime | None


def decide(
    tx: Transaction,
    standing: Standing,
    debts: Debts,
    new: Sequence[Claim],
    *,
    again: Sequence[Claim] = (),
    whole: bool = False,
) -> Decision:
    """Walk the line once and say who may start.

    Args:
        tx: Where the line is.
        standing: Where the budgets stand; what starts is counted in it.
        debts: Who owes how much; likewise.
        new: Attempts that ask for the first time.
        again: Attempts that ask again: they are looked at even where their queue is full.
        whole: Whether to look at those that wait in full queues too, for people to see.
    """
    decision, heads = Decision(), dict[_Line, _Head]()
    walk = _Walk(tx, debts, new, again)
    for claim in walk.claims():
        if decision.in_front >= DEPTH:
            break
        decision.order.append(claim)
        obstacles = standing.obstacles(claim)
        ahead = next((one for one in heads.values() if _delays(standing, claim, one)), None)
        if not obstacles and ahead is None:
            standing.grant(claim)
            debts.add(claim)
            decision.starts.append(claim)
            continue
        if obstacles:
            decision.blocked[claim.id] = claim, obstacles
        elif ahead is not None:
            decision.overtaken[claim.id] = ahead.claim
        walk.behind[_line(claim)] += 1
        if not whole and standing.is_full(claim):
            walk.full.add(_line(claim))
        if standing.resumes_at(obstacles) is None and _line(claim) not in heads:
            heads[_line(claim)] = _Head(claim, standing.guaranteed(claim))
    return decision


def _delays(standing: Standing, claim: Claim, head: _Head) -> bool:
    return standing.delays(claim, head.claim, head.free_at)


def _came(claim: Claim) -> tuple[datetime, str]:
    """Return what a line is ordered by, as the ledger orders it."""
    return claim.asked_at, claim.id


def _line(claim: Claim) -> _Line:
    return claim.priority, claim.project, claim.queue


class _Walk:
    """Goes through the line, whose turn it is first; debts change on the way, and queues get stuck.

    Attributes:
        behind: How many of a queue could not start.
        full: The queues in which nobody can.
    """

    def __init__(
        self, tx: Transaction, debts: Debts, new: Sequence[Claim], again: Sequence[Claim]
    ) -> None:
        self._tx = tx
        self._debts = debts
        self._asking = defaultdict[_Line, list["Claim"]](list)
        for claim in sorted((*again, *new), key=_came):
            self._asking[_line(claim)].append(claim)
        self.behind = defaultdict[_Line, int](int)
        self.full: set[_Line] = set()

    def claims(self) -> Iterator[Claim]:
        """Yield each attempt that is to be looked at."""
        groups = {(one.priority, one.project, one.queue): one for one in self._tx.line.groups()}
        lines = {name: self._of(name, groups.get(name)) for name in {*groups, *self._asking}}
        heap: list[tuple[int, float, datetime, _Line, Claim]] = []

        def push(name: _Line) -> None:
            claim = next(lines[name], None) if self.behind[name] <= BEHIND else None
            if claim is not None:
                debt = self._debts.of(claim.project)
                heapq.heappush(heap, (-claim.priority, debt, claim.asked_at, name, claim))

        for name in sorted(lines):
            push(name)
        while heap:
            priority, debt, asked_at, name, claim = heapq.heappop(heap)
            now = self._debts.of(claim.project)
            if now > debt:  # it was granted something since: its turn may be over
                heapq.heappush(heap, (priority, now, asked_at, name, claim))
                continue
            yield claim
            push(name)

    def _of(self, name: _Line, group: Group | None) -> Iterator[Claim]:
        """Yield a queue: those that wait, for as long as there can be room, and those that ask.

        Both as they came, so that an attempt that asks again finds the order it was told before.
        """
        waiting = takewhile(lambda _: name not in self.full, self._stored(group))
        seen: set[str] = set()
        for claim in heapq.merge(waiting, self._asking[name], key=_came):
            if claim.id not in seen:
                seen.add(claim.id)
                yield claim

    def _stored(self, group: Group | None) -> Iterator[Claim]:
        offset, limit = 0, _FIRST_PAGE
        while group is not None and (
            rows := self._tx.line.waiting(group, offset=offset, limit=limit)
        ):
            yield from map(claim_of, rows)
            offset, limit = offset + len(rows), _PAGE
