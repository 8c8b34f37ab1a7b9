"""What `towpath init` writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.cli.rows import read_rows
from towpath.cli.scaffold import scaffold
from towpath.core.errors import Conflict, InvalidName

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.operate.projects import Project


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffold("my-first.one", tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def project(made: Path) -> Project:
    from towpath.operate.projects import load_project

    return load_project(made, "my_first_one:project")


def test_a_name_may_be_any_project_name(made: Path, project: Project):
    assert (made / "towpath.toml").read_text() == 'project = "my_first_one:project"\n'
    assert project.name == "my-first.one"
    assert [one.name for one in project.services] == ["my-first.one"]


def test_the_sample_is_a_year_that_ends_in_enough_of_both_kinds(made: Path, project: Project):
    rows = read_rows(made / "data" / "measurements.csv", project.dataset("measurements").columns)
    assert rows.height == 569
    assert rows["taken"].min() == datetime(2024, 1, 2, 8, tzinfo=UTC)
    assert timedelta(days=350) < rows["taken"].max() - rows["taken"].min() < timedelta(days=366)
    assert rows["taken"].is_unique().all()
    latest = rows.filter(pl.col("taken") > rows["taken"].max() - timedelta(days=120))
    least = min(gate.min_rows for gate in project.gates)
    assert latest["malignant"].value_counts()["count"].min() >= least
    assert rows["patient"].value_counts()["count"].max() == 2


def test_the_request_is_about_somebody_the_model_learns_from(made: Path, project: Project):
    dataset = project.dataset("measurements")
    rows = read_rows(made / "data" / "measurements.csv", dataset.columns)
    request: Any = json.loads((made / "data" / "request.json").read_text())
    subject = rows.filter(pl.col("patient") == request["parameters"]["subject"])
    assert subject.height == 2
    for tensor in request["inputs"]:
        assert tensor["data"][0] in subject[tensor["name"]].to_list()


@pytest.mark.parametrize("name", ["", "Two Words", "9lives", "../up", "a/b"])
def test_a_name_that_can_not_be_a_module_is_refused(name: str, tmp_path: Path):
    with pytest.raises(InvalidName):
        scaffold(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(tmp_path: Path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").write_text("ten years")
    (tmp_path / "file").write_text("of mine")
    for name in ("taken", "file"):
        with pytest.raises(Conflict):
            scaffold(name, tmp_path)
    assert (tmp_path / "taken" / "thesis.tex").read_text() == "ten years"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "taken"]


def test_an_empty_folder_is_taken(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    assert (scaffold("mine", tmp_path) / "mine.py").is_file()
    assert [one.name for one in tmp_path.iterdir()] == ["mine"]
