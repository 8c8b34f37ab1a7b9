"""Whole runs under a budget, in processes of their own: killed, preempted, and out of money."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from towpath.build.capacity import project_path
from towpath.ledger import Ledger, open_ledger
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

WITHIN_S = 120.0
PROJECT = """
    import time
    from pathlib import Path
    import towpath as tp

    @tp.step(timeout="20s")
    def make(n: int) -> int:
        return n

    @tp.step(timeout="60s", checkpoint=True)
    def grow(given: int, gate: str) -> int:
        began = tp.checkpoint.saved() or 0
        tp.checkpoint(began + 1)
        while not Path(gate).exists() and not tp.checkpoint.wanted:
            time.sleep(0.01)
        tp.checkpoint(began + 1)
        Path(gate + ".began").write_text(str(began))
        return began

    @tp.pipeline
    def train(n: int, gate: str):
        return grow(make(n), gate)

    @tp.pipeline
    def urgent(n: int):
        return make(n)

    project = tp.Project(
        "tiny",
        owner="me",
        pipelines=[train, urgent],
        budget=tp.Budget(usd_per_month=CAP, steps=1),
        queues=[tp.Queue("fast", pipelines=[urgent], priority=5)],
    )
"""


class Town:
    """A project folder with a home, and the program to run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gate = folder / "gate"
        self.home = folder / ".towpath"
        self.started: list[subprocess.Popen[str]] = []
        (folder / "towpath.toml").write_text('project = "tiny:project"\n', encoding="utf-8")
        self.write(cap=1.0)

    def write(self, *, cap: float) -> None:
        text = dedent(PROJECT).replace("CAP", str(cap))
        (self.folder / "tiny.py").write_text(text, encoding="utf-8")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "towpath", *arguments, "--json"]
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, text=True)
        self.started.append(process)
        return process

    def train(self) -> subprocess.Popen[str]:
        return self.start("run", "train", "--param", "n=1", "--param", f"gate={self.gate}")

    def end(self, process: subprocess.Popen[str]) -> tuple[int, Any]:
        said, _ = process.communicate(timeout=WITHIN_S)
        return process.returncode, json.loads(said.splitlines()[-1]) if said else None

    def ledger(self) -> Ledger:
        database = open_database(f"sqlite:///{self.home / 'towpath.db'}")
        return open_ledger(database, FileKeyring(self.home / "keys"))

    def until_it_saves(self, process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not (self.home / "keys").exists() or not self.points():
            assert process.poll() is None, "it ended"
            assert time.monotonic() < deadline, "it never saved"
            time.sleep(0.05)

    def points(self) -> list[Any]:
        ledger = self.ledger()
        with ledger.read() as tx:
            found = tx.line.resume_points()
        ledger.close()
        return found

    def outcomes(self) -> list[tuple[str, str]]:
        ledger = self.ledger()
        with ledger.read() as tx:
            entries = tx.account.entries(kind="settle")[::-1]
        ledger.close()
        return [(one.step, one.body["outcome"]) for one in entries]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def reserved(town: Town) -> int:
    ledger = town.ledger()
    with ledger.read() as tx:
        path = project_path("tiny")
        balance = tx.account.balances({path: datetime(2000, 1, 1, tzinfo=UTC)})[path]
    ledger.close()
    return balance.reserved


def test_a_killed_run_is_settled_by_the_next_which_goes_on_from_the_checkpoint(town: Town) -> None:
    killed = town.train()
    town.until_it_saves(killed)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(WITHIN_S)
    assert reserved(town) > 0
    town.gate.touch()
    code, said = town.end(town.train())
    assert (code, said["status"], said["cached"]) == (0, "finished", 1)
    assert town.outcomes() == [("make", "done"), ("grow", "killed"), ("grow", "done")]
    assert reserved(town) == 0
    assert town.points() == []
    assert (town.folder / "gate.began").read_text(encoding="utf-8") == "1"


def test_a_run_of_higher_priority_gets_the_place_and_the_other_goes_on_afterwards(
    town: Town,
) -> None:
    low = town.train()
    town.until_it_saves(low)
    code, said = town.end(town.start("run", "urgent", "--param", "n=2"))
    assert (code, said["status"]) == (0, "finished")
    town.gate.touch()
    code, said = town.end(low)
    assert (code, said["status"]) == (0, "finished")
    assert town.outcomes() == [
        ("make", "done"),
        ("grow", "preempted"),
        ("make", "done"),
        ("grow", "done"),
    ]


def test_a_run_that_no_money_is_left_for_ends_with_4_and_goes_on_under_a_higher_cap(
    town: Town,
) -> None:
    town.gate.touch()
    town.write(cap=0.0008)  # grow can cost 0.000778
    code, said = town.end(town.train())
    assert code == 0, said
    ledger = town.ledger()
    with ledger.write() as tx:
        entry = tx.account.entries(kind="settle")[0]
        changes = {"permit": "adjust/1", "kind": "adjust", "micros": 400, "seq": 0}
        budgets = (project_path("tiny"),)
        fields = {name: getattr(entry, name) for name in type(entry).__dataclass_fields__}
        tx.account.append([type(entry)(**{**fields, **changes, "budgets": budgets})])
    ledger.close()
    other = ("--param", "n=2", "--param", f"gate={town.gate}")
    code, said = town.end(town.start("run", "train", *other))
    assert code == 4
    assert said["resumes_in_s"] > 0
    assert "may spend 0.0008 USD a month" in said["error"]
    town.write(cap=1.0)
    assert town.end(town.start("apply"))[0] == 0
    code, said = town.end(town.start("run", "train", *other))
    assert (code, said["cached"]) == (0, 1)
