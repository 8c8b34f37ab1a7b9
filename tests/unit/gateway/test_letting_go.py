"""A gateway lets go of the models that its route names no more, wherever it is killed, before it says so."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest


def kept(home: Path) -> set[str]:
    """Return the files of packages on the gateway's disk, whole and unfinished."""
    folder = home / "gateway" / "production" / "packages"
    return {path.name for path in folder.rglob("*") if path.is_file()}


def files_of(bench: Any, number: int) -> set[str]:
    """Return the blobs of a model version that no other has."""
    with bench.ledger.read() as tx:
        bodies = [one.body for one in tx.versions.list("model", "late")]
    every = {one["package"]: {one["package"], *one["files"].values()} for one in bodies}
    mine = every.pop(bench.packages[number - 1])
    return mine.difference(*every.values())


def followed(bench: Any) -> dict[str, int]:
    """Return what each gateway last said that it follows, by its process."""
    with bench.ledger.read() as tx:
        rows = tx.intents.list("gateway")
    return {row.spec["pid"]: row.status["route_generation"] for row in rows}


def on_second(bench: Any) -> dict[str, Any]:
    """Return the route of a service that has only the second model."""
    service = bench.service(0.0, 1.0)
    return service | {"arms": [service["arms"][1] | {"arm": "champion"}]}


@pytest.mark.parametrize("at", ["written", "removed", "unreported"])
@pytest.mark.parametrize("ledger", ["here", "away"])
def test_killed_on_the_way_it_has_let_go_before_it_serves_again(
    bench: Any, killable: Any, tmp_path: Path, at: str, ledger: str
) -> None:
    bench.route(board=bench.service())
    old, new = files_of(bench, 1), files_of(bench, 2)
    dying = killable(at)
    bench.eventually(lambda: dying.model(bench.body()) == "model:late@1", "the first model")
    assert old <= kept(tmp_path)

    generation = bench.route(board=on_second(bench))
    assert dying.process.wait(20) == -signal.SIGKILL
    assert followed(bench)[dying.process.pid] < generation, "it said so before it was so"
    again = killable("away" if ledger == "away" else "never")
    first = bench.eventually(lambda: again.model(bench.body()), "an answer")
    assert first == "model:late@2"
    assert not old & kept(tmp_path)
    assert new <= kept(tmp_path)
    if ledger == "away":
        return
    bench.eventually(lambda: followed(bench).get(again.process.pid) == generation, "its word")


def test_what_it_says_to_follow_it_holds_alone(bench: Any, killable: Any, tmp_path: Path) -> None:
    bench.route(board=bench.service())
    old = files_of(bench, 1)
    process = killable()
    bench.eventually(lambda: process.model(bench.body()), "an answer")
    assert old <= kept(tmp_path)
    generation = bench.route(board=on_second(bench))
    bench.eventually(lambda: followed(bench)[process.process.pid] == generation, "its word")
    assert not old & kept(tmp_path)
