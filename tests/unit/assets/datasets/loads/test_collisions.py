"""Keys that meet are found, whatever falls into one range, and judged by what they are."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.datasets.loads import collisions
from towpath.assets.datasets.loads.collisions import (
    PLACE,
    Ranges,
    Suspects,
    hash_rows,
    judge,
    suspects,
)

HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=200)


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collisions, "_ROWS_PER_RANGE", 10)


def spilled(folder: Path, chunks: list[list[int]]) -> Ranges:
    ranges = Ranges(folder, "keys", np.dtype(np.uint64), rows=sum(map(len, chunks)))
    for chunk in chunks:
        ranges.add(np.array(chunk, dtype=np.uint64))
    return ranges


@pytest.mark.usefixtures("small_ranges")
def test_ranges_hold_everything_and_equal_hashes_share_one(tmp_path: Path):
    rng = np.random.default_rng(1)
    given_hashes = rng.integers(0, 2**64, 300, dtype=np.uint64)
    given_hashes[7] = given_hashes[250]
    parts = list(spilled(tmp_path, [given_hashes[:100], given_hashes[100:]]).read())
    assert len(parts) > 10
    assert sorted(np.concatenate(parts)) == sorted(given_hashes)
    assert sum(given_hashes[7] in part for part in parts) == 1
    assert list(tmp_path.iterdir()) == [], "each is let go of when it was read"


@given(hashes=HASHES, again=st.lists(st.integers(0, 199), max_size=20))
def test_no_repeated_hash_goes_unsuspected(hashes: list[int], again: list[int]):
    repeated = [hashes[place] for place in again if place < len(hashes)]
    with tempfile.TemporaryDirectory() as folder:
        found = suspects(spilled(Path(folder), [hashes, repeated]))
    assert found.among(np.array(repeated, dtype=np.uint64)).all()
    if not repeated and len(set(hashes)) == len(hashes):
        assert found.count == 0


def test_suspecting_a_million_keeps_its_bits_few():
    many = Suspects([np.random.default_rng(2).integers(0, 2**64, 1_000_000, dtype=np.uint64)])
    others = np.random.default_rng(3).integers(0, 2**64, 100_000, dtype=np.uint64)
    assert many.among(others).mean() < 0.1


def records(rows: list[tuple[int, int, int, int]]) -> np.ndarray[Any, Any]:
    """Return records of (key, row, part, place)."""
    out = np.zeros(len(rows), dtype=PLACE)
    for at, (key, row, part, place) in enumerate(rows):
        out[at] = (key, key, row, part, place)
    return out


PARTS = st.integers(-1, 3)
ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 2), PARTS, st.integers(0, 50)),
    max_size=40,
    unique_by=lambda one: (one[2], one[3]),
)


@given(rows=ROWS)
def test_the_first_stays_and_equal_ones_are_dropped(rows: list[tuple[int, int, int, int]]):
    stays: dict[int, tuple[int, int, int, int]] = {}
    dropped, clashing = set(), set()
    for one in sorted(rows, key=lambda one: one[2:]):
        first = stays.setdefault(one[0], one)
        if first is not one:
            (dropped if first[1] == one[1] else clashing).add(one[2:])
    verdict = judge(records(rows), last_wins=False)
    assert {(int(one["part"]), int(one["place"])) for one in verdict.dropped} == dropped
    assert {(int(one["part"]), int(one["place"])) for one in verdict.clashing} == clashing


@given(rows=ROWS)
def test_the_last_wins_where_it_may(rows: list[tuple[int, int, int, int]]):
    last = {one[0]: one[2:] for one in sorted(rows, key=lambda one: one[2:])}
    verdict = judge(records(rows), last_wins=True)
    dropped = {(int(one["part"]), int(one["place"])) for one in verdict.dropped}
    assert dropped == {one[2:] for one in rows} - set(last.values())
    assert verdict.clashing.size == 0


def test_keys_that_share_64_bits_and_not_128_are_two():
    two = np.zeros(2, dtype=PLACE)
    two["key"] = 7
    two["key2"] = [1, 2]
    verdict = judge(two, last_wins=False)
    assert verdict.dropped.size == verdict.clashing.size == 0


def test_equal_rows_hash_equally_and_seeds_matter():
    frame = pl.DataFrame({"a": [1, 1, 2, None, None], "b": ["x", "x", "x", None, "y"]})
    hashes = hash_rows(frame, ["a", "b"], 5)
    assert hashes[0] == hashes[1]
    assert len(set(hashes.tolist())) == 4
    assert (hashes != hash_rows(frame, ["a", "b"], 6)).all()
