"""What runs in a Ray worker on behalf of an executor elsewhere: it carries one task at a time.

Ray decides where; how is ours, and the same as on a laptop. The worker keeps a fork server beside it,
warm from task to task, and each task is a fork of that: the server holds its deadline and memory
limit, whatever becomes of the executor, of the worker, or of Ray. When the worker dies the server's
socket closes, and it kills the task with all that it started.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import queue
import shutil
import signal
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.assets.code import environment_digest, environment_lock
from towpath.build.compute import procfs
from towpath.build.compute.contract import Resources, Task
from towpath.build.compute.local import LocalExecutor
from towpath.build.compute.ray.folders import make_folder

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from towpath.build.compute.contract import Outcome

_ENTER = "towpath.build.compute.ray.inside:enter"
_SHARE = ("TOWPATH_STEP_CPUS", "TOWPATH_STEP_GPUS", "TOWPATH_RAY_ADDRESS")
_LOOK_EVERY_S = 0.05
_BEAT_EVERY_S = 2.0
_CHUNK_BYTES = 1 << 20
_DEAD_WITHIN_S = 30.0
_FOLDERS = "towpath-step-"

Frame = dict[str, Any]


class Cargo(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it travels to a node, as MessagePack: nothing of ours is ever unpickled there.

    Attributes:
        id: The task's id.
        call: `package.module:function`.
        payload: Its argument.
        resources: Its limits.
        env: Environment variables.
        modules: What tasks to come are said to import.
        lock: Digest of the executor's environment. A step's key says what is installed where it runs,
            so a node where something else is installed must not run it.
    """

    id: str
    call: str
    payload: dict[str, Any]
    resources: Resources
    env: dict[str, str]
    modules: list[str]
    lock: str


def carry(packed: bytes) -> Generator[bytes]:
    """Run a task beside this worker, and give what it says as batches of frames.

    A frame is `{"node"}` once at the start, `{"log": bytes}`, `{"message"}`, at the end `{"result"}`,
    or instead of all of them `{"lock"}` where the environment is another.

    Whatever ends this early, the task is known to be dead when it has ended.
    """
    cargo = msgspec.msgpack.decode(packed, type=Cargo)
    if cargo.lock != environment_digest():
        yield _pack([{"lock": environment_lock().decode()}])
        return
    frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
    local, folder = _beside(), make_folder(_FOLDERS)
    try:
        local.warm(cargo.modules)
        task = _task(cargo, folder)
        future = local.submit(task, on_message=lambda one: frames.put({"message": one}))
        future.add_done_callback(lambda done: frames.put({"result": _result(done)}))
        try:
            yield from _narrate(frames, task.log)
        finally:
            local.cancel(cargo.id)
            future.result(_DEAD_WITHIN_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bury(pid: int, started: int) -> bool:
    """Make sure that a task's process on this node is gone, with all in its group.

    Args:
        pid: The process.
        started: When it started, in clock ticks since boot: the number may be another's by now.

    Returns:
        Whether it is gone.
    """
    deadline = time.monotonic() + _DEAD_WITHIN_S
    while procfs.started_ticks(pid) == started:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def poke(pid: int, started: int) -> None:
    """Ask a task's process on this node to save where it is and stop (SIGTERM)."""
    if procfs.started_ticks(pid) == started:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGTERM)


@cache
def _beside() -> LocalExecutor:
    """Start this worker's fork server, once. Admission is Ray's: here everything fits."""
    return LocalExecutor(cpus=1 << 20, gpus=1 << 20)


def _task(cargo: Cargo, folder: Path) -> Task:
    env = {**cargo.env, "TMPDIR": str(folder), **_share(cargo.resources)}
    for name, value in os.environ.items():
        if name.endswith("VISIBLE_DEVICES"):  # the accelerators that Ray gave to this worker
            env.setdefault(name, value)
    return Task(
        id=cargo.id,
        call=_ENTER,
        payload={"call": cargo.call, "payload": cargo.payload},
        resources=cargo.resources,
        env=env,
        log=folder / "log",
    )


def _narrate(frames: queue.SimpleQueue[Frame], log: Path) -> Generator[bytes]:
    """Yield what happens, batched, and what is printed meanwhile, up to and with the result."""
    offset, over, quiet_since = 0, False, time.monotonic()
    batch: list[Frame] = [{"node": _node_id()}]
    while not over:
        with contextlib.suppress(queue.Empty):
            batch.append(frames.get(timeout=_LOOK_EVERY_S))
            while True:
                batch.append(frames.get_nowait())
        over = bool(batch) and "result" in batch[-1]
        printed = [*_new_chunks(log, offset, all_of_it=over)]
        offset += sum(len(one) for one in printed)
        batch[:0] = [{"log": one} for one in printed]
        # Now and then without news: a worker learns from it that nobody is left to be told.
        if batch or time.monotonic() > quiet_since + _BEAT_EVERY_S:
            yield _pack(batch)
            batch, quiet_since = [], time.monotonic()


def _new_chunks(log: Path, offset: int, *, all_of_it: bool) -> Generator[bytes]:
    try:
        with log.open("rb") as file:
            file.seek(offset)
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
                if not all_of_it:
                    return
    except FileNotFoundError:
        return


def _share(resources: Resources) -> dict[str, str]:
    """Return what tells a task which share of which cluster is its own."""
    address = importlib.import_module("ray").get_runtime_context().gcs_address
    return dict(zip(_SHARE, (str(resources.cpus), str(resources.gpus), address), strict=True))


def share_of(environ: Mapping[str, str]) -> tuple[float, float, str | None]:
    """Return the cores and accelerators of the task that runs in this environment, and the cluster.

    In a task that runs elsewhere there is no cluster, and its cores are the threads that it was given.
    """
    cpus = environ.get(_SHARE[0]) or environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1
    return float(cpus), float(environ.get(_SHARE[1], 0)), environ.get(_SHARE[2])


def _node_id() -> str:
    return importlib.import_module("ray").get_runtime_context().get_node_id()


def _result(done: Future[Outcome]) -> dict[str, Any]:
    return msgspec.to_builtins(done.result())


def _pack(frames: list[Frame]) -> bytes:
    return msgspec.msgpack.encode(frames)
