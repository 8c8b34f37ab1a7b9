"""Fixtures for permits: a ledger on a clock that the test moves, and runners that share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from towpath.build.capacity import (
    ORGANISATION,
    Budget,
    Granted,
    LedgerPermits,
    PermitRequest,
    Queue,
    Usage,
    budget_specs,
    project_path,
)
from towpath.build.capacity.pricing import change_prices
from towpath.build.compute import Resources
from towpath.core.clock import ManualClock
from towpath.ledger import Balance, Ledger, open_ledger
from towpath.storage.database import Database
from towpath.storage.keys import Keyring

CPU_HOUR = 3_600_000_000
"""Micro-units for a core's hour: a core costs one unit of the currency a millisecond, as it were:
1,000,000 micro-units a second, so amounts in tests read as seconds of a core."""


@dataclass
class Office:
    """Budgets and runners over one ledger; what dies, dies by name."""

    ledger: Ledger
    clock: ManualClock
    wall: ManualClock
    dead: set[str] = field(default_factory=set)

    def declare(
        self, project: str, budget: Budget | None = None, queues: Sequence[Queue] = ()
    ) -> None:
        with self.ledger.write() as tx:
            if project == ORGANISATION:
                assert budget is not None
                tx.account.put_budget(ORGANISATION, project="", spec=budget.describe())
                return
            for name, spec in budget_specs(project, budget, queues).items():
                tx.account.put_budget(name, project=project, spec=spec)

    def runner(self, owner: str = "a") -> LedgerPermits:
        return LedgerPermits(
            self.ledger, self.clock, owner=owner, is_dead=self.dead.__contains__, wall=self.wall
        )

    def pass_time(self, seconds: float) -> None:
        self.wall.advance(timedelta(seconds=seconds))
        self.clock.advance(timedelta(seconds=seconds))

    def balance(self, budget: str) -> Balance:
        with self.ledger.read() as tx:
            return tx.account.balances({budget: datetime(2000, 1, 1, tzinfo=UTC)})[budget]

    def spent(self, project: str) -> int:
        return self.balance(project_path(project)).spent


@pytest.fixture
def office(database: Database, keyring: Keyring) -> Office:
    start = datetime(2026, 3, 10, 12, tzinfo=UTC)
    wall = ManualClock(start)
    ledger = open_ledger(database, keyring, wall=wall)
    with ledger.write() as tx:
        change_prices(tx, {"cpu": CPU_HOUR, "memory": 0})
    return Office(ledger=ledger, clock=ManualClock(start), wall=wall)


@pytest.fixture
def request_for() -> Callable[..., PermitRequest]:
    """Return what makes a request: of one core for ten seconds, unless told otherwise."""

    def make(name: str, project: str = "flights", **changes: Any) -> PermitRequest:
        limits = {"cpus": 1, "timeout_s": 10.0, "grace_s": 0.0}
        limits |= {
            key: changes.pop(key)
            for key in list(changes)
            if key in (*limits, "gpus", "gpu_kind", "memory_bytes")
        }
        settings: dict[str, Any] = {"pipeline": "train", "run_id": f"run-{name}", "step": "fit"}
        return PermitRequest(
            id=f"run-{name}/fit/{changes.get('attempt', 1)}",
            project=project,
            resources=Resources(**limits),
            **settings | changes,
        )

    return make


@pytest.fixture
def take(office: Office) -> Callable[..., str]:
    """Return what asks for a request that must be granted, and gives its id."""

    def grant(permits: LedgerPermits, request: PermitRequest) -> str:
        (answer,) = permits.ask([request])
        assert isinstance(answer, Granted), answer
        return answer.id

    return grant


@pytest.fixture
def over() -> Callable[..., Usage]:
    """Return what says that an attempt is over."""

    def make(seconds: float, outcome: str = "done", **changes: Any) -> Usage:
        return Usage(seconds=seconds, outcome=outcome, **changes)

    return make
