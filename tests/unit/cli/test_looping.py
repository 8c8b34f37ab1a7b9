"""A pipeline that commits to the data set which starts it: what it made starts nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from towpath.app.home import Home, open_home
from towpath.app.place import resolve_place
from towpath.app.running import run_arguments
from towpath.operate.triggers.reconciler import TriggerReconciler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CODE = """
import polars as pl
import towpath as tp

class Order(tp.Schema):
    order: str
    cents: int

orders = tp.Dataset("orders", schema=Order, key="order")

@tp.step
def tidy(rows: pl.DataFrame) -> int:
    more = pl.DataFrame({"order": [f"tidied-{rows.height}"], "cents": [0]})
    with tp.home(FOLDER) as home:
        home.datasets.commit(orders, more, project="mine")
    return rows.height

@tp.pipeline
def clean():
    return tidy(orders.all())

project = tp.Project(
    "mine",
    owner="you@example.org",
    datasets=[orders],
    pipelines=[clean],
    triggers=[tp.On(dataset=orders, pipeline=clean)],
)
"""


@pytest.fixture
def home(project: Path, towpath: Callable[..., Any]) -> Iterator[Home]:
    (project / "mine.py").write_text(f"FOLDER = {str(project)!r}\n{CODE}", encoding="utf-8")
    assert towpath("apply").code == 0
    with open_home(resolve_place(project, flags={}, environ={})) as home:
        yield home


def answer(home: Home) -> dict[str, Any]:
    """Let the trigger look, and return its status."""
    with home.ledger.write() as tx:
        tx.intents.wake("trigger", "mine.on-orders")
        held = tx.intents.claim(["trigger"], owner="test", lease_s=60)
    assert held is not None
    TriggerReconciler(home.ledger, home.clock).reconcile(held)
    with home.ledger.read() as tx:
        return tx.intents.get("trigger", "mine.on-orders").status


def test_the_run_s_own_version_is_told_and_dropped(
    home: Home, project: Path, towpath: Callable[..., Any]
):
    answer(home)
    (project / "orders.csv").write_text("order,cents\na,1\nb,2\n", encoding="utf-8")
    assert towpath("dataset", "add", "orders", "orders.csv").code == 0
    assert answer(home)["answers"][-1]["verdict"] == "started"

    with home.ledger.write() as tx:
        held = tx.intents.claim(["pipeline_run"], owner="test", lease_s=60)
    assert held is not None
    done = towpath(*run_arguments(home)(held))
    assert done.code == 0, done.err
    with home.ledger.write() as tx:
        tx.intents.advance(held, phase="done")

    run = json.loads(done.out.splitlines()[-1])["run"]
    made = home.datasets.versions("orders")[-1]
    assert (made.ref.version, made.made_by) == (2, run)
    last = answer(home)["answers"][-1]
    assert (last["version"], last["verdict"]) == ("orders@2", "looping")
    assert run in last["why"]
    with home.ledger.read() as tx:
        assert len(tx.intents.list("pipeline_run")) == 1
