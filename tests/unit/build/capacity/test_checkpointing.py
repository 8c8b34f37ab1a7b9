"""A step that was stopped, or killed, goes on where it last saved."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from towpath.build.capacity import CHECKPOINTS, checkpoint, checkpointing
from towpath.build.compute import LocalExecutor, Outcome, Task
from towpath.core.errors import UsageError
from towpath.storage.blobs import BlobStore, open_blobs

WITHIN_S = 60.0
TASKS = """
    import time
    from towpath.build.capacity import checkpoint, checkpointing
    from towpath.storage.blobs import open_blobs

    def count(payload, emit):
        blobs = open_blobs(payload["blobs"])
        with checkpointing("key", blobs, emit, found=payload["found"]):
            state = checkpoint.saved() or {"done": 0}
            began_at = state["done"]
            for number in range(began_at, payload["to"]):
                checkpoint({"done": number + 1})
                if payload["slow"]:
                    emit({"number": number})
                    while payload["slow"] and not checkpoint.wanted:
                        time.sleep(0.01)
        return {"began_at": began_at}
"""


@pytest.fixture
def executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalExecutor]:
    (tmp_path / "saving_tasks.py").write_text(dedent(TASKS), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with LocalExecutor(cpus=1) as executor:
        yield executor


@pytest.fixture
def count(executor: LocalExecutor, tmp_path: Path) -> Callable[..., Any]:
    """Return what starts a count to a number, and gives its future and what it told."""

    def start(*, to: int, found: str | None = None, slow: bool = False) -> Any:
        told: list[dict[str, Any]] = []
        task = Task(
            id="count",
            call="saving_tasks:count",
            payload={"blobs": f"file://{tmp_path}/blobs", "to": to, "found": found, "slow": slow},
            log=tmp_path / "log",
        )
        return executor.submit(task, on_message=told.append), told

    return start


def saved(told: list[dict[str, Any]]) -> list[str]:
    return [message["checkpoint"][0] for message in told if "checkpoint" in message]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def test_it_goes_on_where_it_last_saved(count: Callable[..., Any], disk_blobs: BlobStore) -> None:
    future, told = count(to=3)
    assert future.result(WITHIN_S).value == {"began_at": 0}
    assert len(saved(told)) == 3
    future, _ = count(to=5, found=saved(told)[-1])
    assert future.result(WITHIN_S).value == {"began_at": 3}
    assert disk_blobs.area(CHECKPOINTS).exists(saved(told)[0])
    assert not disk_blobs.exists(saved(told)[0])


def test_a_step_that_is_asked_to_stop_saves_once_more_and_ends(
    count: Callable[..., Any], executor: LocalExecutor
) -> None:
    future, told = count(to=10, slow=True)
    until(lambda: bool(saved(told)))
    executor.cancel("count", grace_s=WITHIN_S)
    outcome: Outcome = future.result(WITHIN_S)
    assert outcome.status == "killed"
    assert outcome.seconds < WITHIN_S  # it did not sit its grace out
    again, _ = count(to=2, found=saved(told)[-1])
    assert again.result(WITHIN_S).value == {"began_at": 2}


def test_a_killed_step_goes_on_where_it_last_saved(
    count: Callable[..., Any], executor: LocalExecutor
) -> None:
    future, told = count(to=10, slow=True)
    until(lambda: bool(saved(told)))
    executor.cancel("count")
    assert future.result(WITHIN_S).status == "killed"
    again, _ = count(to=1, found=saved(told)[-1])
    assert again.result(WITHIN_S).value == {"began_at": 1}


def test_a_state_that_is_gone_or_spoilt_means_a_fresh_start(
    count: Callable[..., Any], tmp_path: Path
) -> None:
    blobs = open_blobs(f"file://{tmp_path}/blobs").area(CHECKPOINTS)
    spoilt = blobs.put(b"not a state")
    for found in ("0" * 64, spoilt):
        future, _ = count(to=1, found=found)
        assert future.result(WITHIN_S).value == {"began_at": 0}


def test_outside_of_a_run_nothing_is_saved() -> None:
    checkpoint({"anything": object()})
    assert checkpoint.saved() is None
    assert not checkpoint.wanted


def test_what_can_t_be_saved_is_refused_where_it_is_called(disk_blobs: BlobStore) -> None:
    told: list[dict[str, Any]] = []
    with (
        checkpointing("key", disk_blobs, told.append, found=None),
        pytest.raises(UsageError, match="a checkpoint can't hold"),
    ):
        checkpoint({"model": object()})
    assert not told
