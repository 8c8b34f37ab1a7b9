"""Versions over time, as people work with them on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def changed(project: Path) -> Path:
    """A file in which ten samples have another radius."""
    rows = pl.read_csv(project / "data" / "measurements.csv").head(10)
    path = project / "data" / "changed.csv"
    rows.with_columns(pl.col("mean_radius") + 1.0).write_csv(path)
    return path


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("dataset log measurments", 1, "Did you mean 'measurements'?"),
        ("dataset diff measurements@9", 1, "It has versions 1"),
        ("dataset diff measurements@1 weather@1", 1, "weather"),
        ("dataset tag measurements 2026-01-01", 2, "reads as a version's number or as a time"),
        ("dataset tag measurements golden --delete", 1, "no tag"),
        ("dataset branch measurements What", 2, "not valid"),
        ("dataset add measurements data/measurements.csv --branch x", 1, "no branch"),
        ("dataset adopt measurements x", 1, "no branch"),
        ("dataset restore measurements@golden", 1, "no tag"),
        ("dataset gc", 2, "--yes"),
        ("dataset gc --yes --keep-last 0", 2, "at least 1"),
        ("dataset gc --yes --older-than yesterday", 2, "not a duration"),
        ("dataset publish measurements --table t", 2, "namespace.name"),
        ("dataset publish measurements --catalog nowhere", 1, "PYICEBERG_CATALOG__NOWHERE__URI"),
        ("dataset publish measurements --withdraw", 1, "no publication"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_can_not_be_meant_is_refused_with_a_way_on(
    towpath: Callable[..., Any], line: str, code: int, said: str
):
    done = towpath(*line.split())
    assert done.code == code, done.err
    assert said in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    "line",
    [
        "dataset log measurements",
        "dataset diff measurements@1 measurements@1",
        "dataset tag measurements",
        "dataset branch measurements",
        "dataset gc --dry-run",
        "dataset publish",
    ],
)
@pytest.mark.usefixtures("project")
def test_everything_can_be_read_by_a_machine(towpath: Callable[..., Any], line: str):
    done = towpath(*line.split(), "--json")
    assert done.code == 0, done.err
    (printed,) = done.out.splitlines()
    json.loads(printed)


def test_an_idea_is_tried_on_a_branch_compared_and_adopted(
    towpath: Callable[..., Any], changed: Path
):
    assert towpath("dataset", "branch", "measurements", "rounder").code == 0
    added = towpath("dataset", "add", "measurements", changed, "--merge", "--branch", "rounder")
    assert "dataset:measurements~rounder@2" in added.out
    found = towpath("dataset", "diff", "measurements", "measurements~rounder")
    assert "rows changed    10" in found.out
    assert "changed in      mean_radius=10" in found.out
    assert "mean_radius" in found.out.split("JS")[1]
    rows = towpath(
        *("dataset", "diff", "measurements", "measurements~rounder", "--json"),
        *("--to", changed.with_suffix(".parquet")),
    )
    assert json.loads(rows.out)["rows"]["changed"] == 10
    assert pl.read_parquet(changed.with_suffix(".parquet")).height == 20, "before and after"
    assert "dataset:measurements@2" in towpath("dataset", "adopt", "measurements", "rounder").out
    log = towpath("dataset", "log", "measurements").out
    assert "adopt of measurements~rounder@2" in log
    assert towpath("dataset", "drop", "measurements", "rounder").code == 0
    assert "has no branches" in towpath("dataset", "branch", "measurements").err
    assert "rounder" not in towpath("dataset", "list").out


def test_a_tag_brings_back_what_it_marked(towpath: Callable[..., Any], changed: Path):
    assert towpath("dataset", "tag", "measurements@1", "golden").code == 0
    towpath("dataset", "add", "measurements", changed, "--merge")
    restored = towpath("dataset", "restore", "measurements@golden")
    assert "dataset:measurements@3" in restored.out
    same = towpath("dataset", "diff", "measurements@golden", "measurements@3")
    assert "rows changed    0" in same.out
    assert towpath("dataset", "tag", "measurements").out.split() == [
        "tag",
        "version",
        "golden",
        "1",
    ]
    shown = towpath("dataset", "show", "measurements@golden", "--rows", "0")
    assert shown.out.startswith("dataset:measurements@1")


def test_old_versions_are_collected_and_say_so(towpath: Callable[..., Any], changed: Path):
    towpath("dataset", "add", "measurements", changed, "--merge")
    towpath("dataset", "tag", "measurements@1", "golden")
    kept = towpath("dataset", "gc", "--yes", "--older-than", "1ms")
    assert "dataset:measurements@1 stays: tagged golden" in kept.err
    towpath("dataset", "tag", "measurements", "golden", "--delete")
    printed = towpath("dataset", "gc", "--yes", "--older-than", "1ms", "--json").out
    (done,) = json.loads(printed.splitlines()[-1])
    assert [ref["version"] for ref in done["collected"]] == [1]
    assert done["size_bytes"] > 0
    gone = towpath("dataset", "show", "measurements@1")
    assert (gone.code, "was collected" in gone.err) == (1, True)
    assert "collected" in towpath("dataset", "log", "measurements").out


@pytest.mark.usefixtures("project")
def test_a_data_set_is_published_and_withdrawn(towpath: Callable[..., Any]):
    done = towpath("dataset", "publish", "measurements")
    assert "mine.measurements\n  catalog" in done.out
    (listed,) = json.loads(towpath("dataset", "publish", "--json").out)
    assert list(listed["snapshots"]) == ["dataset:measurements@1"]
    assert "metadata.json" in towpath("dataset", "publish").out
    towpath("dataset", "publish", "measurements", "--withdraw")
    assert "nothing is published" in towpath("dataset", "publish").err
