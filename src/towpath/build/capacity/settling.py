"""How a reservation becomes its real cost, whoever is left to say so."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from towpath.build.capacity.contract import Usage
from towpath.build.capacity.money import cost, millis
from towpath.build.capacity.pricing import prices_of
from towpath.build.capacity.sharing import record_use
from towpath.ledger import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from towpath.build.capacity.claims import Claim
    from towpath.ledger import EntryKind, PermitRow
    from towpath.ledger.contract import Transaction

WAIT_LEASE_S = 30.0
"""How long a place in line is kept for somebody who does not ask."""
_RETRY_LEASE = timedelta(hours=1)
_MARGIN = timedelta(minutes=1)


def settle(
    tx: Transaction, over: Iterable[tuple[Claim, Usage]], *, now: datetime, wall: datetime
) -> None:
    """Write down what attempts cost, free what they did not, and pass on what retries may cost.

    The cost never exceeds what one execution was reserved for: a supervisor ended it by then. If one
    took longer all the same, the rest is an `adjust` of its own, so that no reservation is overdrawn
    in silence. Where an attempt may follow, it waits in line now. Takes a handful of statements,
    however many attempts there are.

    Args:
        tx: An open write transaction.
        over: The attempts, granted, and what they took.
        now: Event time.
        wall: Wall time.
    """
    entries: list[Entry] = []
    gone: list[str] = []
    following: list[PermitRow] = []
    used: defaultdict[str, int] = defaultdict(int)
    for claim, usage in over:
        took = cost(claim.size, millis(usage.seconds), prices_of(tx, claim.prices).rates)
        used[claim.project] += took
        gone.append(claim.id)
        entries += _charged(claim, usage, took, now)
        successor = _following(claim, usage)
        if successor is not None:
            if successor.reserved:
                entries.append(entry(successor, "reserve", successor.reserved, at=now))
            lease = _RETRY_LEASE if successor.reserved else timedelta(seconds=WAIT_LEASE_S)
            following.append(successor.row("waiting", wall + lease))
    tx.account.append(entries)
    tx.line.remove(gone)
    tx.line.put(following)
    for project, micros in used.items():
        record_use(tx, project, micros, now)


def _charged(claim: Claim, usage: Usage, took: int, now: datetime) -> Iterator[Entry]:
    ms = millis(usage.seconds)
    body: dict[str, object] = {"ms": ms, "outcome": usage.outcome, "attempt": claim.attempt}
    body |= {"cpu_ms": millis(usage.cpu_s), "peak_bytes": usage.peak_bytes}
    yield entry(claim, "settle", min(took, claim.unit), at=now, body=body)
    yield entry(claim, "release", claim.reserved, at=now)
    if took > claim.unit:
        over = {"why": "it took longer than its limit", "ms": ms, "limit_ms": claim.limit_ms}
        yield entry(claim, "adjust", took - claim.unit, at=now, body=over)


def entry(
    claim: Claim,
    kind: EntryKind,
    micros: int,
    *,
    at: datetime,
    body: Mapping[str, object] | None = None,
) -> Entry:
    """Return a line of the account about an attempt."""
    assert claim.day is not None
    return Entry(
        permit=claim.account,
        kind=kind,
        at=at,
        day=claim.day,
        project=claim.project,
        queue=claim.queue,
        pipeline=claim.pipeline,
        run=claim.run,
        step=claim.step,
        cause=claim.cause,
        micros=micros,
        prices=claim.prices,
        body=body or {},
        budgets=claim.budgets,
    )


def _following(claim: Claim, usage: Usage) -> Claim | None:
    if usage.outcome == "preempted":
        # It keeps its place in line, and stands there without money.
        return claim.following(reserved=0, day=None, budgets=())
    if usage.attempts_left < 1:
        return None
    executions = min(usage.attempts_left, claim.executions - 1)
    if executions < 1:
        return None
    return claim.following(executions=executions, reserved=claim.unit * executions)


def is_over(claim: Claim, wall: datetime, is_dead: Callable[[str], bool]) -> bool:
    """Tell whether a granted attempt has certainly ended, whoever is left to settle it."""
    if is_dead(claim.owner):
        return True
    assert claim.granted_at is not None
    return wall > claim.granted_at + timedelta(milliseconds=claim.limit_ms) + _MARGIN


def bury(
    tx: Transaction,
    over: Iterable[Claim],
    *,
    now: datetime,
    wall: datetime,
    is_dead: Callable[[str], bool],
) -> None:
    """Settle granted attempts that ended and that their runners did not settle.

    When one died is not known: it is charged until now, at most what one execution can cost. A runner
    that may live, on a machine that slept or can't be reached, finds its retry's money kept for an hour.
    """

    def usage_of(claim: Claim) -> Usage:
        assert claim.granted_at is not None
        ran_s = max(0.0, (wall - claim.granted_at).total_seconds())
        left = 0 if is_dead(claim.owner) else claim.executions - 1
        seconds = min(claim.limit_ms / 1000, ran_s)
        return Usage(seconds=seconds, outcome="killed", attempts_left=left)

    settle(tx, [(claim, usage_of(claim)) for claim in over], now=now, wall=wall)


def forget(tx: Transaction, claims: Iterable[Claim], *, now: datetime) -> None:
    """Take waiting attempts out of the line, and free what the attempts before passed on to them."""
    gone = list(claims)
    tx.account.append(
        [entry(claim, "release", claim.reserved, at=now) for claim in gone if claim.reserved]
    )
    tx.line.remove([claim.id for claim in gone])
