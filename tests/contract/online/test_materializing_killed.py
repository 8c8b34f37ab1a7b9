"""A materialisation or an erasure that is killed with -9 is simply done again."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parent / "dying_materializer.py"
KILLS = 2


def kill_after(tmp_path: Path, url: str, verb: str, *, delay_s: float) -> None:
    command = [sys.executable, str(PROGRAM), str(tmp_path), url, verb]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "through\n"
        time.sleep(delay_s)  # not a wait for anything: where the kill falls is to vary
        program.kill()


@pytest.mark.parametrize("verb", ["materialize", "erase"])
def test_what_was_killed_is_done_again(desk: Any, online_url: str, tmp_path: Path, verb: str):
    desk.commit(*[(f"N{n}", 540, float(n)) for n in range(3000)])
    desk.materialize()
    desk.push(("N1", 590, 0.5), ("PUT", 590, 0.5))
    dice = random.Random(verb)
    for _ in range(KILLS):
        kill_after(tmp_path, online_url, verb, delay_s=dice.uniform(0, 0.4))
        assert desk.heats("N0", "N1", "N2999", "PUT") == [0.0, 0.5, 2999.0, 0.5]
    desk.withdraw("N2")
    desk.redact("N2")
    assert desk.features.erase("tailnum") == ["planes"]
    assert desk.heats("N0", "N1", "PUT") == [0.0, 0.5, 0.5]
    assert desk.store.count("planes") == 3000
    assert desk.materialize(whole=True).rows == 2999
    with desk.ledger.read() as tx:
        runs = tx.runs.list(kind="materialization")
    assert {run.status for run in runs} <= {"finished", "killed"}
