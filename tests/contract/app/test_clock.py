"""A replayed clock stands in the ledger: every process sees it, it never goes back, it wakes others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from towpath.app.clock import ReplayClock, open_clock
from towpath.core.clock import SystemClock
from towpath.core.errors import InvalidName
from towpath.ledger import Ledger

NOON = datetime(2013, 3, 1, 12, tzinfo=UTC)
LATER = timedelta(hours=3)
ASLEEP_S = 3600.0


def test_until_it_is_set_it_is_the_systems(ledger: Ledger):
    before = datetime.now(UTC)
    assert before <= ReplayClock(ledger).now() <= datetime.now(UTC)


def test_everybody_sees_where_it_stands(ledger: Ledger):
    assert ReplayClock(ledger).advance_to(NOON) == NOON
    assert ReplayClock(ledger).now() == NOON
    assert open_clock(ledger, replay=True).now() == NOON
    assert isinstance(open_clock(ledger, replay=False), SystemClock)


def test_it_never_goes_back(ledger: Ledger):
    clock = ReplayClock(ledger)
    clock.advance_to(NOON)
    assert clock.advance_to(NOON - LATER) == NOON
    assert clock.now() == NOON


def test_it_can_be_set_into_the_past_of_the_system_and_only_with_a_zone(ledger: Ledger):
    clock = ReplayClock(ledger)
    local = NOON.astimezone(timezone(timedelta(hours=-5)))
    assert clock.advance_to(local) == NOON
    with pytest.raises(InvalidName, match="no time zone"):
        clock.advance_to(NOON.replace(tzinfo=None))
    assert clock.now() == NOON


@pytest.mark.parametrize("kind", ["monitor", "rollout", "trigger"])
def test_moving_it_wakes_what_waits_for_time(ledger: Ledger, kind: str):
    with ledger.write() as tx:
        tx.intents.put(kind, "sleeping", project="flights", spec={})
        tx.intents.put(kind, "done", project="flights", spec={})
        for _ in range(2):
            held = tx.intents.claim([kind], owner="test", lease_s=5)
            assert held is not None
            due_in_s = ASLEEP_S if held.name == "sleeping" else None
            tx.intents.advance(held, due_in_s=due_in_s)
        assert not tx.intents.is_due([kind])

    ReplayClock(ledger).advance_to(NOON)
    with ledger.write() as tx:
        woken = tx.intents.claim([kind], owner="test", lease_s=5)
        assert woken is not None
        assert woken.name == "sleeping"
        assert tx.intents.claim([kind], owner="test", lease_s=5) is None, "what is done was woken"


def test_moving_it_is_no_event(ledger: Ledger):
    clock = ReplayClock(ledger)
    clock.advance_to(NOON)
    with ledger.read() as tx:
        before = tx.events.size()
    clock.advance_to(NOON + LATER)
    with ledger.read() as tx:
        assert tx.events.size() == before
