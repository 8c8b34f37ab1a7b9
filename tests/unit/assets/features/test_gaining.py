"""What a version gained, told by the files that differ, or nothing where more happened."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from towpath.assets.datasets import ParquetDatasetStore
from towpath.assets.datasets.scanning import load_manifest
from towpath.assets.features.gaining import gained
from towpath.core.refs import Ref

COLUMNS = ["report", "origin", "observed", "wind"]


class Source:
    """The weather, version by version."""

    def __init__(self, weather: Any, ledger: Any, blobs: Any, keyring: Any) -> None:
        self._weather, self._blobs = weather, blobs
        self._store = ParquetDatasetStore(ledger, blobs, keyring)

    def commit(self, *numbers: int, wind: float | None = None, mode: str = "append") -> None:
        rows = self._weather.reports(*((number, "JFK", number, None) for number in numbers))
        if wind is not None:
            rows = rows.with_columns(wind=pl.lit(wind))
        self._store.commit(self._weather.source, rows, project="p", mode=mode)

    def gained(
        self, before: int, after: int, *, rows_most: int = 100, columns: list[str] = COLUMNS
    ) -> list[int] | None:
        manifests = [
            load_manifest(self._blobs, version.body["manifest"])
            for version in self._store.versions("weather")
        ]
        found = gained(
            self._blobs,
            manifests[before - 1],
            manifests[after - 1],
            columns,
            rows_most=rows_most,
        )
        return None if found is None else sorted(found["report"].to_list())

    @property
    def files(self) -> int:
        return len(self._store.files(Ref("dataset", "weather")))


@pytest.fixture
def source(weather: Any, sqlite_ledger: Any, disk_blobs: Any, keyring: Any) -> Source:
    return Source(weather, sqlite_ledger, disk_blobs, keyring)


def test_appended_rows_are_what_was_gained_though_files_were_folded(source: Source) -> None:
    source.commit(1, 2)
    source.commit(3)
    source.commit(4, 5)
    assert source.files == 1
    assert source.gained(1, 3) == [3, 4, 5]
    assert source.gained(2, 3) == [4, 5]
    assert source.gained(3, 3) == []


def test_rows_that_went_are_more_than_a_gain(source: Source) -> None:
    source.commit(1, 2)
    source.commit(2, 3, mode="overwrite")
    source.commit(3, mode="delete")
    assert source.gained(1, 2) is None
    assert source.gained(2, 3) is None


def test_rows_that_changed_are_more_than_a_gain(source: Source) -> None:
    source.commit(1, 2)
    source.commit(2, wind=9.5, mode="merge")
    assert source.gained(1, 2) is None
    assert source.gained(1, 2, columns=["report", "origin", "observed"]) == []


def test_rows_gained_over_overlays_are_a_gain(source: Source) -> None:
    source.commit(*range(50))
    source.commit(2, wind=9.5, mode="merge")
    source.commit(51)
    source.commit(52, 53, mode="merge")
    assert source.gained(2, 3) == [51]
    assert source.gained(3, 4) == [52, 53]


def test_too_much_to_read_is_not_read(source: Source) -> None:
    source.commit(1)
    source.commit(*range(2, 30))
    assert source.gained(1, 2, rows_most=10) is None


def test_another_table_is_no_gain(source: Source) -> None:
    source.commit(1)
    source.commit(2)
    assert source.gained(1, 2, columns=[*COLUMNS, "gusts"]) is None
