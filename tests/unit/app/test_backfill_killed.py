"""A real worker, killed with everything below it in the middle of a backfill: nothing is done twice."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from textwrap import dedent
from typing import TYPE_CHECKING

import psutil
import pytest

from towpath.app.applying import apply
from towpath.app.home import open_home
from towpath.app.place import resolve_place
from towpath.operate.projects import load_project
from towpath.operate.scheduling import BackfillRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from towpath.app.home import Home

WITHIN_S = 240  # two workers and six runs start one after the other, on what may be a busy machine
pytestmark = pytest.mark.timeout(900)
PROJECT = """
    import time
    from pathlib import Path
    import towpath as tp

    def note(folder: str, word: str) -> None:
        with (Path(folder) / "notes").open("a") as notes:
            notes.write(word + "\\n")

    @tp.step
    def begin(folder: str, day: str) -> str:
        note(folder, f"begin {day}")
        return day

    @tp.step
    def end(day: str, folder: str) -> str:
        note(folder, f"reach {day}")
        while day >= "2013-01-03" and not (Path(folder) / "gate").exists():
            time.sleep(0.01)
        note(folder, f"end {day}")
        return day

    @tp.pipeline
    def train(folder: str, day: str):
        return end(begin(folder, day), folder)

    project = tp.Project("windows", owner="you@example.org", pipelines=[train])
"""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.02)


def notes(folder: Path) -> list[str]:
    path = folder / "notes"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / "windows"
    folder.mkdir()
    (folder / "windows.py").write_text(dedent(PROJECT), encoding="utf-8")
    (folder / "towpath.toml").write_text('project = "windows:project"\n', encoding="utf-8")
    with open_home(resolve_place(folder, flags={}, environ={})) as home:
        project = load_project(folder, "windows:project")
        code = home.snapshot(project)
        apply(home.ledger, project, code=code, environment="production")
        yield home
    sys.modules.pop("windows", None)


@contextlib.contextmanager
def worker(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "towpath", "worker", "--owner", "one"]
    with subprocess.Popen(
        [*command, "--directory", str(home.place.root)], env={**os.environ, "TOWPATH_RUNS": "2"}
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def end_leases(home: Home) -> None:
    """Do what a quarter of a minute does: nobody renews what the dead worker held."""
    with home.ledger.write() as tx:
        for row in tx.intents.list(limit=None):
            if row.owner is not None:
                tx.intents.renew(row, lease_s=0)


def test_a_backfill_outlives_its_worker(home: Home, tmp_path: Path):
    since = datetime(2013, 1, 1, tzinfo=UTC)
    started = home.backfills.start(
        BackfillRequest(
            project="windows",
            pipeline="train",
            since=since,
            until=since + timedelta(days=4),
            every=timedelta(days=1),
            parallel=2,
            params={"folder": str(tmp_path), "day": "{since}"},
        )
    )
    days = [f"2013-01-0{day}T00:00:00+00:00" for day in (1, 2, 3, 4)]
    with worker(home) as process:
        until(lambda: {f"reach {day}" for day in days} <= set(notes(tmp_path)))
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
    gone, alive = psutil.wait_procs(family, timeout=WITHIN_S)
    assert gone
    assert not alive
    assert home.backfills.get(started.name).counts == {"done": 2, "running": 2}
    end_leases(home)
    (tmp_path / "gate").touch()
    with worker(home):
        until(lambda: home.backfills.get(started.name).phase == "done")
    found = notes(tmp_path)
    for day in days:
        assert found.count(f"begin {day}") == 1  # a finished step is never done again
        assert found.count(f"end {day}") == 1
    assert home.backfills.get(started.name).counts == {"done": 4}
