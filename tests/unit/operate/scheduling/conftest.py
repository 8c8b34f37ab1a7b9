"""A ledger with an applied project, a clock to turn, and a worker that takes what is due."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.clock import ManualClock
from towpath.operate.scheduling import (
    BackfillReconciler,
    LedgerBackfills,
    Schedule,
    ScheduleReconciler,
)

if TYPE_CHECKING:
    from towpath.ledger import Ledger
    from towpath.ledger.records import Intent

START = datetime(2013, 3, 1, tzinfo=UTC)
RUNS = ("pipeline_run",)


@dataclass
class Shop:
    """One project's schedules and backfills. Runs end when the test says so."""

    ledger: Ledger
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))

    def __post_init__(self) -> None:
        self.backfills = LedgerBackfills(self.ledger)
        self._schedules = ScheduleReconciler(self.ledger, self.clock)
        self._backfilling = BackfillReconciler(self.ledger)
        with self.ledger.write() as tx:
            spec = {"code": "code:flights@1", "pipelines": {"train": {}}}
            tx.intents.put("project", "flights", project="flights", spec=spec, due=False)

    def declare(self, **fields: Any) -> None:
        schedule = Schedule("nightly", pipeline="train", **{"cron": "0 3 * * *", **fields})
        with self.ledger.write() as tx:
            tx.intents.put(
                "schedule",
                "flights.nightly",
                project="flights",
                spec={"project": "flights", **asdict(schedule)},
            )
        self.look()

    def look(self) -> None:
        """Let the reconcilers look once at each row, woken or not."""
        for reconciler in (self._schedules, self._backfilling):
            (kind,) = reconciler.kinds
            with self.ledger.write() as tx:
                names = [row.name for row in tx.intents.list(kind)]
            for name in names:
                with self.ledger.write() as tx:
                    tx.intents.wake(kind, name)
                    held = tx.intents.claim([kind], owner="test", lease_s=60)
                reconciler.reconcile(held)

    def turn(self, when: str) -> None:
        self.clock.advance_to(datetime.fromisoformat(when).replace(tzinfo=UTC))
        self.look()

    def runs(self, *phases: str) -> list[Intent]:
        with self.ledger.read() as tx:
            return tx.intents.list("pipeline_run", phases=phases or None, limit=10_000)

    def moments(self) -> list[str]:
        return [run.spec["at"] for run in self.runs()]

    def begin(self, owner: str = "worker") -> Intent:
        with self.ledger.write() as tx:
            held = tx.intents.claim(RUNS, owner=owner, lease_s=60)
            return tx.intents.advance(held, phase="running", keep=True)

    def end(self, phase: str = "done", held: Intent | None = None) -> str:
        held = held or self.begin()
        with self.ledger.write() as tx:
            tx.intents.advance(held, phase=phase, status={"run": "0" * 32})
        return held.name

    def schedule(self) -> Intent:
        with self.ledger.read() as tx:
            return tx.intents.get("schedule", "flights.nightly")

    def verdicts(self) -> list[tuple[str, str]]:
        answers = self.schedule().status["answers"]
        return [(one["moment"][:10], one["verdict"]) for one in answers]


@pytest.fixture
def shop(sqlite_ledger: Ledger) -> Shop:
    return Shop(sqlite_ledger)
