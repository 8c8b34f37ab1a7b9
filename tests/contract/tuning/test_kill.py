"""Kill -9 at every moment at which a run with a search touches the world: resumed, nothing is redone or lost."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from killed_searches import NEVER, Nursery, SearchHome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


def begun(notes: list[str]) -> list[str]:
    return [note.removeprefix("began ") for note in notes if note.startswith("began")]


def test_a_search_is_continued_from_every_moment_of_death(
    nursery: Nursery, tmp_path: Path, migrated_file: Path
) -> None:
    deaths = 0
    for moment in range(1, NEVER):
        home = tmp_path / str(moment)
        home.mkdir()
        shutil.copy(migrated_file, home / "towpath.db")
        status = nursery.run(home, moment)
        assert status in (0, -signal.SIGKILL), f"moment {moment}: it failed by itself"
        with SearchHome(home) as parts:
            over, before = parts.over(), parts.notes()
            if status == 0:
                break
            deaths += 1
            assert nursery.run(home, NEVER) == 0, f"moment {moment}: it could not be continued"
            _check(parts, over, before, moment)
    assert deaths > 15, deaths


def test_a_trial_that_was_cut_short_begins_again_and_the_others_do_not(
    nursery: Nursery, tmp_path: Path, migrated_file: Path
) -> None:
    shutil.copy(migrated_file, tmp_path / "towpath.db")
    for deadly in ("deadly-0.5", "deadly-0.25"):
        (tmp_path / deadly).touch()
    assert nursery.run(tmp_path, NEVER) == -signal.SIGKILL
    assert nursery.run(tmp_path, NEVER) == -signal.SIGKILL
    assert nursery.run(tmp_path, NEVER) == 0
    with SearchHome(tmp_path) as parts:
        assert sorted(parts.over()) == [0, 1, 2, 3]
        times = Counter(begun(parts.notes()))
    assert (times["0.5"], times["0.25"], times["0.99"]) == (2, 2, 1)
    assert sorted(times.values()) == [1, 1, 2, 2]


def _check(parts: SearchHome, over: dict[int, Any], before: list[str], moment: int) -> None:
    after = parts.over()
    again = begun(parts.notes()[len(before) :])
    assert sorted(after) == [0, 1, 2, 3], f"moment {moment}: a trial was lost"
    for number, trial in over.items():
        assert after[number].point == trial.point, f"moment {moment}: trial {number} moved"
        assert after[number].state == trial.state
        assert str(trial.point["x"]) not in again, f"moment {moment}: trial {number} was redone"
    assert len(again) == len(set(again))
    assert {n: trial.state for n, trial in after.items()}[1] == "failed"
    with parts.ledger.read() as tx:
        assert tx.runs.list(status="running") == [], f"moment {moment}: a run was left open"
