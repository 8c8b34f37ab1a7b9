"""Changing a data set from the command line: merging, deleting, compacting."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def rows(project: Path) -> pl.DataFrame:
    return pl.read_csv(project / "data" / "measurements.csv", infer_schema=False)


def key_of(towpath: Callable[..., Any]) -> str:
    (version,) = json.loads(towpath("dataset", "list", "--json").out)
    (key,) = version["body"]["key"]
    return key


def test_rows_are_deleted_by_key_and_the_layers_compacted(
    towpath: Callable[..., Any], project: Path, rows: pl.DataFrame
):
    rows.select(key_of(towpath)).head(3).write_csv(project / "gone.csv")
    done = towpath("dataset", "delete-rows", "measurements", "gone.csv")
    assert done.code == 0, done.err
    assert done.out.endswith(f"dataset:measurements@2  {rows.height - 3} rows, 3 fewer\n")
    again = towpath("dataset", "delete-rows", "measurements", "gone.csv")
    assert (again.code, again.out) == (0, "")
    assert "nothing to delete" in again.err
    compacted = towpath("dataset", "compact", "measurements")
    assert f"dataset:measurements@3  {rows.height - 3} rows, " in compacted.out
    again = towpath("dataset", "compact", "measurements")
    assert (again.code, again.out) == (0, "")
    assert "as compact as can be" in again.err
    shown = json.loads(towpath("dataset", "versions", "measurements", "--json").out)
    modes = [version["body"]["mode"] for version in shown]
    assert modes == ["compact", "delete", "append"]


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("dataset compact measurments", 1, "Did you mean 'measurements'?"),
        ("dataset compact measurements --branch what-if", 1, "what-if"),
        ("dataset delete-rows measurements nothing.csv", 1, "no file 'nothing.csv'"),
        ("dataset delete-rows measurements data/measurements.csv --expected 9", 5, "not 9"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_can_not_be_meant_is_refused(
    towpath: Callable[..., Any], line: str, code: int, said: str
):
    done = towpath(*line.split())
    assert done.code == code
    assert said in done.err
    assert done.out == ""
