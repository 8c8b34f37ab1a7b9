"""kill -9 of the demo's server, at five moments: the same command completes, and no answer is lost.

What the client was told is in a journal that the demo keeps outside its home; what Towpath remembers is
in the decision log. They must agree, whoever died in between.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import psutil
import pytest

from towpath.app.home import open_home
from towpath.app.place import resolve_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.demo.feed import Feed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SERVICE = "delay-board"
WITHIN_S = 300.0
WORTH_A_RETRY = 5
ERASING = ("suppressed", "acknowledged", "redacted", "purged", "retraining", "rolling_out")


class Telling:
    """The demo in a process of its own, and how far its story is."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.home = folder / "home"
        self.journal = folder / "journal"
        with (folder / "said").open("wb") as out, (folder / "errors").open("ab") as err:
            self.process = subprocess.Popen(
                [
                    *(str(program), "demo", "--fast", "--json"),
                    *("--keep", str(self.home), "--journal", str(self.journal)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={k: v for k, v in os.environ.items() if not k.startswith("TOWPATH_")},
            )
        self.killed: list[psutil.Process] = []

    def until(self, found: Callable[[], Any], what: str, *, or_end: bool = False) -> Any:
        """Wait for the moment, and return what was found then."""
        deadline = time.monotonic() + WITHIN_S
        while True:
            seen = found()
            if seen:
                return seen
            if self.ended():
                assert or_end, f"the demo ended before {what}"
                return None
            assert time.monotonic() < deadline, f"no sign of {what}"
            time.sleep(0.01)

    def ended(self) -> bool:
        return self.process.poll() is not None

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def role(self, name: str) -> psutil.Process | None:
        """Return the process of a role, `up` included."""
        for one in self.family():
            try:
                words = one.cmdline()
            except psutil.NoSuchProcess:
                continue
            if words[1:4] == ["-m", "towpath", name]:
                return one
        return None

    def step(self) -> psutil.Process | None:
        """Return a process that executes a step: the worker starts runs, a run has steps forked."""
        worker = self.role("worker")
        try:
            return next(
                (
                    step
                    for run in (worker.children() if worker else [])
                    for server in run.children()
                    for step in server.children()
                ),
                None,
            )
        except psutil.NoSuchProcess:
            return None

    def phases(self, kind: str) -> list[str]:
        """Return the phases of what is wanted of a kind, read past the program."""
        try:
            with closing(
                sqlite3.connect(f"file:{self.home}/towpath.db?mode=ro", uri=True)
            ) as found:
                rows = found.execute("SELECT phase FROM intents WHERE kind = ?", (kind,))
                return [phase for (phase,) in rows]
        except sqlite3.OperationalError:  # not there yet
            return []

    def kill(self, victim: psutil.Process | None) -> None:
        """End one process of the tree as hard as can be."""
        assert victim is not None
        self.killed = self.family()
        victim.kill()

    def answered(self) -> int:
        return len(read_journal(self.journal))

    def end(self) -> int:
        """Wait for the end, see that nothing outlives it, and return the exit code."""
        code = self.process.wait(WITHIN_S)
        _, left = psutil.wait_procs(self.killed, timeout=30)
        assert left == [], "the demo's processes outlived it"
        return code


def read_journal(path: Path) -> list[tuple[str, str]]:
    if not path.exists():
        return []
    return [tuple(json.loads(line)) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def survived(program: Path, once: Any) -> Path:
    """The folder of a demo that was killed at five moments and told to its end."""
    return Path(once("killed", lambda folder: survive(program, folder)))


def survive(program: Path, folder: Path) -> str:
    telling = Telling(program, folder)
    telling.kill(telling.until(telling.step, "a step of the first training"))
    # Steps and workers come back by themselves, and the demo goes on.
    telling.until(lambda: telling.answered() > 0, "an answer")
    telling.kill(telling.role("gateway"))
    telling.until(lambda: telling.answered() > 2000, "more answers", or_end=True)
    if telling.ended():  # the client was waiting for an answer
        assert telling.end() == WORTH_A_RETRY
        telling = Telling(program, folder)

    telling.until(lambda: len(telling.phases("pipeline_run")) > 1, "a retraining")
    telling.until(telling.step, "a step of the retraining")
    telling.kill(telling.role("worker"))

    telling.until(lambda: telling.phases("rollout"), "a rollout")
    telling.kill(telling.role("up"))
    assert telling.end() == WORTH_A_RETRY

    telling = Telling(program, folder)
    telling.until(lambda: set(telling.phases("erasure")) & set(ERASING[1:]), "an erasure")
    telling.kill(telling.role("worker"))
    telling.until(lambda: set(telling.phases("erasure")) & set(ERASING[2:]), "more of it")
    telling.kill(psutil.Process(telling.process.pid))
    assert telling.end() == -signal.SIGKILL

    telling = Telling(program, folder)
    code = telling.end()
    assert code == 0, (folder / "errors").read_text()[-4000:]
    return str(folder)


def test_the_story_comes_to_its_end_all_the_same(survived: Path):
    summary = json.loads((survived / "said").read_text())
    assert summary["erasure"]["phase"] == "certified"
    assert summary["erasure"]["residue"] == 0
    assert summary["rollouts"]
    assert summary["champion_before"] != summary["champion_after"]
    assert summary["reused"]["decisions"] > 0
    assert 0.9 * summary["decisions"] < summary["labels_joined"] <= summary["decisions"]


def test_no_decision_that_was_answered_is_missing_and_none_is_doubled(survived: Path, feed: Feed):
    told = read_journal(survived / "journal")
    settings = {"home": str(survived / "home"), "replay": True}
    with open_home(resolve_place(survived, flags=settings, environ={})) as home:
        log = home.decisions.scan(SERVICE, columns=["decision_id", "key"]).collect()
        flights = home.datasets.scan(home.datasets.versions("flights")[0].ref).collect()
    assert log["decision_id"].is_unique().all()
    assert log["key"].is_unique().all()
    assert len({flight for flight, _ in told}) == len(told), "a flight was answered twice"

    landed = feed.flights.filter(pl.col("landed") <= flights["landed"].max())
    (withdrawn,) = set(landed["tailnum"]) - set(flights["tailnum"])
    of_withdrawn = set(feed.flights.filter(pl.col("tailnum") == withdrawn)["flight_id"])
    recorded = set(log.select("key", "decision_id").iter_rows())
    assert {one for one in told if one[0] not in of_withdrawn} - recorded == set()
    assert set(log["key"]).isdisjoint(of_withdrawn)
