"""When a process may become its own fork server, and that it then serves like a fresh one."""

from __future__ import annotations

import os
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

IMPORTS = "import numpy, polars, pyarrow.parquet, lightgbm, sklearn.linear_model, threading\n"


def told_by(script: str, *arguments: str) -> list[str]:
    """Run a script in a fresh process, as these questions can't be asked of a test runner's own."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS + dedent(script), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={key: one for key, one in os.environ.items() if key != "OPENBLAS_NUM_THREADS"},
    )
    return [line for line in done.stdout.splitlines() if "[debug" not in line]


def test_importing_libraries_leaves_a_process_fit_and_using_their_pools_does_not() -> None:
    told = told_by("""
        from towpath.build.compute.starting import unfit_to_fork
        print(bool(unfit_to_fork()))
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        thread.start()
        print(unfit_to_fork())
        stop.set()
        thread.join()
        print(bool(unfit_to_fork()))
        x, y = numpy.random.rand(2_000, 5), numpy.random.randint(0, 2, 2_000)
        data = lightgbm.Dataset(x, y)
        lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 2}, data, 3)
        print(bool(unfit_to_fork()))
    """)

    assert told == ["False", "it has 2 Python threads", "False", "True"]


def test_a_query_of_polars_leaves_a_process_unfit() -> None:
    told = told_by("""
        from towpath.build.compute.starting import unfit_to_fork
        polars.DataFrame({"a": range(100_000)}).lazy().sort("a").collect(engine="streaming")
        print(unfit_to_fork())
    """)

    assert "polars-0" in told[0]


@pytest.mark.parametrize("busy", [False, True])
def test_asked_to_fork_an_executor_does_so_where_it_can_and_serves_all_the_same(
    tasks: Path, tmp_path: Path, busy: bool
) -> None:
    told = told_by(
        """
        import sys
        from pathlib import Path
        from towpath.build.compute import LocalExecutor, Resources, Task
        if sys.argv[2] == "busy":
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        limit = Resources(timeout_s=60)
        with LocalExecutor(cpus=2, fork=True) as executor:
            def submit(function, number, **payload):
                task = Task(id=str(number), call=f"local_tasks:{function}", payload=payload,
                            resources=limit, log=Path(sys.argv[1]))
                return executor.submit(task)
            pid = submit("pid", 0).result(60).value["parent"]
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            print(command == Path("/proc/self/cmdline").read_bytes())
            futures = [submit("crunch", n, seed=n) for n in range(1, 25)]
            print({one.result(120).status for one in futures})
        print(Path(f"/proc/{pid}").exists())
        """,
        str(tmp_path / "log"),
        "busy" if busy else "quiet",
    )

    assert told == [str(not busy), "{'done'}", "False"]


def test_a_task_can_have_an_executor_of_its_own(tasks: Path, tmp_path: Path) -> None:
    (tasks / "nested_tasks.py").write_text(
        dedent("""
            from pathlib import Path
            from towpath.build.compute import LocalExecutor, Task

            def nest(payload, emit):
                with LocalExecutor(cpus=2, preload=(), fork=True) as executor:
                    task = Task(id="in", call="local_tasks:crunch", payload={"seed": 1},
                                log=Path(payload["log"]))
                    outcome = executor.submit(task).result(60)
                return {"status": outcome.status, "error": outcome.error}
        """),
        encoding="utf-8",
    )
    told = told_by(
        """
        import sys
        from pathlib import Path
        from towpath.build.compute import LocalExecutor, Task
        with LocalExecutor(cpus=2, fork=True) as executor:
            task = Task(id="out", call="nested_tasks:nest", payload={"log": sys.argv[1]},
                        log=Path(sys.argv[1]))
            print(executor.submit(task).result(60).value)
        """,
        str(tmp_path / "log"),
    )

    assert told == ["{'status': 'done', 'error': ''}"]
