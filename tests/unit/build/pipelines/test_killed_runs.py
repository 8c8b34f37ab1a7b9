"""A run whose process is killed, at each of five points: nothing finished is redone, nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from towpath.build.pipelines import CandidateOutcome
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.build.pipelines import CandidateRequest

WITHIN_S = 120
PROJECT = """
    import os
    from pathlib import Path

    import towpath as tp

    FOLDER = Path({folder!r})


    def note(word: str) -> None:
        with (FOLDER / "notes").open("a") as file:
            file.write(word + "\\n")


    @tp.step
    def first() -> list[int]:
        note("first began")
        note("first ended")
        return [1, 2, 3]


    @tp.step({options})
    def each(number: int) -> int:
        note(f"each {{number}} began")
        if number == 2 and (FOLDER / "kill in the task").exists():
            (FOLDER / "kill in the task").unlink()
            os.kill(int((FOLDER / "pid").read_text()), 9)
        note(f"each {{number}} ended")
        return number * 10


    @tp.step
    def last(numbers: list[int]) -> int:
        note("last began")
        note("last ended")
        return sum(numbers)


    @tp.pipeline
    def train():
        return last(tp.map(each, first(), parallel=1))
"""
RUN = """
    import os
    import signal
    import sys
    from pathlib import Path

    from towpath.assets.code import CodeStore
    from towpath.assets.datasets import ParquetDatasetStore
    from towpath.build.compute import LocalExecutor
    from towpath.build.pipelines import PipelineRunner
    from towpath.build.pipelines.running.recording import Recorder
    from towpath.core.clock import SystemClock
    from towpath.core.refs import Ref
    from towpath.ledger import open_ledger
    from towpath.storage.blobs import open_blobs
    from towpath.storage.database import open_database
    from towpath.storage.keys import FileKeyring

    home, folder, point = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    (folder / "pid").write_text(str(os.getpid()))
    sys.path.insert(0, str(home / "project"))
    import toy


    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)


    write = Recorder.write


    def dying(self, turn, *, lease_s):
        # Each point once the second of the three calls is at it.
        names = [one.call.name for one in turn.done]
        if point == "after the blob" and "map-each/1" in names:
            die()
        found = write(self, turn, lease_s=lease_s)
        if point == "after the claim" and any(one.name == "map-each/1" for one in turn.claims):
            die()
        if point == "after the record" and "map-each/1" in names:
            die()
        return found


    Recorder.write = dying
    keyring = FileKeyring(home / "keys")
    ledger = open_ledger(open_database(f"sqlite:///{home}/towpath.db"), keyring)
    url = (home / "blobs").as_uri()
    blobs = open_blobs(url)
    with LocalExecutor(cpus=2, preload=()) as executor:
        PipelineRunner(
            ledger, blobs, blobs_url=url, scratch=home / "run", clock=SystemClock(),
            datasets=ParquetDatasetStore(ledger, blobs, keyring),
            code=CodeStore(ledger, blobs, home / "code"),
            executor=executor,
        ).run(toy.train, project="toy", code=Ref("code", "toy", 1))
"""
POINTS = ("after the claim", "in the task", "after the blob", "after the record")


# An inline step is claimed and recorded at once, when it has ended: it has no point after the claim.
@pytest.mark.parametrize(
    ("point", "options"),
    [*((point, "") for point in POINTS), *((point, "inline=True") for point in POINTS[1:])],
)
def test_a_run_killed_at_any_point_goes_on_where_it_was(
    workshop: Any, tmp_path: Path, point: str, options: str
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    workshop.write("toy.py", PROJECT.format(folder=str(folder), options=options))
    workshop.snapshot()
    if point == "in the task":
        (folder / "kill in the task").touch()
    elsewhere = subprocess.Popen(
        [sys.executable, "-c", dedent(RUN), str(workshop.home), str(folder), point],
        start_new_session=True,
    )
    assert elsewhere.wait(WITHIN_S) == -signal.SIGKILL
    orphans = [one for one in psutil.process_iter() if _of(one, elsewhere)]
    psutil.wait_procs(orphans, timeout=WITHIN_S)
    before = notes(folder)
    ended = _recorded(workshop)

    result = workshop.run()

    after = notes(folder)[len(before) :]
    assert result.status == "finished"
    assert workshop.value(result) == 60
    hits = {one.name for one in result.steps if one.status == "hit"}
    # Nothing that was recorded is done again, and everything that was is found.
    assert hits == ended
    assert {one.name for one in result.steps if one.status == "done"} == {
        "first", "map-each", "map-each/0", "map-each/1", "map-each/2", "last",
    } - ended  # fmt: skip
    for name in ended:
        assert f"{_word(name)} began" not in after
    assert _once_each(notes(folder), ended)
    with workshop.ledger.read() as tx:
        assert tx.runs.list(status="running") == []
        assert {one.status for one in tx.runs.list(kind="pipeline")} == {"finished", "killed"}
    # What had been recorded before: an inline step goes into the record together with its neighbours.
    assert "first" in ended
    assert options or "map-each/0" in ended


def test_a_run_killed_while_its_model_is_judged_proposes_it_again(
    workshop: Any, tmp_path: Path
) -> None:
    """The fifth point: every step is done, and the judge is at work."""
    folder = tmp_path / "shared"
    folder.mkdir()
    workshop.write("toy.py", PROPOSAL.format(folder=str(folder)))
    workshop.snapshot()
    dying = RUN.replace("executor=executor,", "executor=executor, candidates=Judge(),").replace(
        "    keyring = ", JUDGE + "\n    keyring = ", 1
    )
    elsewhere = subprocess.Popen(
        [sys.executable, "-c", dedent(dying), str(workshop.home), str(folder), "never"],
        start_new_session=True,
    )
    assert elsewhere.wait(WITHIN_S) == -signal.SIGKILL

    class Judge:
        seen: list[CandidateRequest] = []  # noqa: RUF012  one test, one judge

        def consider(self, request: CandidateRequest) -> CandidateOutcome:
            self.seen.append(request)
            return CandidateOutcome(version=Ref("model", request.name, 1), verdict="pass")

    workshop.candidates = Judge()
    result = workshop.run()

    assert [one.status for one in result.steps] == ["hit", "hit"]
    assert (result.status, result.verdict) == ("finished", "pass")
    assert notes(folder) == ["fit"]
    assert Judge.seen[0].model.digest == (folder / "judged").read_text()


PROPOSAL = """
    from pathlib import Path

    import polars as pl
    import towpath as tp
    from sklearn.linear_model import LogisticRegression
    from towpath.assets.models import Model

    FOLDER = Path({folder!r})

    @tp.step
    def rows() -> pl.DataFrame:
        return pl.DataFrame({{"x": [0.0, 1.0, 2.0, 3.0], "y": [0, 0, 1, 1]}})

    @tp.step
    def fit(rows: pl.DataFrame) -> Model:
        with (FOLDER / "notes").open("a") as file:
            file.write("fit\\n")
        return Model.fit(LogisticRegression(), rows.select("x"), rows["y"])

    @tp.pipeline
    def train():
        table = rows()
        return tp.candidate("late", fit(table), test=table)
"""
JUDGE = """
    class Judge:
        def consider(self, request):
            (folder / "judged").write_text(request.model.digest)
            die()
"""


def notes(folder: Path) -> list[str]:
    path = folder / "notes"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _of(process: psutil.Process, leader: subprocess.Popen[bytes]) -> bool:
    """Tell whether a process belongs to the session of one that is dead."""
    try:
        return os.getsid(process.pid) == leader.pid
    except (ProcessLookupError, PermissionError):
        return False


def _recorded(workshop: Any) -> set[str]:
    """Return the steps that the killed run had recorded as finished."""
    with workshop.ledger.read() as tx:
        return {one.name for one in tx.runs.list(kind="step", status="finished")}


def _word(name: str) -> str:
    numbers = {"map-each/0": "each 1", "map-each/1": "each 2", "map-each/2": "each 3"}
    return numbers.get(name, name)


def _once_each(said: list[str], ended: set[str]) -> bool:
    """Tell whether everything recorded before the kill was executed exactly once."""
    return all(said.count(f"{_word(name)} ended") == 1 for name in ended)
