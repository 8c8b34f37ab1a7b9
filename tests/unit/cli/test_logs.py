"""What steps printed, from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def talking(project: Path, towpath: Callable[..., Any]) -> str:
    """A finished run whose step printed, and its id."""
    code = """
import towpath as tp

@tp.step
def talk(*, times: int) -> int:
    for n in range(times):
        print(f"grüß dich {n}")
    return times

@tp.pipeline
def train():
    return talk(times=2), talk(times=1)

project = tp.Project("mine", owner="you@example.org", pipelines=[train])
"""
    (project / "mine.py").write_text(code, encoding="utf-8")
    done = towpath("run", "train", "--json")
    assert done.code == 0, done.err
    return json.loads(done.out.splitlines()[-1])["run"]


def test_lines_come_with_the_names_of_their_steps(towpath: Callable[..., Any], talking: str):
    both = ["talk-2: grüß dich 0", "talk: grüß dich 0", "talk: grüß dich 1"]
    assert sorted(towpath("logs", talking).out.splitlines()) == both
    assert sorted(towpath("logs", talking[:-3], "--follow").out.splitlines()) == both
    assert towpath("logs", talking, "talk-2").out == "grüß dich 0\n"
    told = [json.loads(line) for line in towpath("logs", talking, "--json").out.splitlines()]
    assert sorted(one["step"] for one in told) == ["talk", "talk-2"]


def test_what_is_not_there_is_named(towpath: Callable[..., Any], talking: str):
    done = towpath("logs", talking, "talk-3")
    assert done.code == 1
    assert "talk-2" in done.err
    assert towpath("logs", "zz").code == 1
