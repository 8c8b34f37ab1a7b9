"""Kill -9 at every point where a judged commit touches the world: both versions, or neither."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from fused_store import FusedStore, Nursery
from judged_rides import rides, rows

from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACTION = """
from judged_rides import rides, rows
store.commit(rides(), rows(4, 4, km=[1.0, 500.0, 2.0, 600.0]), project="p")
"""
LOAD = """
from judged_rides import rides, rows
with store.load(rides(), project="p", name="n") as load:
    begin = 4 if load.position is None else load.position["at"]
    for first in range(begin, 8, 2):
        load.write(rows(first, 2, km=[1.0, 500.0]), position={"at": first + 2})
    load.commit()
"""


def ids(opened: FusedStore, name: str) -> list[str]:
    if not opened.store.versions(name):
        return []
    return sorted(opened.store.scan(Ref("dataset", name)).collect()["ride_id"])


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    opened = Nursery()
    yield opened
    opened.close()


def survive(tmp_path: Path, nursery: Nursery, action: str, *, together: bool) -> int:
    """Die at each moment in turn; look at what is left, and do it again. Returns how many there are."""
    begun = tmp_path / "begun"
    begun.mkdir()
    before = FusedStore(begun)
    before.store.commit(rides(), rows(0, 4), project="p")
    before.close()
    for moment in range(1, 200):
        home = shutil.copytree(begun, tmp_path / str(moment))
        died = nursery.dies(home, moment, action)
        opened = FusedStore(home)
        kept, aside = ids(opened, "rides"), ids(opened, "rides.quarantine")
        old = ["r000", "r001", "r002", "r003"]
        new = [*old, "r004", "r006"]
        assert kept in (old, new)
        assert aside in ([], ["r005", "r007"])
        if together:
            assert (kept == new) == (aside != []), f"one without the other at moment {moment}"
        else:
            assert aside or kept == old, f"rows lost at moment {moment}"
        exec(action, {"store": opened.store})  # the same that the child did
        assert ids(opened, "rides") == new
        assert ids(opened, "rides.quarantine") == ["r005", "r007"]
        opened.close()
        if not died:
            return moment
    raise AssertionError("it never got through")


def test_a_killed_commit_leaves_both_or_neither(tmp_path: Path, nursery: Nursery):
    assert survive(tmp_path, nursery, ACTION, together=True) > 5


def test_a_killed_load_is_carried_on_and_sets_nothing_aside_twice(tmp_path: Path, nursery: Nursery):
    assert survive(tmp_path, nursery, LOAD, together=False) > 10
