"""`towpath files`: what it does, what it prints, and every wrong turn."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = """
import polars as pl
import towpath as tp

class Scan(tp.Schema):
    patient: str
    view: str
    label: str | None

scans = tp.FileSet("scans", attributes=Scan, pattern="{patient}/{view}.png", subject="patient")

@tp.step
def lengths(files: tp.Files) -> pl.DataFrame:
    rows = [(file.path, len(file.read()), file.attributes["label"]) for file in files]
    return pl.DataFrame(rows, schema=["path", "length", "label"], orient="row")

@tp.step
def fronts(files: tp.Files) -> pl.DataFrame:
    return files.filter(pl.col("view") == "front").table().select("path", "bytes").collect()

@tp.step
def rows(table: pl.DataFrame) -> pl.DataFrame:
    return table.select("path")

@tp.pipeline
def look():
    return {"lengths": lengths(scans.all()), "fronts": fronts(scans.all()), "rows": rows(scans.all())}

@tp.pipeline
def wrong():
    return lengths(rows(scans.all()))

project = tp.Project("clinic", owner="o@example.org", filesets=[scans], pipelines=[look, wrong])
"""


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "towpath.toml").write_text('project = "clinic_files:project"\n')
    (tmp_path / "clinic_files.py").write_text(PROJECT)
    for patient in ("p1", "p2"):
        for view in ("front", "side"):
            path = tmp_path / "raw" / patient / f"{view}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{patient} {view}")
    (tmp_path / "raw" / ".DS_Store").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("clinic_files", None)


@pytest.fixture
def added(clinic: Path, towpath: Any) -> Path:
    assert towpath("files", "add", "scans", "raw").code == 0
    return clinic


def last(told: Any) -> str:
    """Return what a command printed; the loggers of the tests write to the same stream before it."""
    return told.out.splitlines()[-1]


def test_adding_says_what_became_of_it(clinic: Path, towpath: Any) -> None:
    first = towpath("files", "add", "scans", "raw")
    assert first.code == 0
    assert last(first) == "dataset:scans@1  4 files  4 added"
    assert "1 hidden, symbolic links or special" in first.err
    assert "100 % of the bytes" in first.err, "lines where there is no terminal"
    again = towpath("files", "add", "scans", "raw")
    assert last(again) == "dataset:scans@1  4 files"
    assert "nothing new" in again.err
    (clinic / "raw/p1/side.png").unlink()
    (clinic / "raw/p1/front.png").write_text("other")
    pruned = towpath("files", "add", "scans", "raw", "--prune")
    assert last(pruned) == "dataset:scans@2  3 files  1 changed, 1 removed"
    told = json.loads(last(towpath("files", "add", "scans", "raw", "--json")))
    assert (told["added"], told["unchanged"]) == (0, 3)


def test_listing(added: Path, towpath: Any) -> None:
    sets = towpath("files", "list").out.splitlines()
    assert sets[1].split() == ["scans", "1", "1", "4", str(4 * 7)[:2]] or sets[1].startswith(
        "scans"
    )
    listed = towpath("files", "list", "scans", "--only", "p1/*").out
    assert "p1/front.png" in listed
    assert "p2" not in listed
    rows = json.loads(towpath("files", "list", "scans@1", "--json").out)
    assert {row["patient"] for row in rows} == {"p1", "p2"}
    assert "no file matches" in towpath("files", "list", "scans", "--only", "nothing").err


def test_labels_are_attributes(added: Path, towpath: Any) -> None:
    (added / "labels.csv").write_text("path,label\np1/front.png,cat\ngone.png,dog\n")
    told = towpath("files", "annotate", "scans", "labels.csv")
    assert last(told) == "dataset:scans@2  4 files  1 changed"
    assert "1 rows of attributes name no file" in told.err
    (added / "wrong.csv").write_text("path,lable\np1/front.png,cat\n")
    wrong = towpath("files", "annotate", "scans", "wrong.csv")
    assert (wrong.code, "'lable'" in wrong.err) == (2, True)


def test_checkout_and_diff(added: Path, towpath: Any) -> None:
    (added / "raw/p1/front.png").rename(added / "raw/p1/back.png")
    (added / "raw/p2/front.png").write_text("other")
    told = towpath("files", "diff", "scans", "raw")
    assert told.out == "> p1/back.png  (was p1/front.png)\n~ p2/front.png\n"
    assert "2 differ, 2 are the same" in told.err
    towpath("files", "add", "scans", "raw", "--prune")
    assert towpath("files", "diff", "scans@1", "scans@2").out == told.out
    assert towpath("files", "checkout", "scans@1", "out").out.startswith("out  4 files, 4 written")
    assert (added / "out/p1/front.png").read_text() == "p1 front"
    (added / "out/mine.txt").write_text("x")
    assert towpath("files", "checkout", "scans@2", "out").code == 0
    refused = towpath("files", "checkout", "scans@2", "out", "--prune")
    assert (refused.code, "would be lost" in refused.err) == (5, True)
    done = json.loads(
        towpath("files", "checkout", "scans@2", "out", "--prune", "--force", "--json").out
    )
    assert done["removed"] == 2


def test_unused_bytes_go_with_the_versions_that_named_them(added: Path, towpath: Any) -> None:
    (added / "raw/p1/front.png").write_text("other")
    towpath("files", "add", "scans", "raw")
    assert towpath("files", "gc", "--dry-run").out == "0 blobs, 0 bytes would be deleted\n"
    assert towpath("files", "gc").code == 2, "nobody to ask"
    gone = towpath("dataset", "gc", "scans", "--older-than", "1ms", "--yes")
    assert gone.code == 0
    assert "1 stored files, 8 bytes, deleted besides" in gone.err
    assert last(towpath("files", "gc", "--yes")) == "0 blobs, 0 bytes deleted"


def test_steps_get_files_and_rows(added: Path, towpath: Any) -> None:
    ran = towpath("run", "look", "--json")
    assert ran.code == 0, ran.err
    cached = towpath("run", "look")
    assert "3 of 3 steps from the cache" in cached.err
    (added / "labels.csv").write_text("path,label\np1/front.png,cat\n")
    towpath("files", "annotate", "scans", "labels.csv")
    assert "0 of 3 steps from the cache" in towpath("run", "look").err
    used = towpath("impact", "dataset:scans@2")
    assert "run:" in used.out


def test_what_holds_no_files_is_refused_before_anything_runs(added: Path, towpath: Any) -> None:
    told = towpath("run", "wrong")
    assert told.code == 2
    assert "Files" in told.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("add", "scans", "nowhere"), 1, "no folder or file"),
        (("add", "scan", "raw"), 1, "Did you mean 'scans'?"),
        (("add", "scans", "raw/p1/front.png", "--prune"), 2, "whole folder"),
        (("add", "scans", "raw", "--expected", "7"), 5, "not 7"),
        (("list", "nothing"), 1, "no data set 'nothing'"),
        (("checkout", "scans@9", "out"), 1, "9"),
        (("checkout", "scans", "towpath.toml"), 2, "not a folder"),
        (("checkout", "scans", "out", "--method", "magic"), 2, "magic"),
        (("diff", "scans@1", "scans@9"), 1, "9"),
    ],
)
def test_wrong_turns(
    added: Path, towpath: Any, words: tuple[str, ...], code: int, says: str
) -> None:
    told = towpath("files", *words)
    assert (told.code, says in told.err) == (code, True), told.err
    assert not (added / "out").exists()


def test_the_rows_are_a_data_set_like_any(added: Path, towpath: Any) -> None:
    shown = json.loads(towpath("dataset", "show", "scans", "--json").out)
    assert len(shown["rows"]) == 4
    assert pl.DataFrame(shown["rows"])["digest"].n_unique() == 4
