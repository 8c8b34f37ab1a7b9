"""The demo holds its clock until everything that follows time has looked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from towpath.app.clock import ReplayClock
from towpath.core.errors import Unavailable
from towpath.demo.watching import Watcher
from towpath.ledger import Ledger

NOON = datetime(2013, 3, 1, 12, tzinfo=UTC)
ASLEEP_S = 3600.0


@pytest.fixture
def watcher(sqlite_ledger: Ledger) -> Watcher:
    return Watcher(sqlite_ledger, lambda: True)


def look(ledger: Ledger, kind: str, *, again_in_s: float | None, phase: str = "watching") -> None:
    """Do what a controller does."""
    with ledger.write() as tx:
        held = tx.intents.claim([kind], owner="test", lease_s=5)
        assert held is not None
        tx.intents.advance(held, phase=phase, due_in_s=again_in_s)


def unsettled(watcher: Watcher) -> bool:
    try:
        watcher.settle(within_s=0.0)
    except Unavailable:
        return True
    return False


@pytest.mark.parametrize("kind", ["monitor", "trigger", "schedule", "rollout"])
def test_it_waits_for_everybody_to_look_at_the_new_time(
    sqlite_ledger: Ledger, watcher: Watcher, kind: str
):
    with sqlite_ledger.write() as tx:
        tx.intents.put(kind, "board", project="flights", spec={})
    look(sqlite_ledger, kind, again_in_s=ASLEEP_S)

    ReplayClock(sqlite_ledger).advance_to(NOON)
    assert unsettled(watcher), "it did not wait for a look at the new time"
    look(sqlite_ledger, kind, again_in_s=ASLEEP_S)
    assert not unsettled(watcher)


def test_it_waits_for_runs(sqlite_ledger: Ledger, watcher: Watcher):
    with sqlite_ledger.write() as tx:
        tx.intents.put("pipeline_run", "one", project="flights", spec={})
    assert unsettled(watcher)
    look(sqlite_ledger, "pipeline_run", again_in_s=None, phase="done")
    assert not unsettled(watcher)


def test_what_has_ended_is_not_waited_for(sqlite_ledger: Ledger, watcher: Watcher):
    with sqlite_ledger.write() as tx:
        tx.intents.put("rollout", "one", project="flights", spec={})
    look(sqlite_ledger, "rollout", again_in_s=None, phase="done")
    assert not unsettled(watcher)


def test_a_server_that_is_gone_is_not_waited_for(sqlite_ledger: Ledger):
    watcher = Watcher(sqlite_ledger, lambda: False)
    with pytest.raises(Unavailable, match="server is gone") as caught:
        watcher.until(lambda _: False, "anything", within_s=60)
    assert caught.value.exit_code == 5
