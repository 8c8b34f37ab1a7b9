"""Permits on the ledger: each decision reads and writes in one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from towpath.build.capacity.claims import Claim, claim_of, next_attempt
from towpath.build.capacity.contract import NoPermits, Waits
from towpath.build.capacity.crossings import tell_crossings
from towpath.build.capacity.declaration import path_of
from towpath.build.capacity.limits import nodes_of
from towpath.build.capacity.settling import WAIT_LEASE_S, bury, forget, is_over, settle
from towpath.build.capacity.standing import Standing, since
from towpath.build.capacity.turns import Turn
from towpath.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from towpath.build.capacity.contract import Answer, PermitRequest, Permits, Usage
    from towpath.core.clock import Clock
    from towpath.ledger import Ledger, PermitRow
    from towpath.ledger.contract import Transaction

log = structlog.get_logger()
_ACTOR = "capacity"
_SWEEP_EVERY = timedelta(seconds=1)


class LedgerPermits:
    """See `Permits`. One per runner; any number of them, in any number of processes, share a ledger.

    Args:
        ledger: Where budgets, account and line are.
        clock: Event time: what the periods of budgets go by.
        owner: Names this runner, uniquely for ever.
        is_dead: Tells whether an owner certainly lives no more.
        wall: Wall time: what time limits and places in line go by.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        owner: str,
        is_dead: Callable[[str], bool],
        wall: Clock | None = None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._owner = owner
        self._is_dead = is_dead
        self._wall = wall or SystemClock()
        self._told: set[str] = set()
        self._swept_at: datetime | None = None

    def ask(
        self, requests: Sequence[PermitRequest], *, settled: Mapping[str, Usage] = {}
    ) -> list[Answer]:
        """See `Permits.ask`."""
        # Only who was told to wait can be told so again without writing. This is a hint of ours: a
        # transaction decides, and it knows without it.
        if not settled and all(one.id in self._told for one in requests):
            waiting = self._still_waiting(requests) if requests else []
            if waiting is not None:
                return waiting
        answers: list[Answer] = []
        with self._ledger.write(actor=_ACTOR) as tx:
            self._settle(tx, settled)
            if requests:
                answers = Turn(tx, self._mend(tx), self._owner).take(requests)
        self._told -= {one.id for one in answers}
        self._told |= {one.id for one in answers if isinstance(one, Waits)}
        for permit, usage in settled.items():
            log.debug("permit.settled", permit=permit, outcome=usage.outcome)
        return answers

    def withdraw(self, ids: Sequence[str]) -> None:
        """See `Permits.withdraw`."""
        self._told.difference_update(ids)
        with self._ledger.read() as tx:
            known = _waiting(tx.line.find(ids))
        if not known:
            return
        with self._ledger.write(actor=_ACTOR) as tx:
            gone = _waiting(tx.line.find(ids))
            forget(tx, gone, now=self._clock.now())

    def wanted_back(self, run_id: str) -> list[str]:
        """See `Permits.wanted_back`."""
        with self._ledger.read() as tx:
            wanted = [one for one in tx.line.granted(run=run_id) if one.wanted_by is not None]
            if not wanted:
                return []
            wanters = tx.line.find([str(one.wanted_by) for one in wanted])
        wall = self._wall.now()
        return [one.id for one in wanted if _is_in_line(wanters.get(str(one.wanted_by)), wall)]

    def saved(self, permit_id: str) -> None:
        """See `Permits.saved`."""
        with self._ledger.write(actor=_ACTOR) as tx:
            row = tx.line.find([permit_id]).get(permit_id)
            if row is not None and row.state == "granted":
                tx.line.put([replace(row, saved_at=self._wall.now())])

    def settle(self, permit_id: str, usage: Usage) -> None:
        """See `Permits.settle`."""
        self.ask([], settled={permit_id: usage})

    def _settle(self, tx: Transaction, settled: Mapping[str, Usage]) -> None:
        """Account for what is over, and tell of soft limits that were crossed by it."""
        known = tx.line.find(list(settled))
        claims = [claim_of(row) for row in known.values()]
        # Of what was settled in their stead, only the money kept for a retry is left to give back.
        late = [
            one for one, usage in settled.items() if one not in known and not usage.attempts_left
        ]
        claims += _waiting(tx.line.find([next_attempt(one) for one in late]))
        granted = [one for one in claims if one.granted_at is not None]
        now = self._clock.now()
        forget(tx, [one for one in claims if one.granted_at is None], now=now)
        if granted:
            over = [(one, settled[one.id]) for one in granted]
            settle(tx, over, now=now, wall=self._wall.now())
            tell_crossings(tx, sorted({path for one in granted for path in one.budgets}), now=now)

    def _still_waiting(self, requests: Sequence[PermitRequest]) -> list[Answer] | None:
        """Return the answers if all of them wait on, and nothing has to be written to say so."""
        ids = [one.id for one in requests]
        with self._ledger.read() as tx:
            rows = tx.line.find(ids)
            fresh = self._wall.now() + timedelta(seconds=WAIT_LEASE_S / 2)
            if len(rows) < len(ids) or any(
                one.state != "waiting" or one.seen_until < fresh for one in rows.values()
            ):
                return None
            standing, over = self._stand(tx)
            if over:
                return None
            if self._forsaken(tx):
                self._swept_at = None
                return None
            turn = Turn(tx, standing, self._owner)
            return turn.unchanged(list(rows.values()))

    def _stand(self, tx: Transaction) -> tuple[Standing, list[Claim]]:
        """Return where everything stands, and the granted attempts that are over and not settled."""
        now, wall = self._clock.now(), self._wall.now()
        granted = [claim_of(row) for row in tx.line.granted()]
        over = [claim for claim in granted if is_over(claim, wall, self._is_dead)]
        gone = {claim.id for claim in over}
        nodes = nodes_of(tx)
        standing = Standing(
            nodes=nodes,
            balances=tx.account.balances(since(nodes, now)),
            running=[claim for claim in granted if claim.id not in gone],
            wall=wall,
            now=now,
        )
        return standing, over

    def _forsaken(self, tx: Transaction) -> list[Claim]:
        """Return the attempts that wait and that nobody is left to ask for."""
        dead = [owner for owner in tx.line.owners() if self._is_dead(owner)]
        rows = (*tx.line.lapsed(), *tx.line.waiting_for(dead))
        return list({row.id: claim_of(row) for row in rows}.values())

    def _mend(self, tx: Transaction) -> Standing:
        """Settle what died with its runner, and return where everything stands then.

        Places in line of the dead are looked for once a second: until then they only make others wait.
        """
        standing, over = self._stand(tx)
        forsaken: list[Claim] = []
        if self._swept_at is None or standing.wall - self._swept_at >= _SWEEP_EVERY:
            self._swept_at = standing.wall
            forsaken = self._forsaken(tx)
        if not over and not forsaken:
            return standing
        bury(tx, over, now=standing.now, wall=standing.wall, is_dead=self._is_dead)
        forget(tx, forsaken, now=standing.now)
        log.info("permits.buried", permits=len(over) + len(forsaken))
        return self._stand(tx)[0]


def open_permits(
    ledger: Ledger,
    clock: Clock,
    project: str,
    *,
    owner: str,
    is_dead: Callable[[str], bool],
) -> Permits:
    """Return what a runner of a project asks: `NoPermits` where nobody declared a budget for it."""
    with ledger.read() as tx:
        names = {row.name for row in tx.account.budgets()}
    if names.isdisjoint(path_of(project, "")):
        return NoPermits()
    return LedgerPermits(ledger, clock, owner=owner, is_dead=is_dead)


def _waiting(rows: Mapping[str, PermitRow]) -> list[Claim]:
    return [claim_of(row) for row in rows.values() if row.state == "waiting"]


def _is_in_line(row: PermitRow | None, wall: datetime) -> bool:
    return row is not None and row.state == "waiting" and row.seen_until > wall


__all__ = ["LedgerPermits", "open_permits"]
