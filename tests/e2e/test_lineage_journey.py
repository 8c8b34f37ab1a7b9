"""A bad batch of rows, followed by somebody at a terminal: the installed program, from rows to models."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WITHIN_S = 240.0
BAD = "mean_radius > 20"
USAGE = 2


class Terminal:
    """A project's folder, and the program in it."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program = program
        self.folder = folder

    def run(self, *words: str, exit_code: int = 0) -> str:
        environ = {name: one for name, one in os.environ.items() if not name.startswith("TOWPATH_")}
        done = subprocess.run(
            [str(self.program), *words],
            cwd=self.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == exit_code, f"{words}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout if exit_code == 0 else done.stderr

    def ask(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))


@pytest.fixture(scope="module")
def terminal(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    folder = tmp_path_factory.mktemp("lineage")
    Terminal(program, folder).run("init", "mine")
    terminal = Terminal(program, folder / "mine")
    terminal.run("dataset", "add", "measurements", "data/measurements.csv")
    terminal.run("run", "train")
    return terminal


@pytest.fixture(scope="module")
def rows(terminal: Terminal) -> pl.DataFrame:
    return pl.read_csv(terminal.folder / "data" / "measurements.csv")


def test_a_bad_batch_is_followed_to_the_model_and_a_correction_ends_it(
    terminal: Terminal, rows: pl.DataFrame
):
    bad = rows.filter(pl.col("mean_radius") > 20)
    found = terminal.ask("impact", "dataset:measurements@1", "--where", BAD)
    assert found["rows"] == bad.height
    assert [one["ref"] for one in found["models"]] == ["model:tumour@1"]
    assert found["models"][0]["rows"] == bad.height
    assert all(one["windowed"] for one in found["reads"])

    mended = bad.with_columns(mean_radius=pl.col("mean_radius") / 2)
    mended.write_csv(terminal.folder / "mended.csv")
    terminal.run("dataset", "add", "measurements", "mended.csv", "--merge")
    terminal.run("run", "train", "--param", "strength=0.5")
    again = terminal.ask("impact", "dataset:measurements@1", "--where", BAD)
    assert [(one["rows"], one["changed"]) for one in again["versions"]] == [
        (bad.height, 0),
        (0, bad.height),
    ]
    assert [one["ref"] for one in again["models"]] == ["model:tumour@1"]
    good = terminal.ask("impact", "dataset:measurements@1", "--where", "mean_radius <= 20")
    assert [one["ref"] for one in good["models"]] == ["model:tumour@1", "model:tumour@2"]


def test_a_row_and_a_person_are_followed_without_being_named(
    terminal: Terminal, rows: pl.DataFrame
):
    sample, patient = rows["sample"][0], rows["patient"][0]
    tree = terminal.ask("trace", f"dataset:measurements@1#{sample}")
    assert tree["root"]["kind"] == "row"
    assert str(sample) not in tree["root"]["ref"]
    plain = terminal.ask("trace", f"dataset:measurements@1#{sample}", "--plain-keys")
    assert plain["root"]["ref"] == f"row:measurements#{sample}"
    found = terminal.ask("impact", f"subject:patient={patient}")
    assert found["rows"] >= 1
    assert "model:tumour@1" in [one["ref"] for one in found["models"]]
    assert str(patient) not in json.dumps(found)
    assert str(patient) not in terminal.run("audit", "export")


def test_the_way_back_and_forth_is_a_tree_and_openlineage(terminal: Terminal):
    back = terminal.ask("trace", "model:tumour@1")
    kinds = {one["kind"] for one in walk(back["root"])}
    assert {"model", "run", "code", "environment", "parameters", "dataset"} <= kinds
    forth = terminal.ask("impact", "dataset:measurements@1")
    assert "model:tumour@1" in {one["ref"] for one in walk(forth["root"])}
    environment = next(one["ref"] for one in walk(back["root"]) if one["kind"] == "environment")
    assert terminal.ask("impact", environment)["reached"]["model"] >= 1
    lines = terminal.run("trace", "model:tumour@1", "--form", "openlineage", "--full").splitlines()
    events = [json.loads(line) for line in lines]
    assert {"START", "COMPLETE"} <= {one.get("eventType") for one in events}
    assert any(one["job"]["name"].endswith("fit") for one in events if "job" in one)


def test_what_can_not_be_meant_is_said_without_a_trace_of_code(terminal: Terminal):
    wrong = ("impact", "dataset:measurements@1", "--where")
    assert "no SQL" in terminal.run(*wrong, "mean_radius >", exit_code=USAGE)
    assert "dataset show" in terminal.run(*wrong, "radius > 1", exit_code=USAGE)
    assert "Write" in terminal.run("impact", "subject:patient", exit_code=USAGE)
    assert "no row with that key" in terminal.run(
        "trace", "dataset:measurements@1#nobody", exit_code=1
    )


def walk(node: Any) -> list[Any]:
    return [node, *(one for child in node["children"] for one in walk(child))]
