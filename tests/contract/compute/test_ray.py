"""A cluster of several nodes: whom it lets in, and what becomes of tasks when parts of it die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from ray_nodes import RayNodes, ray_nodes_of

from towpath.build.compute import Outcome, Resources, Task
from towpath.build.compute.ray import RayExecutor, executor, open_cluster
from towpath.build.compute.ray.authentication import require_lock
from towpath.core.digests import digest_bytes
from towpath.core.errors import Conflict, InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

pytestmark = pytest.mark.ray
WITHIN_S = 180  # a driver imports Ray and joins first, on what may be a busy machine
MIB = 1 << 20
UNLIMITED = Resources()
DRIVER = """
import sys
from pathlib import Path
from towpath.build.compute import Task
from towpath.build.compute.ray import RayExecutor, RayOptions, open_cluster

address, token, log = sys.argv[1:]
executor = RayExecutor(open_cluster(RayOptions(address=address, token_file=Path(token))))
task = Task(id="orphan", call="ray_tasks:for_ever", payload={}, log=Path(log))
executor.submit(task, on_message=lambda one: print("pids", *one["pids"], flush=True)).result()
"""

SWITCH = """
import sys
from pathlib import Path
from towpath.build.compute.ray import RayOptions, open_cluster

open_address, locked_address, token, *doors = sys.argv[1:]
options = {
    "open": RayOptions(address=open_address, allow_unauthenticated=True),
    "locked": RayOptions(address=locked_address, token_file=Path(token)),
}
for door in doors:
    with open_cluster(options[door]) as cluster:
        print(door, cluster.asks_for_token, len(cluster.offers()), flush=True)
"""


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Floor:
    """Submits tasks of `ray_tasks`, and hears them."""

    def __init__(self, executor: RayExecutor, nodes: RayNodes, folder: Path) -> None:
        self.executor = executor
        self.nodes = nodes
        self.folder = folder
        self.futures: dict[str, Future[Outcome]] = {}
        self.heard: dict[str, list[dict[str, Any]]] = {}

    def submit(
        self, function: str, *, id: str, resources: Resources = UNLIMITED, **payload: Any
    ) -> Future[Outcome]:
        heard = self.heard.setdefault(id, [])
        task = Task(
            id=id,
            call=f"ray_tasks:{function}",
            payload=payload,
            resources=resources,
            log=self.folder / id,
        )
        self.futures[id] = self.executor.submit(task, on_message=heard.append)
        return self.futures[id]

    def first_word(self, id: str) -> dict[str, Any]:
        self.nodes.until(lambda: bool(self.heard[id]) or self.futures[id].done(), f"a word of {id}")
        assert self.heard[id], self.futures[id].result()
        return self.heard[id][0]

    def clear(self) -> None:
        """Take away what a failed test has left: the next ones need its cpus."""
        for task_id in self.futures:
            self.executor.cancel(task_id)
        for task_id, future in self.futures.items():
            self.nodes.until(future.done, f"the end of {task_id}")


@pytest.fixture(scope="module")
def nodes(ray_tasks: Path) -> Iterator[RayNodes]:
    """A head of one cpu and a node of two; tests kill the latter and start others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ray_tasks), prepend=os.pathsep)
        with ray_nodes_of(1, 2) as made:
            yield made


@pytest.fixture(scope="module")
def joined(nodes: RayNodes) -> Iterator[RayExecutor]:
    with RayExecutor(open_cluster(nodes.options())) as made:
        yield made


@pytest.fixture
def floor(joined: RayExecutor, nodes: RayNodes, tmp_path: Path) -> Iterator[Floor]:
    made = Floor(joined, nodes, tmp_path)
    yield made
    made.clear()


def test_a_process_has_one_cluster_at_a_time(nodes: RayNodes, joined: RayExecutor) -> None:
    with pytest.raises(Conflict, match="connected to a Ray cluster already"):
        open_cluster(nodes.options())


@pytest.fixture(scope="module")
def open_node(ray_tasks: Path) -> Iterator[RayNodes]:
    """A cluster of one node that asks nobody for a token."""
    with ray_nodes_of(1, token=False) as made:
        yield made


def test_a_cluster_without_authentication_is_refused_unless_that_is_allowed(
    open_node: RayNodes,
) -> None:
    with pytest.raises(InvalidSetting, match="lets everybody in who reaches it"):
        require_lock(open_node.address, allow_unauthenticated=False)
    assert require_lock(open_node.address, allow_unauthenticated=True) is False


@pytest.mark.parametrize("doors", [("open", "locked", "open"), ("locked", "open", "locked")])
def test_a_process_goes_from_a_cluster_to_one_with_another_lock(
    nodes: RayNodes, open_node: RayNodes, doors: tuple[str, ...]
) -> None:
    # In a process of its own: Ray keeps what it has read of tokens, and has no public way to forget it.
    addresses = (open_node.address, nodes.address, str(nodes.token_file))
    went = subprocess.run(
        [sys.executable, "-c", SWITCH, *addresses, *doors],
        capture_output=True,
        text=True,
        timeout=3 * WITHIN_S,
        check=False,
    )

    said = [line.split() for line in went.stdout.splitlines() if line.startswith(doors)]
    living = {"open": ["False", "1"], "locked": ["True", "2"]}
    assert said == [[door, *living[door]] for door in doors], went.stderr


def test_a_wrong_token_is_refused_with_what_to_do(nodes: RayNodes, tmp_path: Path) -> None:
    wrong = tmp_path / "token"
    wrong.touch(mode=0o600)
    wrong.write_text("0" * 64)
    settings = {
        "TOWPATH_COMPUTE": "ray",
        "TOWPATH_RAY_ADDRESS": nodes.address,
        "TOWPATH_RAY_TOKEN_FILE": str(wrong),
        "TOWPATH_HOME": str(tmp_path / "home"),
        "TOWPATH_DATABASE": f"sqlite:///{tmp_path}/towpath.db",
    }

    said = subprocess.run(
        [sys.executable, "-m", "towpath", "doctor", "--json", "--directory", str(tmp_path)],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )

    assert said.returncode == 1
    found = {one["check"]: one["detail"] for one in json.loads(said.stdout)}
    assert "does not accept our token" in found["compute"]
    assert "Traceback" not in said.stdout + said.stderr


def test_what_no_node_can_run_is_refused_at_once(floor: Floor) -> None:
    with pytest.raises(InvalidSetting, match="of 2, the most on one is 2 cpus"):
        floor.submit("nap", id="large", resources=Resources(cpus=3))


def test_limits_are_enforced_on_the_node(floor: Floor) -> None:
    late = floor.submit("for_ever", id="late", resources=Resources(timeout_s=0.5))
    fat = floor.submit(
        "allocate", id="fat", bytes=256 * MIB, resources=Resources(memory_bytes=64 * MIB)
    )

    ends = late.result(WITHIN_S), fat.result(WITHIN_S)
    assert [one.status for one in ends] == ["timeout", "memory"], ends
    pids = floor.first_word("late")["pids"]
    assert not alive(pids[0])
    floor.nodes.until(lambda: not alive(pids[1]), "the end of what it had started")


def test_a_cancelled_task_and_what_it_started_are_dead_when_that_is_told(floor: Floor) -> None:
    running = floor.submit("for_ever", id="cancelled")
    pids = floor.first_word("cancelled")["pids"]

    floor.executor.cancel("cancelled")
    outcome = running.result(WITHIN_S)

    assert (outcome.status, outcome.error) == ("killed", "it was cancelled")
    assert outcome.seconds > 0
    floor.nodes.until(lambda: not any(alive(pid) for pid in pids), "the end of its processes")


def test_a_task_that_is_asked_to_stop_may_save_and_return(floor: Floor) -> None:
    running = floor.submit("obey", id="obedient")
    floor.first_word("obedient")

    floor.executor.cancel("obedient", grace_s=WITHIN_S)

    assert running.result(WITHIN_S).value == {"saved": True}


def test_a_task_that_does_not_stop_when_asked_is_killed_after_its_grace(floor: Floor) -> None:
    running = floor.submit("be_deaf", id="deaf")
    floor.first_word("deaf")

    floor.executor.cancel("deaf", grace_s=0.5)

    assert running.result(WITHIN_S).error == "it was cancelled"


def test_a_task_whose_worker_dies_is_killed_with_it_and_worth_another_try(floor: Floor) -> None:
    running = floor.submit("for_ever", id="bereaved")
    pids = floor.first_word("bereaved")["pids"]
    worker = psutil.Process(pids[0]).parent().parent()

    worker.kill()
    outcome = running.result(WITHIN_S)

    assert (outcome.status, outcome.error_code) == ("killed", "unavailable")
    assert not alive(pids[0])


def test_a_node_where_something_else_is_installed_runs_nothing(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "environment_digest", lambda: digest_bytes(b"elsewhere"))

    outcome = floor.submit("nap", id="foreign").result(WITHIN_S)

    assert outcome.status == "failed"
    assert outcome.error == "the node's environment is not this one"


def test_tasks_die_with_the_process_that_submitted_them(nodes: RayNodes, tmp_path: Path) -> None:
    command = [nodes.address, str(nodes.token_file), str(tmp_path / "log")]
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, *command], stdout=subprocess.PIPE, text=True
    ) as driver:
        assert driver.stdout is not None
        limit = threading.Timer(WITHIN_S, driver.kill)  # then its output ends
        limit.start()
        words = iter(driver.stdout.readline, "")
        said = next((line for line in words if line.startswith("pids ")), "")
        limit.cancel()
        pids = [int(pid) for pid in said.split()[1:]]
        assert pids, "the driver said nothing"
        assert all(alive(pid) for pid in pids)

        driver.send_signal(signal.SIGKILL)
        driver.wait(WITHIN_S)

    nodes.until(lambda: not any(alive(pid) for pid in pids), "the end of the orphans")


def test_a_node_that_dies_takes_its_tasks_along_and_what_only_it_could_run_is_given_up(
    floor: Floor, nodes: RayNodes
) -> None:
    on_it = floor.submit("for_ever", id="on-it", resources=Resources(cpus=2))
    waiting = floor.submit("nap", id="waiting", resources=Resources(cpus=2))
    pids = floor.first_word("on-it")["pids"]

    nodes.kill(1)
    lost, given_up = on_it.result(WITHIN_S), waiting.result(WITHIN_S)

    assert (lost.status, lost.error_code) == ("killed", "unavailable")
    assert (given_up.status, given_up.error_code) == ("killed", "unavailable")
    assert "no node is left that could run it" in given_up.error
    nodes.until(lambda: not any(alive(pid) for pid in pids), "the end of its processes")
    assert floor.submit("nap", id="after").result(WITHIN_S).status == "done"

    nodes.start(2)
    nodes.until(lambda: floor.executor.cpus == 3, "the new node")
    again = floor.submit("nap", id="again", resources=Resources(cpus=2))
    assert again.result(WITHIN_S).status == "done"
