"""Whatever happens in whatever order, what is reserved and settled never exceeds a cap."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from towpath.build.capacity import (
    ORGANISATION,
    Budget,
    Granted,
    LedgerPermits,
    PermitRequest,
    Queue,
    Refused,
    Usage,
    Waits,
    budget_specs,
    project_path,
    queue_path,
)
from towpath.build.capacity.limits import start_of
from towpath.build.capacity.pricing import change_prices
from towpath.build.compute import Resources
from towpath.core.clock import ManualClock
from towpath.ledger import Ledger, open_ledger
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

CAPS = {
    ORGANISATION: ("month", 60_000_000),
    project_path("flights"): ("week", 40_000_000),
    queue_path("flights", "search"): ("day", 25_000_000),
    project_path("loans"): ("day", 30_000_000),
}
PLACES = {ORGANISATION: 4, project_path("loans"): 2}
OWNERS = ("a", "b", "c")
Work = tuple[str, PermitRequest]


class CapMachine(RuleBasedStateMachine):
    """Runners that submit, start, finish, fail, are preempted and crash, beside a model of them."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        database = open_database(f"sqlite:///{folder}/towpath.db")
        self.stack.callback(database.close)
        database.migrate()
        start = datetime(2026, 3, 28, 22, tzinfo=UTC)
        self.wall, self.clock = ManualClock(start), ManualClock(start)
        self.ledger: Ledger = open_ledger(database, FileKeyring(folder / "keys"), wall=self.wall)
        self.dead: set[str] = set()
        self.count = 0
        self.waiting: list[Work] = []
        self.running: list[Work] = []
        self.lives = dict.fromkeys(OWNERS, 0)
        self.long_sleeps = 0
        self.began: dict[str, int] = {}

    def teardown(self) -> None:
        self.stack.close()

    @initialize()
    def declare(self) -> None:
        budget = Budget(usd_per_week=40, warn=[0.5])
        specs = budget_specs("flights", budget, [Queue("search", usd_per_day=25)])
        specs = {**specs, **budget_specs("loans", Budget(usd_per_day=30, steps=2), [])}
        with self.ledger.write() as tx:
            change_prices(tx, {"cpu": 3_600_000_000, "memory": 0})
            whole = Budget(usd_per_month=60, steps=4).describe()
            tx.account.put_budget(ORGANISATION, project="", spec=whole)
            for name, spec in specs.items():
                tx.account.put_budget(name, project=name.split("/")[1], spec=spec)

    def permits(self, owner: str) -> LedgerPermits:
        return LedgerPermits(
            self.ledger,
            self.clock,
            owner=f"{owner}{self.lives[owner]}",
            is_dead=self.dead.__contains__,
            wall=self.wall,
        )

    def ask(self, owner: str, request: PermitRequest) -> Any:
        (answer,) = self.permits(owner).ask([request])
        return answer

    @rule(
        project=st.sampled_from(["flights", "loans"]),
        queue=st.booleans(),
        seconds=st.integers(1, 12),
        attempts=st.integers(1, 3),
        priority=st.integers(0, 2),
        checkpointing=st.booleans(),
        owner=st.sampled_from(OWNERS),
    )
    def submit(self, *, project, queue, seconds, attempts, priority, checkpointing, owner):
        self.count += 1
        run = f"run{self.count}"
        request = PermitRequest(
            id=f"{run}/fit/1",
            project=project,
            pipeline="train",
            run_id=run,
            step="fit",
            attempts_left=attempts,
            resources=Resources(timeout_s=float(seconds), grace_s=1.0),
            queue="search" if queue and project == "flights" else "",
            priority=priority,
            checkpointing=checkpointing,
        )
        self.start((owner, request))

    def start(self, work: Work) -> Any:
        """Ask, and put the attempt where the answer says that it is now."""
        answer = self.ask(*work)
        assert isinstance(answer, Granted | Waits | Refused)
        if isinstance(answer, Granted):
            self.running.append(work)
            self.began[work[1].id] = self.long_sleeps
        elif isinstance(answer, Waits):
            # It asks again at once, and again: patience changes nothing.
            assert isinstance(self.ask(*work), Waits)
            self.waiting.append(work)
        return answer

    @precondition(lambda self: self.waiting)
    @rule(place=st.integers(0, 20))
    def ask_again(self, place):
        self.start(self.waiting.pop(place % len(self.waiting)))

    @precondition(lambda self: self.waiting)
    @rule(place=st.integers(0, 20))
    def withdraw(self, place):
        owner, request = self.waiting.pop(place % len(self.waiting))
        self.permits(owner).withdraw([request.id])

    @precondition(lambda self: self.running)
    @rule(place=st.integers(0, 20), share=st.floats(0, 1), fails=st.booleans())
    def finish(self, place, share, fails):
        owner, request = self.running.pop(place % len(self.running))
        left = request.attempts_left - 1 if fails else 0
        usage = Usage(
            seconds=share * (request.resources.timeout_s + 1),
            outcome="failed" if fails else "done",
            attempts_left=left,
        )
        self.permits(owner).settle(request.id, usage)
        if left:
            answer = self.start((owner, self.following(request, attempts_left=left)))
            # Only a place may be missing, never money: that was set aside from the start. It is kept
            # for one who slept past the attempt's end, though not for one who sleeps again.
            assert not isinstance(answer, Refused)
            if self.long_sleeps < self.began[request.id] + 2:
                assert isinstance(answer, Granted) or "may spend" not in answer.blocker

    @precondition(lambda self: self.running)
    @rule(place=st.integers(0, 20))
    def preempt(self, place):
        owner, request = self.running.pop(place % len(self.running))
        if request.id not in self.permits(owner).wanted_back(request.run_id):
            # Nobody wants its place: it was granted, and is given back before it began.
            self.permits(owner).settle(request.id, Usage(seconds=0, outcome="killed"))
            return
        usage = Usage(seconds=0.5, outcome="preempted", attempts_left=request.attempts_left)
        self.permits(owner).settle(request.id, usage)
        self.start((owner, self.following(request)))

    @rule(owner=st.sampled_from(OWNERS))
    def crash(self, owner):
        self.dead.add(f"{owner}{self.lives[owner]}")
        self.lives[owner] += 1
        self.running = [work for work in self.running if work[0] != owner]
        self.waiting = [work for work in self.waiting if work[0] != owner]

    @rule(seconds=st.sampled_from([1, 5, 40, 100, 20_000]))
    def pass_time(self, seconds):
        self.wall.advance(timedelta(seconds=seconds))
        self.clock.advance(timedelta(seconds=seconds))
        self.long_sleeps += seconds > 3600

    @staticmethod
    def following(request: PermitRequest, **changes: Any) -> PermitRequest:
        run, step, attempt = request.id.split("/")
        number = int(attempt) + 1
        settings = {name: getattr(request, name) for name in PermitRequest.__dataclass_fields__}
        settings |= {"id": f"{run}/{step}/{number}", "attempt": number, **changes}
        return PermitRequest(**settings)

    @invariant()
    def no_cap_is_exceeded(self) -> None:
        since = {name: start_of(period, self.clock.now()) for name, (period, _) in CAPS.items()}
        with self.ledger.read() as tx:
            for name, balance in tx.account.balances(since).items():
                assert balance.reserved >= 0
                assert balance.committed <= CAPS[name][1], name
            granted = tx.line.granted()
        living = [one for one in granted if one.owner not in self.dead]
        assert len(living) <= PLACES[ORGANISATION]
        assert sum(one.project == "loans" for one in living) <= 2

    @invariant()
    def balances_are_the_sums_of_the_account(self) -> None:
        with self.ledger.read() as tx:
            entries = tx.account.entries(limit=100_000)
            sums = tx.account.balances(dict.fromkeys(CAPS, datetime(2000, 1, 1, tzinfo=UTC)))
        signs = {"reserve": (1, 0), "release": (-1, 0), "settle": (0, 1), "adjust": (0, 1)}
        for name in CAPS:
            ours = [one for one in entries if counts_in(one, name)]
            assert sum(one.micros * signs[one.kind][0] for one in ours) == sums[name].reserved
            assert sum(one.micros * signs[one.kind][1] for one in ours) == sums[name].spent
        assert not [one for one in entries if one.kind == "adjust"]


def counts_in(entry: Any, name: str) -> bool:
    if name == ORGANISATION:
        return True
    if name == project_path(entry.project):
        return True
    return bool(entry.queue) and name == queue_path(entry.project, entry.queue)


def test_no_interleaving_spends_more_than_a_cap() -> None:
    run_state_machine_as_test(
        CapMachine, settings=settings(max_examples=20, stateful_step_count=30, deadline=None)
    )
