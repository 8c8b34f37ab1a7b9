"""Runs that a row asks for: started, watched, retried, and never left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from towpath.build.pipelines import PipelineRunReconciler
from towpath.core.errors import FenceLost
from towpath.ledger.controllers import ControllerLoop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.ledger.records import Intent

WITHIN_S = 60
SAID = {"run": "r1", "status": "finished", "model": "model:late@1", "verdict": "pass"}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


def program(code: str) -> Callable[[Intent], list[str]]:
    return lambda _: [sys.executable, "-S", "-c", dedent(code)]


def ask(ledger: Ledger, name: str = "one") -> None:
    spec = {"project": "toy", "pipeline": "train", "params": {}}
    with ledger.write() as tx:
        tx.intents.put("pipeline_run", name, project="toy", spec=spec)


def row(ledger: Ledger, name: str = "one") -> Intent:
    with ledger.read() as tx:
        return tx.intents.get("pipeline_run", name)


def step(ledger: Ledger, reconciler: PipelineRunReconciler) -> bool:
    return ControllerLoop(ledger, [reconciler], owner="test").step()


@pytest.mark.parametrize(
    ("code", "phase"), [(0, "done"), (3, "refused"), (1, "failed"), (2, "failed"), (4, "failed")]
)
def test_how_the_command_exits_is_how_the_row_ends(
    sqlite_ledger: Ledger, code: int, phase: str
) -> None:
    ask(sqlite_ledger)
    said = json.dumps(SAID)
    command = program(f"import sys; print('noise'); print('''{said}'''); sys.exit({code})")

    assert step(sqlite_ledger, PipelineRunReconciler(sqlite_ledger, command))

    ended = row(sqlite_ledger)
    assert ended.phase == phase
    assert ended.status == {**SAID, "attempt": 1, "exit_code": code}
    assert ended.due_at is None


def test_the_command_is_made_from_the_row(sqlite_ledger: Ledger) -> None:
    ask(sqlite_ledger, "named")

    def command(held: Intent) -> list[str]:
        said = json.dumps({"run": held.name, "pipeline": held.spec["pipeline"]})
        return [sys.executable, "-S", "-c", f"print('''{said}''')"]

    step(sqlite_ledger, PipelineRunReconciler(sqlite_ledger, command))

    status = row(sqlite_ledger, "named").status
    assert (status["run"], status["pipeline"]) == ("named", "train")


@pytest.mark.parametrize("ending", ["sys.exit(5)", "os.kill(os.getpid(), 9)"])
def test_trouble_is_tried_again_later_and_not_for_ever(sqlite_ledger: Ledger, ending: str) -> None:
    ask(sqlite_ledger)
    command = program(f"import os, sys; {ending}")
    reconciler = PipelineRunReconciler(sqlite_ledger, command)

    step(sqlite_ledger, reconciler)
    first = row(sqlite_ledger)
    assert (first.phase, first.status["attempt"]) == ("running", 1)
    assert first.due_at is not None
    for _ in range(3):
        with sqlite_ledger.write() as tx:
            tx.intents.wake("pipeline_run", "one")
        step(sqlite_ledger, reconciler)

    last = row(sqlite_ledger)
    assert (last.phase, last.status["attempt"], last.due_at) == ("failed", 4, None)
    assert last.status["error"] == "the command did not say how it went"


def test_a_run_that_was_cancelled_is_no_failure_and_wakes_what_waits_for_it(
    sqlite_ledger: Ledger,
) -> None:
    with sqlite_ledger.write() as tx:
        tx.intents.put("backfill", "toy.train.1", project="toy", spec={}, due=False)
        spec = {"project": "toy", "pipeline": "train", "wakes": ["backfill", "toy.train.1"]}
        tx.intents.put("pipeline_run", "one", project="toy", spec=spec)
    said = json.dumps({**SAID, "status": "cancelled"})
    command = program(f"import sys; print('''{said}'''); sys.exit(1)")
    step(sqlite_ledger, PipelineRunReconciler(sqlite_ledger, command))
    assert (row(sqlite_ledger).phase, row(sqlite_ledger).due_at) == ("cancelled", None)
    with sqlite_ledger.read() as tx:
        assert tx.intents.get("backfill", "toy.train.1").due_at is not None


def test_a_row_that_is_over_is_left_alone(sqlite_ledger: Ledger) -> None:
    ask(sqlite_ledger)
    step(sqlite_ledger, PipelineRunReconciler(sqlite_ledger, program("")))
    with sqlite_ledger.write() as tx:
        tx.intents.wake("pipeline_run", "one")
    before = row(sqlite_ledger)

    def never(_: Intent) -> list[str]:
        raise AssertionError("it must not be started")

    step(sqlite_ledger, PipelineRunReconciler(sqlite_ledger, never))

    assert (row(sqlite_ledger).phase, row(sqlite_ledger).status) == (before.phase, before.status)


def test_told_to_stop_it_ends_the_child_and_gives_the_row_back(
    sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    ask(sqlite_ledger)
    stop, pid_file = threading.Event(), tmp_path / "pid"
    reconciler = PipelineRunReconciler(sqlite_ledger, waiting(pid_file), stop=stop)
    worker = threading.Thread(target=step, args=(sqlite_ledger, reconciler))
    worker.start()
    until(lambda: pid_file.exists() and bool(pid_file.read_text(encoding="ascii")))

    stop.set()
    worker.join(WITHIN_S)

    assert not worker.is_alive()
    assert not psutil.pid_exists(int(pid_file.read_text(encoding="ascii")))
    given_back = row(sqlite_ledger)
    assert (given_back.phase, given_back.status) == ("running", {"attempt": 0})
    assert step(sqlite_ledger, PipelineRunReconciler(sqlite_ledger, program("")))


def test_a_worker_that_lost_its_lease_records_nothing(sqlite_ledger: Ledger) -> None:
    ask(sqlite_ledger)
    with sqlite_ledger.write() as tx:
        held = tx.intents.claim(["pipeline_run"], owner="a", lease_s=0)
    assert held is not None

    def steal(_: Intent) -> list[str]:
        with sqlite_ledger.write() as tx:
            tx.intents.claim(["pipeline_run"], owner="b", lease_s=60)
        return [sys.executable, "-S", "-c", ""]

    with pytest.raises(FenceLost):
        PipelineRunReconciler(sqlite_ledger, steal).reconcile(held)

    assert row(sqlite_ledger).phase == "running"


def test_when_the_worker_is_killed_its_child_dies_and_another_starts_again(
    sqlite_ledger: Ledger, sqlite_url: str, tmp_path: Path
) -> None:
    ask(sqlite_ledger)
    pid_file = tmp_path / "pid"
    worker = subprocess.Popen(
        [sys.executable, "-c", dedent(WORKER), sqlite_url, str(tmp_path), str(pid_file)]
    )
    until(lambda: pid_file.exists() and bool(pid_file.read_text(encoding="ascii")))
    child = psutil.Process(int(pid_file.read_text(encoding="ascii")))

    worker.send_signal(signal.SIGKILL)
    worker.wait()

    child.wait(WITHIN_S)
    reconciler = PipelineRunReconciler(sqlite_ledger, program(f"print('''{json.dumps(SAID)}''')"))
    until(lambda: step(sqlite_ledger, reconciler))
    ended = row(sqlite_ledger)
    assert (ended.phase, ended.status["attempt"]) == ("done", 2)


WAIT = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
WORKER = f"""
    import sys
    from pathlib import Path
    from towpath.build.pipelines.running.reconciling import PipelineRunReconciler
    from towpath.ledger import open_ledger
    from towpath.ledger.controllers import ControllerLoop
    from towpath.storage.database import open_database
    from towpath.storage.keys import FileKeyring

    ledger = open_ledger(open_database(sys.argv[1]), FileKeyring(Path(sys.argv[2]) / "keys"))
    command = [sys.executable, "-S", "-c", {WAIT!r}, sys.argv[3]]
    reconciler = PipelineRunReconciler(ledger, lambda _: command)
    ControllerLoop(ledger, [reconciler], owner="worker", lease_s=1.0).step()
"""


def waiting(pid_file: Path) -> Callable[[Any], list[str]]:
    return lambda _: [sys.executable, "-S", "-c", WAIT, str(pid_file)]
