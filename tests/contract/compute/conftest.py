from __future__ import annotations

import os
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from ray_nodes import RayNodes, ray_nodes_of

from towpath.build.compute import InlineExecutor, LocalExecutor
from towpath.build.compute.ray import RayExecutor, open_cluster

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from towpath.build.compute import Executor

# Tasks name importable functions, so these live in a module that both processes can find.
TASKS = """
    import os, sys
    from towpath.core.errors import StorageFull

    def double(payload, emit):
        return {"result": payload["n"] * 2}

    def speak(payload, emit):
        print("to out")
        print("to err", file=sys.stderr)
        return {}

    def count(payload, emit):
        for number in range(payload["n"]):
            emit({"number": number})
        return {}

    def fail(payload, emit):
        secret = payload["secret"]
        raise ValueError(f"can't read {secret}")

    def fill_disk(payload, emit):
        raise StorageFull("no room")

    def leave(payload, emit):
        sys.exit(3)

    def environment(payload, emit):
        return {"value": os.environ.get("TOWPATH_TEST_VALUE"), "again": os.environ.get("HOME")}

    def unsendable(payload, emit):
        return {"value": object()}
"""


RAY_TASKS = """
    import os, signal, subprocess, sys, time

    def nap(payload, emit):
        return {}

    def for_ever(payload, emit):
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
        emit({"pids": [os.getpid(), child.pid]})
        while True:
            time.sleep(1)

    def allocate(payload, emit):
        block = bytearray(payload["bytes"])
        block[::4096] = b"x" * len(block[::4096])
        time.sleep(600)

    def obey(payload, emit):
        asked = []
        signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
        emit({"ready": True})
        while not asked:
            time.sleep(0.01)
        return {"saved": True}

    def be_deaf(payload, emit):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        emit({"ready": True})
        time.sleep(600)
"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what the nodes said, whatever it was that failed."""
    report = yield
    if report.failed:
        report.sections += [("Ray's nodes", nodes.said()) for nodes in RayNodes.living]
    return report


@pytest.fixture(scope="module")
def ray_tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ray-tasks")
    (folder / "ray_tasks.py").write_text(dedent(RAY_TASKS), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def task_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "contract_tasks.py").write_text(dedent(TASKS), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def ray_nodes(task_folder: Path) -> Iterator[RayNodes]:
    """Start a cluster of two nodes, of one cpu and of two, that asks for a token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(task_folder), prepend=os.pathsep)
        with ray_nodes_of(1, 2) as nodes:
            yield nodes


@pytest.fixture(
    scope="module", params=["inline", "local", pytest.param("ray", marks=pytest.mark.ray)]
)
def executor(request: pytest.FixtureRequest, task_folder: Path) -> Iterator[Executor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(task_folder)
        patch.setenv("PYTHONPATH", str(task_folder), prepend=os.pathsep)
        match request.param:
            case "inline":
                made: Executor = InlineExecutor(cpus=2)
            case "local":
                made = LocalExecutor(cpus=2, preload=())
            case _:
                nodes: RayNodes = request.getfixturevalue("ray_nodes")
                made = RayExecutor(open_cluster(nodes.options()))
        made.warm([])
        yield made
        made.close()
