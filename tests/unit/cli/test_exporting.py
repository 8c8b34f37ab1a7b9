"""Exports: one file per set of columns, in the order in which they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from towpath.cli.exporting import FORMATS, write_frames
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

READERS = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".jsonl": pl.read_ndjson}


@pytest.mark.parametrize("suffix", FORMATS)
def test_rows_with_other_columns_go_to_a_file_beside(tmp_path: Path, suffix: str) -> None:
    frames = [
        pl.DataFrame({"id": ["a"], "x": [1.5]}),
        pl.DataFrame({"id": ["b"], "y": ["w"]}),
        pl.DataFrame({"id": ["c"], "x": [2]}),  # whole numbers fit among fractions
        pl.DataFrame({"id": ["d"], "x": [None]}),  # and what is missing fits anywhere
    ]
    rows, paths = write_frames(iter(frames), tmp_path / f"all{suffix}")
    assert rows == 4
    assert [path.name for path in paths] == [f"all{suffix}", f"all-2{suffix}"]
    first, second = (READERS[suffix](path) for path in paths)
    assert first["id"].to_list() == ["a", "c", "d"]
    assert first["x"].to_list() == [1.5, 2.0, None]
    assert second.to_dicts() == [{"id": "b", "y": "w"}]


def test_fractions_do_not_become_whole_numbers(tmp_path: Path) -> None:
    frames = [pl.DataFrame({"x": [1]}), pl.DataFrame({"x": [1.5]})]
    _, paths = write_frames(frames, tmp_path / "all.parquet")
    assert [pl.read_parquet(path)["x"].to_list() for path in paths] == [[1], [1.5]]


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "all.csv"
    out.write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        write_frames([pl.DataFrame({"x": [1]})], out)
    assert out.read_text() == "mine"
    assert write_frames([], tmp_path / "none.csv") == (0, [])
