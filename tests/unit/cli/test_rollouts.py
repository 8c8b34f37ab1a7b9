"""Orders to rollouts from the command line."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from towpath.app.home import open_home
from towpath.app.place import resolve_place
from towpath.operate.rollouts import Rollout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def going_on(project: Path) -> str:
    """A rollout that no worker has begun."""
    with open_home(resolve_place(project, flags={}, environ={})) as home, home.ledger.write() as tx:
        spec = {"service": "mine", "environment": "production", "champion": "model:tumour@1"}
        spec |= {"challenger": "model:tumour@2", **dataclasses.asdict(Rollout())}
        tx.intents.put("rollout", "mine.2", project="mine", spec=spec)
    return "mine.2"


def test_a_person_pauses_resumes_and_ends_a_rollout(going_on: str, towpath: Callable[..., Any]):
    paused = towpath("rollout", "pause", going_on, "--as", "ann", "--why", "a holiday", "--json")
    assert json.loads(paused.out) == {"rollout": going_on, "ordered": "pause", "changed": True}
    again = towpath("rollout", "pause", going_on)
    assert again.code == 0
    assert "is so already" in again.err
    shown = json.loads(towpath("rollout", "show", going_on, "--json").out)
    assert shown["spec"]["paused"]["by"] == "ann"
    assert towpath("rollout", "resume", going_on).code == 0
    assert towpath("rollout", "abort", going_on).code == 0
    late = towpath("rollout", "promote", going_on)
    assert late.code == 5
    assert "is being ended already" in late.err
    said = towpath("audit", "events", "--json").out
    assert said.count("rollout.ordered") == 3
