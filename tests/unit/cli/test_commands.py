"""What commands print, and how they refuse what can't be meant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("frobnicate", 2, 'Unknown command "frobnicate"'),
        ("run train --parm holdout=9d", 2, "--param"),
        ("run trian", 1, "Did you mean 'train'?"),
        ("run train --param holdout", 2, "Write name=value"),
        ("run train --pin measurements=first", 2, "not a version number"),
        ("run train --at noon", 2, "not a time"),
        ("dataset add measurments data/measurements.csv", 1, "Did you mean 'measurements'?"),
        ("dataset add measurements data/nothing.csv", 1, "data/nothing.csv'"),
        ("dataset add measurements data/request.json", 2, ".csv, .tsv, .jsonl"),
        ("dataset add measurements data/measurements.csv --expected 7", 5, "not 7"),
        ("dataset show measurements@9", 1, "It has versions 1"),
        ("dataset show measurments", 1, "Did you mean 'measurements'?"),
        ("model show tumor@1", 1, "towpath run"),
        ("model show tumour@first", 2, "not a version number"),
        ("release deploy tumour@1 --service mine", 1, "no service 'mine'"),
        ("rollout promote mine.2", 1, "no rollout 'mine.2'"),
        ("trace 01a1fd70-6aec-7000-9fa7-fd735c17cccb", 1, "no decision"),
        ("erase patient", 2, "FIELD=VALUE"),
        ("erase tailnum=N1 --yes", 1, "no subject field 'tailnum'"),
        ("erase patient=p0001", 2, "--yes"),
        ("erasure show nothing", 1, "no erasure"),
        ("erasure take patient --from data/nothing.csv --yes", 2, "can't be read"),
        ("erasure take patient --from data/measurements.csv", 2, "--yes"),
        ("audit verify nothing.json", 1, "no file 'nothing.json'"),
        ("runs --limit many", 2, "--limit"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_can_not_be_meant_is_refused_with_a_way_on(
    towpath: Callable[..., Any], line: str, code: int, said: str
):
    done = towpath(*line.split())
    assert done.code == code
    assert said in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    "line",
    [
        "dataset list",
        "dataset versions measurements",
        "dataset show measurements@1 --rows 2",
        "model list",
        "release list",
        "release traffic",
        "rollout list",
        "monitor list",
        "monitor alerts",
        "decision count",
        "runs",
        "erasure list",
        "audit events --limit 5",
        "audit key",
        "audit checkpoint",
        "impact dataset:measurements@1",
        "erase patient=p0007 --dry-run",
        "apply --dry-run",
        "doctor",
    ],
)
@pytest.mark.usefixtures("project")
def test_everything_can_be_read_by_a_machine(towpath: Callable[..., Any], line: str):
    done = towpath(*line.split(), "--json")
    assert done.code == 0, done.err
    (printed,) = done.out.splitlines()
    json.loads(printed)


@pytest.mark.usefixtures("project")
def test_an_empty_home_says_what_to_do_next(towpath: Callable[..., Any]):
    assert "towpath run" in towpath("model", "list").err
    assert "nothing serves yet" in towpath("release", "traffic").err


def test_a_folder_without_a_project_is_left_without_a_home(
    towpath: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for line in ("runs", "run train", "dataset show measurements", "apply", "erasure list"):
        done = towpath(*line.split())
        assert done.code == 2
        assert "towpath init NAME" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_wide_row_stays_on_one_line_when_nobody_looks(towpath: Callable[..., Any], project: Path):
    done = towpath("audit", "events", "--limit", "50")
    with_time = [line for line in done.out.splitlines()[1:] if line.split()[1].startswith("20")]
    assert len(with_time) == len(done.out.splitlines()) - 1


@pytest.mark.usefixtures("project")
def test_a_trace_is_never_cut(towpath: Callable[..., Any]):
    (version,) = json.loads(towpath("dataset", "versions", "measurements", "--json").out)
    assert version["digest"] in towpath("impact", "dataset:measurements@1").out


@pytest.mark.usefixtures("project")
def test_counts_are_words_and_numbers(towpath: Callable[..., Any]):
    printed = towpath("decision", "count").out
    assert printed.splitlines()[1].split() == ["decisions", "0"]
    assert "Tally" not in printed


@pytest.mark.usefixtures("project")
def test_the_same_rows_again_are_no_new_version(towpath: Callable[..., Any]):
    done = towpath("dataset", "add", "measurements", "data/measurements.csv")
    assert done.code == 0
    assert done.out == "dataset:measurements@1  569 rows\n"
    assert "nothing new" in done.err


def test_rows_can_be_taken_out_again(towpath: Callable[..., Any], project: Path):
    for name in ("rows.csv", "rows.jsonl", "rows.parquet"):
        assert towpath("dataset", "show", "measurements@1", "--to", project / name).code == 0
        again = towpath("dataset", "add", "measurements", project / name)
        assert "nothing new" in again.err


@pytest.mark.parametrize("target", ["rows.xlsx", "nowhere/rows.csv"])
def test_rows_can_not_be_taken_anywhere(towpath: Callable[..., Any], project: Path, target: str):
    done = towpath("dataset", "show", "measurements@1", "--to", project / target)
    assert done.code == 2
    assert target in done.err


@pytest.mark.usefixtures("project")
def test_apply_shows_first_and_then_does(towpath: Callable[..., Any]):
    shown = json.loads(towpath("apply", "--dry-run", "--json").out)
    assert shown["applied"] is False
    assert {one["kind"] for one in shown["changes"]} == {"project", "service", "monitor", "trigger"}
    done = json.loads(towpath("apply", "--json").out)
    assert done["changes"] == shown["changes"]
    assert towpath("apply").err.strip() == "nothing to change"


@pytest.mark.usefixtures("project")
def test_a_setting_that_is_none_is_corrected(
    towpath: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TOWPATH_DATABSE", "x")
    done = towpath("runs")
    assert done.code == 2
    assert "TOWPATH_DATABSE" in done.err
    assert "Did you mean 'database'?" in done.err


@pytest.mark.usefixtures("project")
def test_withdrawals_are_taken_from_a_file_at_the_rate_that_is_allowed(
    towpath: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    towpath("dataset", "add", "measurements", "data/measurements.csv")
    several = tmp_path / "several.txt"
    several.write_text("".join(f"p{one:05}\n" for one in range(1_200)) + "\np00007\n", "utf-8")
    monkeypatch.setenv("TOWPATH_WITHDRAWALS_PER_MINUTE", "60000")
    taken = towpath("erasure", "take", "patient", "--from", str(several), "--yes", "--json")
    assert taken.code == 0, taken.err
    ids = json.loads(taken.out[taken.out.index("{") :])["erasures"]
    assert len(set(ids)) == len(ids) == 1_200
    again = towpath("erasure", "take", "patient", "--from", str(several), "--yes", "--json")
    assert json.loads(again.out[again.out.index("{") :])["erasures"] == ids
    monkeypatch.setenv("TOWPATH_WITHDRAWALS_PER_MINUTE", "1")
    allowed = [towpath("erase", f"patient=p9000{one}", "--yes", "--no-wait") for one in range(3)]
    assert (allowed[0].code, allowed[2].code) == (0, 5)
    assert "as many as it may" in allowed[2].err
