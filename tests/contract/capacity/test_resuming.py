"""One saved state per step, on every ledger and blob store; an erasure purges all of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from towpath.build.capacity import CHECKPOINTS, ResumePoints
from towpath.build.capacity.states import encode_state


@pytest.fixture
def points(office, blobs) -> ResumePoints:
    return ResumePoints(office.ledger, blobs, wall=office.wall)


@pytest.fixture
def save(office, blobs, points):
    """Return what saves a state for a key as a step's process does, and has it kept."""

    def do(key: str, state: object, *, began=None) -> str | None:
        data = encode_state(state, owner=key)
        digest = blobs.area(CHECKPOINTS).put(data)
        at = began or office.wall.now()
        kept = points.keep(key, digest, len(data), attempt="run/fit/1", began=at)
        return digest if kept else None

    return do


def test_the_newest_state_is_found_and_the_one_before_goes(points, save, blobs):
    first, second = save("k", 1), save("k", 2)
    assert points.find("k") == second
    assert not blobs.area(CHECKPOINTS).exists(first)
    assert save("k", 2) == second  # a step that saves the same again keeps it
    assert blobs.area(CHECKPOINTS).exists(second)


def test_a_step_that_ended_leaves_nothing(points, save, blobs):
    save("k", 1)
    other = save("other", 1)
    points.drop(["k", "unknown"])
    assert points.find("k") is None
    assert list(blobs.area(CHECKPOINTS).walk()) == [other]
    assert [one.key for one in points.held()] == ["other"]


def test_a_purge_takes_all_and_what_nobody_recorded(points, save, blobs):
    save("k", 1)
    blobs.area(CHECKPOINTS).put(b"of a step whose runner died")
    mine = blobs.put(b"something else")
    assert points.purge() == 2
    assert points.purge() == 0
    assert list(blobs.area(CHECKPOINTS).walk()) == []
    assert points.held() == []
    assert blobs.exists(mine)


def test_who_began_before_a_purge_can_t_bring_anything_back(office, points, save, blobs):
    began = office.wall.now()
    office.pass_time(1)
    points.purge()
    office.pass_time(1)
    assert save("k", 1, began=began) is None
    assert points.find("k") is None
    assert list(blobs.area(CHECKPOINTS).walk()) == []
    assert save("k", 1, began=began + timedelta(seconds=2)) == points.find("k")
