"""Which event time requests have: theirs where time is replayed, else the clock's."""

from __future__ import annotations

import pytest

from towpath.core.clock import ManualClock, parse_time, to_micros
from towpath.core.errors import InvalidRequest
from towpath.gateway.moments import Moments

NOON = parse_time("2013-03-01T12:00:00Z")
HOUR_US = 3_600_000_000


@pytest.mark.parametrize("replay", [True, False])
def test_observations_are_taken_in_now_or_when_they_were_true_in_a_replay(replay: bool):
    moments = Moments(ManualClock(NOON), replay=replay)
    now_us = to_micros(NOON)
    assert moments.of_push(now_us - HOUR_US) == now_us
    assert moments.of_push(now_us + HOUR_US) == now_us + (HOUR_US if replay else 0)


def test_a_decision_chooses_its_time_in_a_replay_only():
    said = "2013-03-01T13:00:00Z"
    assert Moments(ManualClock(NOON), replay=True).of_decision(said) == to_micros(NOON) + HOUR_US
    live = Moments(ManualClock(NOON), replay=False)
    assert live.of_decision(None) == to_micros(NOON)
    with pytest.raises(InvalidRequest):
        live.of_decision(said)
