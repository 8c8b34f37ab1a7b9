"""Stopping a run from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def finished(project: Path, towpath: Callable[..., Any]) -> str:
    code = """
import towpath as tp

@tp.step(inline=True)
def one() -> int:
    return 1

@tp.pipeline
def train():
    return tp.map(one_more, [one(), one()])

@tp.step(inline=True)
def one_more(number: int) -> int:
    return number + 1

project = tp.Project("mine", owner="you@example.org", pipelines=[train])
"""
    (project / "mine.py").write_text(code, encoding="utf-8")
    done = towpath("run", "train", "--json")
    assert done.code == 0, done.err
    return json.loads(done.out.splitlines()[-1])["run"]


def test_a_run_that_is_over_is_left_alone(towpath: Callable[..., Any], finished: str) -> None:
    shown = towpath("run", "cancel", finished, "--json")
    said = towpath("run", "cancel", finished)

    assert (shown.code, json.loads(shown.out)) == (0, {"run": finished, "cancelled": False})
    assert "is over" in said.err


def test_a_run_that_is_not_there_is_named(towpath: Callable[..., Any], finished: str) -> None:
    del finished
    refused = towpath("run", "cancel", "ffffffff")

    assert refused.code == 1
    assert "ffffffff" in refused.err
