"""Labelling from the command line, on a home where people have begun."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from seeded_home import seed_home
from seeded_labels import QUEUE, seed_labels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a queue, to be copied."""
    folder = tmp_path_factory.mktemp("begun")
    seeded = seed_home(folder, days=6, per_day=10)
    seed_labels(seeded, folder)
    seeded.close()
    return folder


@pytest.fixture
def ask(towpath: Callable[..., Any], begun: Path, tmp_path: Path) -> Callable[..., Any]:
    """Run a `label` command on a home of this test's own with a queue."""
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)

    def run(*words: object) -> Any:
        return towpath("label", *words, "--home", tmp_path)

    return run


def test_queues_and_agreement_are_shown(ask: Callable[..., Any]) -> None:
    done = ask("list")
    assert done.code == 0
    assert QUEUE in done.out
    done = ask("show", QUEUE)
    assert "Krippendorff's alpha" in done.out
    assert "ann and bob" in done.out
    whole = json.loads(ask("show", QUEUE, "--json").out)
    assert whole["progress"]["queue"] == QUEUE
    assert {one["annotator"] for one in whole["agreement"]["annotators"]} == {"ann", "bob", "cy"}


def test_a_decision_is_taken_judged_and_contested(ask: Callable[..., Any]) -> None:
    item = json.loads(ask("next", QUEUE, "--as", "dee", "--json").out)
    assert "distance" in item["inputs"]
    shown = ask("next", QUEUE, "--as", "dee")
    assert item["decision_id"] in shown.out
    assert "carrier" in shown.out
    phase = "open"
    for name in ("dee", "eve"):
        if phase == "open":
            done = ask("give", QUEUE, item["decision_id"], "late", "--as", name, "--json")
            assert done.code == 0
            phase = json.loads(done.out)["phase"]
    assert phase in ("settled", "disputed")
    if phase == "settled":
        done = ask(
            "contest", QUEUE, item["decision_id"], "--as", "flo", "--comment", "it landed early"
        )
        assert done.out.strip() == f"{item['decision_id']}: disputed"
    assert item["decision_id"] in ask("disputes", QUEUE).out
    done = ask("settle", QUEUE, item["decision_id"], "--strike", "--as", "judge", "--json")
    assert json.loads(done.out)["phase"] == "settled"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("show late-revue", 1, "Did you mean 'late-review'?"),
        ("give late-review nobody late --as dee", 1, "no task of queue"),
        ("give late-review nobody late", 2, "--as"),
        ("next late-review --as Dee", 2, "annotator's name 'Dee' is not valid"),
        ("settle late-review nobody --as dee", 2, "--strike"),
        ("settle late-review nobody late --strike --as dee", 2, "--strike"),
        ("contest late-review nobody --as dee", 2, "--comment"),
    ],
)
def test_what_can_not_be_meant_is_refused(
    ask: Callable[..., Any], line: str, code: int, said: str
) -> None:
    done = ask(*line.split())
    assert done.code == code
    assert said in done.err
    assert done.out == ""


def test_somebody_for_whom_nothing_is_left_is_told_so(ask: Callable[..., Any]) -> None:
    while (item := json.loads(ask("next", QUEUE, "--as", "dee", "--json").out)) is not None:
        ask("give", QUEUE, item["decision_id"], "late", "--as", "dee")
    assert "nothing is left" in ask("next", QUEUE, "--as", "dee").err
