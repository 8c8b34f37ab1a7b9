"""When layers merge: often enough to keep reads cheap, seldom enough to keep versions small."""

from __future__ import annotations

import pytest

from towpath.assets.datasets.changes.piling import LARGE_RUNS_MOST, RUNS_MOST, runs_due


@pytest.mark.parametrize(
    ("entries", "runs", "due"),
    [
        (5, [], 0),
        (5, [5] * 6, 0),
        (5, [5] * 7, 7),
        # A larger layer below stays, until as many of its own size lie on it.
        (5, [5] * 6 + [50], 0),
        (5, [5] * 7 + [50], 7),
        (5, [5] * 7 + [50] * 7, 14),
        # A large one on top takes the small ones below it along when it is their turn.
        (50, [5] * 7, 7),
        (50, [5] * 6 + [500], 0),
        # Large layers are cheap to read, and dear to write again.
        (10_000, [10_000] * 30, 0),
        (10_000, [10_000] * 31, 31),
    ],
)
def test_layers_of_like_size_become_one(entries: int, runs: list[int], due: int):
    assert runs_due(entries, runs) == due


def test_a_row_is_written_again_once_per_power_and_layers_stay_few():
    """Of many equal changes: what is written in all, and how high the pile gets."""
    runs: list[int] = []
    written = highest = 0
    for _ in range(RUNS_MOST**3):
        due = runs_due(1, runs)
        runs = [1 + sum(runs[:due]), *runs[due:]]
        written += runs[0]
        highest = max(highest, len(runs))
    assert sum(runs) == RUNS_MOST**3
    assert written <= 4 * RUNS_MOST**3
    assert highest <= 3 * (RUNS_MOST - 1)


def test_changes_of_thousands_of_rows_are_not_written_again_soon():
    runs: list[int] = []
    written = 0
    for _ in range(LARGE_RUNS_MOST - 1):
        due = runs_due(5_000, runs)
        runs = [5_000 + sum(runs[:due]), *runs[due:]]
        written += runs[0]
    assert written == 5_000 * (LARGE_RUNS_MOST - 1)
