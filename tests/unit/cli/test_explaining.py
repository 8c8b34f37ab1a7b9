"""`towpath decision replay`, `decision explain` and `subject report` on a lender's home."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import lightgbm
import pytest
from lender import Lender, loans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def lender(sqlite_ledger: Any, disk_blobs: Any, keyring: Any, tmp_path: Path) -> Iterator[Lender]:
    home = Lender(ledger=sqlite_ledger, blobs=disk_blobs, keyring=keyring, folder=tmp_path)
    yield home
    home.writer.close()


@pytest.fixture
def decided(lender: Lender) -> list[str]:
    rows = loans(200)
    lender.add_loans(rows)
    lender.serve()
    estimator = lightgbm.LGBMClassifier(n_estimators=8, num_leaves=5, verbose=-1, n_jobs=1)
    model = lender.register(estimator, rows)
    made = lender.decide(model, rows[:12])
    return made + lender.decide(model, rows[12:13], outputs={"granted": 0.25})


@pytest.fixture
def ask(towpath: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    return lambda *words: towpath(*words, "--home", tmp_path)


def value(done: Any) -> Any:
    """Return the JSON that a command printed; here, logs go to the same stream."""
    return json.loads(done.out.splitlines()[-1])


def test_the_exit_code_tells_equal_from_different(
    ask: Callable[..., Any], decided: list[str]
) -> None:
    equal = ask("decision", "replay", decided[0])
    assert equal.code == 0, equal.err
    assert "equal" in equal.out
    different = ask("decision", "replay", decided[-1])
    assert different.code == 1
    assert "ulp" in different.out
    assert value(ask("decision", "replay", decided[0], "--json"))["verdict"] == "equal"
    assert ask("decision", "replay", "nobody").code == 1


def test_many_are_replayed_and_their_share_is_told(
    ask: Callable[..., Any], decided: list[str]
) -> None:
    done = ask("decision", "replay", "--service", "lending", "--json")
    told = value(done)
    assert (done.code, told["replayed"], told["equal"]) == (1, 13, 12)
    assert [one["decision_id"] for one in told["different"]] == [decided[-1]]
    assert ask("decision", "replay", "--service", "lending", "--until", "2024-01-01").code == 0
    shown = ask("decision", "replay", "--service", "lending")
    assert "92.3077%" in shown.out


@pytest.mark.parametrize(
    "words",
    [(), ("--service", "lending", "ID"), ("--service", "lending", "--sample", 0)],
)
def test_what_can_not_be_meant_is_refused(
    ask: Callable[..., Any], decided: list[str], words: tuple[object, ...]
) -> None:
    given = [decided[0] if one == "ID" else one for one in words]
    assert ask("decision", "replay", *given).code == 2


def test_an_explanation_is_told_whole_or_as_a_letter(
    ask: Callable[..., Any], decided: list[str]
) -> None:
    whole = ask("decision", "explain", decided[0], "--near", 2)
    assert whole.code == 0, whole.err
    for part in ("log-odds", "nearest of 200 rows of dataset:loans@1, revision 1", "your loan is"):
        assert part in whole.out or part.capitalize() in whole.out
    assert "L0" not in whole.out
    keyed = ask("decision", "explain", decided[0], "--near", 2, "--keys")
    assert "L0" in keyed.out
    letter = ask("decision", "explain", decided[0], "--as", "letter")
    assert "\nYour loan is" in letter.out
    assert "log-odds" not in letter.out.partition("\nYour")[2]
    told = value(ask("decision", "explain", decided[0], "--as", "letter", "--json"))
    assert letter.out.endswith(told["text"])
    assert ask("decision", "explain", decided[0], "--near", 1000).code == 2


def test_a_report_is_counted_or_written_for_its_owner_alone(
    ask: Callable[..., Any], decided: list[str], tmp_path: Path
) -> None:
    counted = ask("subject", "report", "applicant=P0003")
    assert counted.code == 0, counted.err
    assert "P0003" not in counted.out
    folder = tmp_path / "answer"
    assert ask("subject", "report", "applicant=P0003", "--out", folder).code == 0
    assert decided[3] in (folder / "report.html").read_text()
    assert json.loads((folder / "report.json").read_text())["value"] == "P0003"
    assert ask("subject", "report", "applicant=P0003", "--out", folder).code == 5
    assert ask("subject", "report", "P0003").code == 2
    assert ask("subject", "report", "shoe=P0003").code == 1
