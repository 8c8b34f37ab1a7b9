"""Layouts of many partitions and segments answer as one sorted table does."""

from __future__ import annotations

import random
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from towpath.assets.datasets import ParquetDatasetStore
from towpath.assets.features import join_view, laying_out
from towpath.assets.features.laying_out import Laid, LayingOut
from towpath.assets.features.layout import layout_of
from towpath.assets.features.newest import newest_batches
from towpath.assets.features.reading import join_layout
from towpath.assets.features.shape import shape_of
from towpath.assets.features.spilling import spilled


class Shelf:
    """Keeps files at once, without a record."""

    def __init__(self, blobs: Any) -> None:
        self.blobs = blobs

    def put(self, encoded: Any) -> None:
        for data in encoded.files:
            self.blobs.put(data)


class Yard:
    """A source that grows, and what lays it out in small parts."""

    def __init__(self, weather: Any, ledger: Any, blobs: Any, keyring: Any) -> None:
        self.weather = weather
        self.blobs = blobs
        self.view = weather.view(created="made", ttl="40m")
        self._datasets = ParquetDatasetStore(ledger, blobs, keyring)
        self.work = LayingOut(blobs, Shelf(blobs), maker="run", rows_per_partition=64)
        self.seen = weather.reports()
        self.random = random.Random(7)
        self.numbers = count()

    def grow(self, rows: int) -> str:
        """Append reports, and return the manifest of the version that has them."""
        fresh = self.weather.reports(
            *(
                (
                    next(self.numbers),
                    f"station {self.random.randrange(20)}",
                    self.random.randrange(100),
                    self.random.choice([None, self.random.randrange(150)]),
                )
                for _ in range(rows)
            )
        )
        # No two of one station, minute and made: those are laid out anew, which is tried elsewhere.
        unique = pl.concat([self.seen, fresh]).unique(
            ["origin", "observed", "made"], keep="first", maintain_order=True
        )
        self.seen = unique
        version = self._datasets.commit(self.weather.source, unique, project="p")
        return version.body["manifest"]

    def check(self, laid: Laid) -> None:
        """Compare the layout's answers with those of the source's rows."""
        rows = self.weather.askers(
            *((f"station {self.random.randrange(22)}", minute % 150) for minute in range(300)),
            (None, 3),
        ).unique(maintain_order=True)
        for mode in ("known", "event"):
            expected = join_view(rows, self.view, self.seen, time="when", mode=mode)
            wanted = self.view.lookup().wanted
            layout = layout_of(laid.layout.to_json())
            joined = join_layout(rows, wanted, layout, self.blobs, time="when", mode=mode)
            assert joined.equals(expected)
        assert laid.entities == self.seen["origin"].n_unique()
        newest = pl.concat(
            newest_batches(self.blobs, laid.layout, self.view, at=self.weather.at(90))
        )
        everybody = self.weather.askers(*((name, 90) for name in self.seen["origin"].unique()))
        known = join_view(everybody, self.view, self.seen, time="when").drop_nulls("sky")
        assert (
            newest.select("origin", "wind")
            .sort("origin")
            .equals(known.select("origin", "wind").sort("origin"))
        )


@pytest.fixture
def yard(weather: Any, sqlite_ledger: Any, disk_blobs: Any, keyring: Any) -> Yard:
    return Yard(weather, sqlite_ledger, disk_blobs, keyring)


def test_partitions_answer_like_one_table(yard: Yard) -> None:
    laid = yard.work.whole(shape_of(yard.view), yard.grow(500))

    assert laid.layout.partitions == 8
    assert max(one.rows for one in laid.layout.segments) < 200
    yard.check(laid)


def test_extensions_answer_like_one_table(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laying_out, "_SMALL_ROWS", 8)
    laid = yard.work.whole(shape_of(yard.view), yard.grow(200))
    partitions = laid.layout.partitions
    for rows in (3, 20, 1, 5, 8, 2):
        grown = yard.work.extended(laid, yard.grow(rows))
        assert grown is not None
        laid = grown
        yard.check(laid)

    assert (laid.layout.partitions, laid.layout.extended) == (partitions, 6)
    assert any(len(laid.layout.of_partition(one)) > 1 for one in range(partitions))
    for one in range(partitions):
        sizes = [segment.rows for segment in laid.layout.of_partition(one)]
        assert all(large > 4 * small for large, small in pairwise(sizes))


def test_what_grew_too_much_is_laid_out_anew(yard: Yard) -> None:
    laid = yard.work.whole(shape_of(yard.view), yard.grow(60))
    assert laid.layout.partitions == 1
    assert yard.work.extended(laid, yard.grow(300)) is None


def test_a_tie_with_an_older_observation_is_laid_out_anew(weather: Any, yard: Yard) -> None:
    shape = shape_of(yard.view)
    for made, is_tie in ((5, True), (None, True), (6, False), (7, True)):
        old = weather.reports(
            (1, "JFK", 1, None), (2, "JFK", 1, 5), (3, "JFK", 1, 7), (4, "JFK", 0, 6)
        )
        fresh = weather.reports((9, "JFK", 1, made), (10, "EWR", 1, 5))
        parts = [laying_out.arrange(shape, rows) for rows in (old, fresh)]
        assert laying_out._clash(*parts) is is_tie


def test_spilled_rows_come_back_by_part_and_leave_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rows = pl.DataFrame({"n": range(1000)}).with_columns(text=pl.col("n").cast(pl.String))
    seen: list[Path] = []

    def number(batch: pl.DataFrame) -> Any:
        seen.extend(tmp_path.iterdir())
        return (batch["n"] % 3).to_numpy().astype(np.int64)

    parts = dict(spilled(rows.iter_slices(100), number, 4))

    assert sorted(parts) == [0, 1, 2]
    for part, found in parts.items():
        assert found.equals(rows.filter(pl.col("n") % 3 == part))
    assert [*seen, *tmp_path.iterdir()] == []
