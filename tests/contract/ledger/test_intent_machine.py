"""Leases against a model: whatever happens in whatever order, one holder, and no lost wake-up."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from towpath.core.clock import ManualClock, to_micros
from towpath.core.errors import FenceLost
from towpath.ledger import open_ledger
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.ledger import Intent

LEASE_S = 10
names = st.sampled_from(["a", "b"])
owners = st.sampled_from(["one", "two"])


class Row:
    """What the contract says about one row, as plainly as it can be said."""

    def __init__(self, now: datetime) -> None:
        self.spec = 0
        self.generation = 1
        self.due_at: datetime | None = now
        self.owner: str | None = None
        self.lease_until = now
        self.fence = to_micros(now)
        self.disturbed = False

    def claimable(self, now: datetime) -> bool:
        return (
            self.due_at is not None
            and self.due_at <= now
            and (self.owner is None or self.lease_until <= now)
        )


class Leases(RuleBasedStateMachine):
    migrated: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=self.migrated.parent))
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        shutil.copy(self.migrated, self.folder / "towpath.db")
        self.database = open_database(f"sqlite:///{self.folder}/towpath.db")
        self.ledger = open_ledger(self.database, FileKeyring(self.folder / "keys"), wall=self.clock)
        self.rows: dict[str, Row] = {}
        self.claims: list[Intent] = []

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    @rule(name=names, spec=st.integers(0, 2))
    def put(self, name: str, spec: int) -> None:
        with self.ledger.write() as tx:
            tx.intents.put("task", name, project="p", spec={"n": spec})
        row = self.rows.get(name)
        if row is None:
            row = self.rows[name] = Row(self.clock.now())
            row.spec = spec
        elif row.spec != spec:
            row.spec, row.generation = spec, row.generation + 1
            row.due_at, row.disturbed = self.clock.now(), row.owner is not None

    @rule(name=names)
    def wake(self, name: str) -> None:
        with self.ledger.write() as tx:
            tx.intents.wake("task", name)
        if row := self.rows.get(name):
            now = self.clock.now()
            row.due_at = now if row.due_at is None else min(now, row.due_at)
            row.disturbed = row.owner is not None

    @rule(owner=owners)
    def claim(self, owner: str) -> None:
        now = self.clock.now()
        with self.ledger.write() as tx:
            held = tx.intents.claim(["task"], owner=owner, lease_s=LEASE_S)
        free = {name: row for name, row in self.rows.items() if row.claimable(now)}
        if held is None:
            assert not free
            return
        row = free[held.name]
        assert row.due_at == min(r.due_at for r in free.values() if r.due_at)
        row.owner, row.fence, row.disturbed = owner, row.fence + 1, False
        row.lease_until = now + timedelta(seconds=LEASE_S)
        assert (held.fence, held.generation, held.spec) == (
            row.fence,
            row.generation,
            {"n": row.spec},
        )
        self.claims.append(held)

    @rule(
        which=st.integers(0, 50), due_in_s=st.none() | st.sampled_from([0, 5]), keep=st.booleans()
    )
    def advance(self, which: int, due_in_s: float | None, keep: bool) -> None:
        if not self.claims:
            return
        held = self.claims[which % len(self.claims)]
        row, now = self.rows[held.name], self.clock.now()
        try:
            with self.ledger.write() as tx:
                tx.events.append("effect.done", f"task:{held.name}", fence=held.fence)
                after = tx.intents.advance(held, due_in_s=due_in_s, keep=keep)
        except FenceLost:
            assert not self.holds(held)
            return
        assert self.holds(held)
        if keep:
            row.due_at = row.due_at or now
            self.claims.append(after)
            return
        again = row.disturbed or row.generation != held.generation
        later = None if due_in_s is None else now + timedelta(seconds=due_in_s)
        row.owner, row.disturbed, row.due_at = None, False, now if again else later

    @rule(which=st.integers(0, 50))
    def renew(self, which: int) -> None:
        if not self.claims:
            return
        held = self.claims[which % len(self.claims)]
        try:
            with self.ledger.write() as tx:
                tx.intents.renew(held, lease_s=LEASE_S)
        except FenceLost:
            assert not self.holds(held)
        else:
            assert self.holds(held)
            self.rows[held.name].lease_until = self.clock.now() + timedelta(seconds=LEASE_S)

    @rule(owner=owners)
    def bury(self, owner: str) -> None:
        with self.ledger.write() as tx:
            released = tx.intents.release(owner)
        dead = [row for row in self.rows.values() if row.owner == owner]
        assert released == len(dead)
        for row in dead:
            row.owner = None

    @rule(seconds=st.sampled_from([1, 5, 11]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    @invariant()
    def rows_agree(self) -> None:
        with self.ledger.read() as tx:
            kept = {row.name: row for row in tx.intents.list("task")}
            due = tx.intents.is_due(["task"])
        assert due == any(row.claimable(self.clock.now()) for row in self.rows.values())
        assert set(kept) == set(self.rows)
        for name, row in self.rows.items():
            seen = kept[name]
            assert (seen.owner, seen.fence, seen.generation) == (
                row.owner,
                row.fence,
                row.generation,
            )
            assert seen.due_at == row.due_at

    def holds(self, held: Intent) -> bool:
        row = self.rows[held.name]
        return row.owner == held.owner and row.fence == held.fence


@pytest.fixture
def machine(migrated_file: Path) -> Iterator[type[Leases]]:
    Leases.migrated = migrated_file
    return Leases


def test_leases_keep_their_promises(machine: type[Leases]) -> None:
    run_state_machine_as_test(
        machine, settings=settings(max_examples=25, stateful_step_count=30, deadline=None)
    )
