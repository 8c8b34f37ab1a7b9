"""One decision of one asker: who may start, who waits for what, and who has to make room."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from towpath.build.capacity.claims import Claim, claim_of, make_claim
from towpath.build.capacity.contract import Granted, Refused, Waits
from towpath.build.capacity.deciding import decide
from towpath.build.capacity.declaration import path_of
from towpath.build.capacity.limits import day_of
from towpath.build.capacity.preempting import victims
from towpath.build.capacity.pricing import current_prices
from towpath.build.capacity.settling import WAIT_LEASE_S, entry, forget
from towpath.build.capacity.sharing import Debts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.build.capacity.contract import Answer, PermitRequest
    from towpath.build.capacity.deciding import Decision
    from towpath.build.capacity.standing import Standing
    from towpath.ledger import PermitRow
    from towpath.ledger.contract import Transaction

log = structlog.get_logger()


class Turn:
    """Answers requests by one look at the line. Used once, inside one transaction.

    Args:
        tx: The transaction.
        standing: Where the budgets stand in it.
        owner: Who asks.
    """

    def __init__(self, tx: Transaction, standing: Standing, owner: str) -> None:
        self._tx = tx
        self._standing = standing
        self._owner = owner
        self._prices = current_prices(tx)
        self._until = standing.wall + timedelta(seconds=WAIT_LEASE_S)

    def take(self, requests: Sequence[PermitRequest]) -> list[Answer]:
        """Answer requests, and write down what was granted and who waits.

        Raises:
            UsageError: One of them can't be meant; nothing is written.
        """
        answers: dict[str, Answer] = {}
        known = self._tx.line.find([one.id for one in requests])
        new: list[Claim] = []
        again: list[Claim] = []
        for place, request in enumerate(requests):
            row = known.get(request.id)
            if row is not None and row.state == "granted":
                answers[row.id] = _granted(claim_of(row))
                continue
            claim = self._claim(request, row, place)
            refusal = self._standing.refusal(claim)
            if refusal is not None:
                answers[claim.id] = Refused(id=claim.id, error=refusal)
                if row is not None:
                    forget(self._tx, [claim], now=self._standing.now)
            elif row is None:
                new.append(claim)
            else:
                again.append(claim)
        self._tx.line.put([claim.row("waiting", self._until) for claim in again])
        decision = self._decide(new, again)
        ours = {one.id for one in requests} - answers.keys()
        answers |= self._grant([claim for claim in decision.starts if claim.id in ours])
        late = [claim for claim in new if claim.id not in answers]
        self._tx.line.put([claim.row("waiting", self._until) for claim in late])
        self._make_room([one for name, (one, _) in decision.blocked.items() if name in ours])
        answers |= {name: self._wait(name, decision) for name in ours - answers.keys()}
        return [answers[one.id] for one in requests]

    def unchanged(self, rows: Sequence[PermitRow]) -> list[Answer] | None:
        """Answer attempts that wait already, without writing; None if something is to be written."""
        decision = self._decide([], [claim_of(row) for row in rows])
        ours = {row.id for row in rows}
        blocked = [claim for name, (claim, _) in decision.blocked.items() if name in ours]
        if any(claim.id in ours for claim in decision.starts):
            return None
        if any(victims(self._standing, claim) for claim in blocked):
            return None
        return [self._wait(row.id, decision) for row in rows]

    def _claim(self, request: PermitRequest, row: PermitRow | None, place: int) -> Claim:
        """Work out a request's numbers. Who waits has today's prices; who holds money, that day's.

        Requests of one call came one after the other, a microsecond apart: a line has no ties within.
        """
        if row is not None:
            before = claim_of(row)
            if before.reserved:
                return replace(before, owner=self._owner)
        return make_claim(
            request,
            self._standing.nodes,
            self._prices,
            owner=self._owner,
            asked_at=self._standing.wall + timedelta(microseconds=place)
            if row is None
            else row.asked_at,
        )

    def _decide(self, new: Sequence[Claim], again: Sequence[Claim]) -> Decision:
        standing = self._standing
        shares = self._tx.line.shares()
        debts = Debts(shares, standing.running, standing.nodes, standing.now)
        return decide(self._tx, standing, debts, new, again=again)

    def _grant(self, starts: Sequence[Claim]) -> dict[str, Answer]:
        standing = self._standing
        granted: list[Claim] = []
        entries = []
        names = self._account_names([start.id for start in starts if start.day is None])
        for start in starts:
            claim = replace(start, granted_at=standing.wall)
            if start.day is None:
                budgets = path_of(start.project, start.queue)
                day = day_of(standing.now)
                name = names[start.id]
                claim = replace(claim, account=name, day=day, budgets=budgets, reserved=start.worst)
                body = {"unit": claim.unit, "executions": claim.executions}
                entries.append(entry(claim, "reserve", claim.worst, at=standing.now, body=body))
            granted.append(claim)
        self._tx.account.append(entries)
        self._tx.line.put([claim.row("granted", self._until) for claim in granted])
        return {claim.id: _granted(claim) for claim in granted}

    def _account_names(self, ids: Sequence[str]) -> dict[str, str]:
        """Return attempts' names in the account, where one that was given back unused stands too."""
        names, number = {one: one for one in ids}, 1
        while ids:
            taken = self._tx.account.reserved([names[one] for one in ids])
            number += 1
            ids = [one for one in ids if names[one] in taken]
            names |= {one: f"{one}#{number}" for one in ids}
        return names

    def _make_room(self, blocked: Sequence[Claim]) -> None:
        """Tell whom a waiting attempt of higher priority needs the place of."""
        running = self._standing.running
        for claim in blocked:
            for victim in victims(self._standing, claim):
                told = replace(victim, wanted_by=claim.id)
                running[running.index(victim)] = told
                self._tx.line.put([told.row("granted", self._until)])
                log.debug("permit.wanted_back", permit=victim.id, wanted_by=claim.id)

    def _wait(self, name: str, decision: Decision) -> Waits:
        return explain(name, decision, self._standing)


def explain(name: str, decision: Decision, standing: Standing) -> Waits:
    """Return what an attempt that was not started waits for."""
    if name in decision.blocked:
        claim, obstacles = decision.blocked[name]
        asked = sum(one.wanted_by == name for one in standing.running)
        room = f"; {asked} of lower priority asked to stop" if asked else ""
        resumes_at = standing.resumes_at(obstacles)
        return Waits(id=claim.id, blocker=obstacles[0].text + room, resumes_at=resumes_at)
    if name in decision.overtaken:
        head = decision.overtaken[name]
        blocker = (
            f"step {head.step!r} of run {head.run} (project {head.project!r}) waits in front, "
            "and starting this one could delay it"
        )
        return Waits(id=name, blocker=blocker)
    return Waits(id=name, blocker="more than 20 attempts wait in front in its queue")


def _granted(claim: Claim) -> Granted:
    return Granted(id=claim.id, resources=claim.resources, reserved_micros=claim.reserved)
