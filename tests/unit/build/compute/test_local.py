"""What isolation is for: limits, parallelism, and nothing left behind whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from towpath.build.compute import NUMERIC, LocalExecutor, Outcome, Resources, Task
from towpath.build.compute.forkserver import PRELOADABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    Submit = Callable[..., Future[Outcome]]

WITHIN_S = 60
MIB = 1 << 20
UNLIMITED = Resources()


@pytest.fixture(scope="module")
def executor(tasks: Path) -> Iterator[LocalExecutor]:
    with LocalExecutor(cpus=2, preload=()) as made:
        yield made


@pytest.fixture
def submit(executor: LocalExecutor, tmp_path: Path) -> Submit:
    return submitter(executor, tmp_path)


def submitter(executor: LocalExecutor, tmp_path: Path) -> Submit:
    def call(
        function: str,
        *,
        task_id: str | None = None,
        on_message: Callable[[dict[str, Any]], None] | None = None,
        resources: Resources = UNLIMITED,
        **payload: Any,
    ) -> Future[Outcome]:
        task = Task(
            id=task_id or function,
            call=f"local_tasks:{function}",
            payload=payload,
            resources=resources,
            log=tmp_path / "log",
        )
        return executor.submit(task, on_message=on_message)

    return call


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_each_task_has_a_process_of_its_own(submit: Submit) -> None:
    first, second = (submit("pid").result(WITHIN_S).value for _ in range(2))

    assert first["pid"] not in (second["pid"], os.getpid())
    assert first["parent"] == second["parent"] != os.getpid()


def test_tasks_run_side_by_side_while_their_cpus_fit(submit: Submit, tmp_path: Path) -> None:
    started: list[int] = []
    gates = [tmp_path / name for name in ("one", "two", "three")]
    futures = [
        submit(
            "wait_for",
            task_id=gate.name,
            path=str(gate),
            on_message=lambda message: started.append(message["pid"]),
        )
        for gate in gates
    ]

    until(lambda: len(started) == 2)
    assert not futures[2].done()
    gates[1].touch()
    until(lambda: len(started) == 3)
    gates[0].touch()
    gates[2].touch()

    assert {one.result(WITHIN_S).status for one in futures} == {"done"}


def test_a_task_that_takes_too_long_is_killed_with_what_it_started(submit: Submit) -> None:
    pids: list[int] = []

    outcome = submit(
        "for_ever",
        on_message=lambda message: pids.extend(message["pids"]),
        resources=Resources(timeout_s=1.0),
    ).result(WITHIN_S)

    assert outcome.status == "timeout"
    assert "longer than 1 s" in outcome.error
    assert len(pids) == 2
    until(lambda: all(map(gone, pids)))


def test_a_task_that_holds_too_much_is_killed(submit: Submit) -> None:
    limit = Resources(memory_bytes=64 * MIB, timeout_s=WITHIN_S)
    outcome = submit("allocate", bytes=256 * MIB, stay=True, resources=limit).result(WITHIN_S)

    assert outcome.status == "memory"
    assert "64 MiB" in outcome.error
    assert outcome.peak_bytes > 64 * MIB


def test_a_task_within_its_memory_is_left_alone_and_measured(submit: Submit) -> None:
    limit = Resources(memory_bytes=256 * MIB)
    outcome = submit("allocate", bytes=64 * MIB, resources=limit).result(WITHIN_S)

    assert outcome.status == "done"
    assert 60 * MIB < outcome.peak_bytes < 128 * MIB


def test_a_crash_is_an_outcome_that_names_the_signal(submit: Submit) -> None:
    outcome = submit("die", signal=int(signal.SIGSEGV)).result(WITHIN_S)

    assert (outcome.status, outcome.error) == ("killed", "it was ended by SIGSEGV")
    assert outcome.error_code == ""


def test_a_task_that_somebody_kills_is_worth_another_try(submit: Submit) -> None:
    outcome = submit("die", signal=int(signal.SIGKILL)).result(WITHIN_S)

    assert (outcome.status, outcome.error_code) == ("killed", "unavailable")


def test_a_running_task_can_be_cancelled(executor: LocalExecutor, submit: Submit) -> None:
    pids: list[int] = []
    future = submit("for_ever", on_message=lambda message: pids.extend(message["pids"]))
    until(lambda: bool(pids))

    executor.cancel("for_ever")

    assert future.result(WITHIN_S).status == "killed"
    until(lambda: all(map(gone, pids)))


@pytest.mark.parametrize(("fails", "status"), [(False, "done"), (True, "killed")])
def test_a_task_that_is_asked_to_stop_may_finish(
    executor: LocalExecutor, submit: Submit, fails: bool, status: str
) -> None:
    told: list[Any] = []
    future = submit("obey", fails=fails, on_message=told.append)
    until(lambda: bool(told))

    executor.cancel("obey", grace_s=WITHIN_S)

    assert future.result(WITHIN_S).status == status


def test_a_task_that_does_not_stop_when_asked_is_killed_after_its_grace(
    executor: LocalExecutor, submit: Submit
) -> None:
    told: list[Any] = []
    future = submit("be_deaf", on_message=told.append)
    until(lambda: bool(told))

    executor.cancel("be_deaf", grace_s=0.2)
    executor.cancel("be_deaf", grace_s=WITHIN_S)

    outcome = future.result(WITHIN_S)
    assert (outcome.status, outcome.error) == ("killed", "it was cancelled")
    assert outcome.seconds >= 0.2


def test_a_task_that_knows_nothing_of_signals_stops_when_asked(
    executor: LocalExecutor, submit: Submit
) -> None:
    told: list[Any] = []
    future = submit("for_ever", on_message=told.append)
    until(lambda: bool(told))

    executor.cancel("for_ever", grace_s=WITHIN_S)

    assert future.result(WITHIN_S).status == "killed"


def test_a_waiting_task_can_be_cancelled(
    executor: LocalExecutor, submit: Submit, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    first = submit("wait_for", path=str(gate), resources=Resources(cpus=2))
    second = submit("pid")

    executor.cancel("pid")
    gate.touch()

    assert second.result(WITHIN_S).status == "killed"
    assert first.result(WITHIN_S).status == "done"


def test_what_a_finished_task_started_does_not_outlive_it(submit: Submit) -> None:
    pid = submit("leave_one_behind").result(WITHIN_S).value["pid"]

    until(lambda: gone(pid))


def test_forks_don_t_share_their_random_numbers(submit: Submit) -> None:
    first, second = (submit("draw").result(WITHIN_S).value["numbers"] for _ in range(2))

    assert not set(first) & set(second)


def test_numeric_libraries_get_as_many_threads_as_the_task_has_cpus(submit: Submit) -> None:
    for cpus in (1, 2):
        seen = submit("threads", resources=Resources(cpus=cpus)).result(WITHIN_S).value
        assert seen == {"polars": cpus, "omp": str(cpus)}


def test_when_the_fork_server_dies_its_tasks_are_told_and_the_next_one_runs(
    submit: Submit, executor: LocalExecutor
) -> None:
    pids: list[int] = []
    server = submit("pid").result(WITHIN_S).value["parent"]
    future = submit("for_ever", on_message=lambda message: pids.extend(message["pids"]))
    until(lambda: bool(pids))

    os.kill(server, signal.SIGKILL)

    outcome = future.result(WITHIN_S)
    assert (outcome.status, outcome.error_code) == ("killed", "unavailable")
    until(lambda: gone(pids[0]))
    os.kill(pids[1], signal.SIGKILL)  # an orphan of the task, in no relation to the killed server
    assert submit("pid").result(WITHIN_S).value["parent"] != server


def test_closing_kills_what_runs(tasks: Path, tmp_path: Path) -> None:
    pids: list[int] = []
    executor = LocalExecutor(cpus=1, preload=())
    submit = submitter(executor, tmp_path)
    running = submit("for_ever", on_message=lambda message: pids.extend(message["pids"]))
    waiting = submit("pid")
    until(lambda: bool(pids))

    executor.close()

    assert {running.result(0).status, waiting.result(0).status} == {"killed"}
    until(lambda: all(map(gone, pids)))


def test_a_killed_executor_leaves_no_process_behind(tasks: Path, tmp_path: Path) -> None:
    script = dedent("""
        import sys
        from pathlib import Path
        from towpath.build.compute import LocalExecutor, Task
        executor = LocalExecutor(cpus=1, preload=())
        task = Task(id="t", call="local_tasks:for_ever", payload={}, log=Path(sys.argv[1]))
        executor.submit(task, on_message=lambda one: print(*one["pids"], flush=True)).result()
    """)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pids = [int(pid) for pid in owner.stdout.readline().split()]
        server = psutil.Process(pids[0]).ppid()

        owner.kill()

    assert len(pids) == 2
    until(lambda: all(map(gone, [*pids, server])))


def test_forking_after_preloading_everything_never_deadlocks(tasks: Path, tmp_path: Path) -> None:
    """Sixty forks that use every library whose import the server is allowed, two at a time."""
    wanted = [*NUMERIC, "lightgbm", "sklearn.linear_model", "skops.io", "obstore"]
    limit = Resources(timeout_s=WITHIN_S)
    with LocalExecutor(cpus=2, preload=wanted) as executor:
        submit = submitter(executor, tmp_path)
        futures = [submit("crunch", task_id=str(n), seed=n, resources=limit) for n in range(60)]
        outcomes = [one.result(5 * WITHIN_S) for one in futures]

    assert {(one.status, one.error) for one in outcomes} == {("done", "")}


def test_preloading_starts_no_thread_but_one_that_is_known_to_sleep() -> None:
    script = dedent("""
        from towpath.build.compute.forkserver import PRELOADABLE, preload
        from towpath.build.compute import procfs
        preload([*sorted(PRELOADABLE), "pyarrow.parquet", "pyarrow.dataset", "sklearn.ensemble",
                 "skops.io", "towpath.build.pipelines.working.worker", "towpath.build.pipelines.authoring.tables"])
        print("\\n".join(procfs.thread_names()))
    """)
    from towpath.build.compute.starting import SERVER_ENVIRONMENT

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **SERVER_ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
    )

    assert PRELOADABLE
    known = {"python", "python3", "polars-ooc-clea"}
    assert set(done.stdout.split()) <= known
    assert done.stdout.split().count("python") + done.stdout.split().count("python3") <= 1
