"""Runs whose steps have their own processes: side by side, within limits, and killed at any moment."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from towpath.build.compute import LocalExecutor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WITHIN_S = 60
GATED = """
    import time
    from pathlib import Path
    import towpath as tp

    def note(folder: str, word: str) -> None:
        with (Path(folder) / "notes").open("a") as notes:
            notes.write(word + "\\n")

    def wait_for(path: str) -> None:
        while not Path(path).exists():
            time.sleep(0.01)

    @tp.step
    def first(folder: str) -> int:
        note(folder, "first")
        return 1

    @tp.step
    def second(before: int, folder: str) -> int:
        note(folder, "second began")
        wait_for(folder + "/gate")
        note(folder, "second ended")
        return before + 1

    @tp.step
    def third(before: int, folder: str) -> int:
        note(folder, "third")
        return before + 1

    @tp.pipeline
    def train(folder: str):
        return third(second(first(folder), folder), folder)
"""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


def notes(folder: Path) -> list[str]:
    path = folder / "notes"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.fixture
def isolated(workshop: Any) -> Iterator[Any]:
    with LocalExecutor(cpus=2, preload=()) as executor:
        workshop.executor = executor
        yield workshop


def test_a_run_in_processes_gives_what_a_run_inline_gives(workshop: Any) -> None:
    inline = workshop.run()
    workshop.change('print("preparing")', 'print("preparing again")')
    with LocalExecutor(cpus=2, preload=()) as executor:
        workshop.executor = executor
        isolated = workshop.run()

    assert isolated.steps[0].status == "done"
    assert isolated.outputs == inline.outputs


def test_steps_that_don_t_need_each_other_run_side_by_side(isolated: Any, tmp_path: Path) -> None:
    isolated.write(
        "toy.py",
        """
        import time
        from pathlib import Path
        import towpath as tp

        @tp.step
        def meet(folder: str, mine: str, theirs: str) -> str:
            (Path(folder) / mine).touch()
            while not (Path(folder) / theirs).exists():
                time.sleep(0.01)
            return mine

        @tp.pipeline
        def train(folder: str):
            return meet(folder, "a", "b"), meet(folder, "b", "a")
        """,
    )
    result = isolated.run(params={"folder": str(tmp_path)})

    assert (isolated.value(result, "0"), isolated.value(result, "1")) == ("a", "b")


def test_limits_hold_and_the_rest_is_stopped(isolated: Any) -> None:
    isolated.write(
        "toy.py",
        """
        import time
        import towpath as tp

        @tp.step
        def long() -> int:
            time.sleep(600)
            return 1

        @tp.step(timeout="1s")
        def short() -> int:
            time.sleep(600)
            return 1

        @tp.step
        def after(a: int, b: int) -> int:
            return a + b

        @tp.pipeline
        def train():
            return after(long(), short())
        """,
    )
    result = isolated.run()

    assert result.status == "failed"
    assert [step.status for step in result.steps] == ["killed", "failed", "skipped"]
    assert "longer than 1 s" in str(result.error)
    assert "longer timeout" in result.error.remedy
    with isolated.ledger.read() as tx:
        assert tx.runs.list(status="running") == []
        assert {one.name: one.status for one in tx.runs.list(kind="step")} == {
            "long": "killed",
            "short": "failed",
        }


def test_metrics_can_be_seen_while_the_step_runs(isolated: Any, tmp_path: Path) -> None:
    isolated.write(
        "toy.py",
        """
        import time
        from pathlib import Path
        import towpath as tp

        @tp.step
        def learn(folder: str) -> int:
            for n in range(3):
                tp.log_metric("loss", 1.0 / (n + 1), step=n)
            while not (Path(folder) / "gate").exists():
                time.sleep(0.01)
            tp.log_metric("loss", 0.0, step=3)
            return 1

        @tp.pipeline
        def train(folder: str):
            return learn(folder)
        """,
    )

    def look() -> None:
        def seen() -> list[float]:
            with isolated.ledger.read() as tx:
                running = tx.runs.list(kind="step", status="running")
                return [one.value for run in running for one in tx.runs.history(run.id, "loss")]

        until(lambda: seen() == [1.0, 0.5, 1 / 3])
        (tmp_path / "gate").touch()

    watcher = threading.Thread(target=look)
    watcher.start()
    result = isolated.run(params={"folder": str(tmp_path)})
    watcher.join()

    assert result.status == "finished"
    with isolated.ledger.read() as tx:
        points = tx.runs.history(result.steps[0].run_id, "loss")
        assert [(one.step, one.value) for one in points][-1] == (3, 0.0)
        assert len(points) == 4
        assert tx.runs.get(result.run_id).metrics == {"loss": 0.0}


def start_elsewhere(workshop: Any, folder: Path) -> subprocess.Popen[bytes]:
    """Run the pipeline in a process of its own, on the same stores."""
    script = """
        import sys
        from pathlib import Path
        from towpath.assets.code import CodeStore
        from towpath.assets.datasets import ParquetDatasetStore
        from towpath.build.compute import LocalExecutor
        from towpath.build.pipelines import PipelineRunner
        from towpath.core.clock import SystemClock
        from towpath.core.refs import Ref
        from towpath.ledger import open_ledger
        from towpath.storage.blobs import open_blobs
        from towpath.storage.database import open_database
        from towpath.storage.keys import FileKeyring

        home, folder = Path(sys.argv[1]), sys.argv[2]
        sys.path.insert(0, str(home / "project"))
        import toy

        keyring = FileKeyring(home / "keys")
        ledger = open_ledger(open_database(f"sqlite:///{home}/towpath.db"), keyring)
        url = (home / "blobs").as_uri()
        blobs = open_blobs(url)
        runner = PipelineRunner(
            ledger, blobs, blobs_url=url, scratch=home / "run", clock=SystemClock(),
            datasets=ParquetDatasetStore(ledger, blobs, keyring),
            code=CodeStore(ledger, blobs, home / "code"),
            executor=LocalExecutor(cpus=2, preload=()),
        )
        runner.run(toy.train, project="toy", code=Ref("code", "toy", 1), params={"folder": folder})
        """
    return subprocess.Popen(
        [sys.executable, "-c", dedent(script), str(workshop.home), str(folder)],
        start_new_session=True,
    )


def test_a_run_that_is_killed_is_continued_at_once_by_running_it_again(
    isolated: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    isolated.write("toy.py", GATED)
    isolated.snapshot()
    elsewhere = start_elsewhere(isolated, folder)
    until(lambda: "second began" in notes(folder))
    family = psutil.Process(elsewhere.pid).children(recursive=True)

    elsewhere.send_signal(signal.SIGKILL)
    elsewhere.wait()
    psutil.wait_procs(family, timeout=WITHIN_S)
    (folder / "gate").touch()
    result = isolated.run(params={"folder": str(folder)})

    assert family
    assert not any(one.is_running() for one in family)
    assert [step.status for step in result.steps] == ["hit", "done", "done"]
    assert isolated.value(result) == 3
    # The killed step never ended, and nobody waited for its lease.
    assert notes(folder) == ["first", "second began", "second began", "second ended", "third"]
    assert not any(one.kind == "waiting" for one in isolated.heard)
    with isolated.ledger.read() as tx:
        assert tx.runs.list(status="running") == []
        assert [run.status for run in tx.runs.list(kind="pipeline")] == ["finished", "killed"]
    assert len(list((tmp_path / "run").iterdir())) <= 1


def test_a_run_waits_for_what_another_is_computing_and_takes_its_result(
    isolated: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    isolated.write("toy.py", GATED)
    isolated.snapshot()
    elsewhere = start_elsewhere(isolated, folder)
    until(lambda: "second began" in notes(folder))
    pipeline, code, heard = isolated.load("train"), isolated.snapshot().ref, []

    def open_the_gate(progress: Any) -> None:
        heard.append(progress.kind)
        if progress.kind == "waiting":
            (folder / "gate").touch()

    result = isolated.runner().run(
        pipeline,
        project="toy",
        code=code,
        params={"folder": str(folder)},
        on_progress=open_the_gate,
    )

    assert elsewhere.wait(WITHIN_S) == 0
    assert "waiting" in heard
    assert [step.status for step in result.steps][:2] == ["hit", "hit"]
    assert notes(folder) == ["first", "second began", "second ended", "third"]


def test_a_run_takes_over_from_one_that_dies_while_it_waits(isolated: Any, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    isolated.write("toy.py", GATED)
    isolated.snapshot()
    elsewhere = start_elsewhere(isolated, folder)
    until(lambda: "second began" in notes(folder))
    pipeline, code = isolated.load("train"), isolated.snapshot().ref

    def kill_the_other(progress: Any) -> None:
        if progress.kind == "waiting":
            elsewhere.kill()
            elsewhere.wait()
            (folder / "gate").touch()

    result = isolated.runner().run(
        pipeline,
        project="toy",
        code=code,
        params={"folder": str(folder)},
        on_progress=kill_the_other,
    )

    assert [step.status for step in result.steps] == ["hit", "done", "done"]
