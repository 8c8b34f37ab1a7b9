"""What every executor does, whichever process the task runs in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from towpath.build.compute import InlineExecutor, LocalExecutor, Outcome, Resources, Task
from towpath.core.errors import InvalidSetting, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.build.compute import Executor

WITHIN_S = 60


def task(tmp_path: Path, function: str, *, cpus: float = 1, **payload: Any) -> Task:
    return Task(
        id=function,
        call=f"contract_tasks:{function}",
        payload=payload,
        resources=Resources(cpus=cpus),
        log=tmp_path / "log",
    )


def outcome(executor: Executor, asked: Task) -> Outcome:
    future = executor.submit(asked)
    try:
        return future.result(WITHIN_S)
    finally:
        executor.cancel(asked.id)  # what did not end in time is not to hold up other tests


def test_a_task_gives_back_what_its_function_returned(executor: Executor, tmp_path: Path) -> None:
    done = outcome(executor, task(tmp_path, "double", n=21))

    assert (done.status, done.value) == ("done", {"result": 42})
    assert done.seconds > 0


def test_what_a_task_prints_goes_to_its_log_in_order(executor: Executor, tmp_path: Path) -> None:
    outcome(executor, task(tmp_path, "speak"))

    assert (tmp_path / "log").read_text(encoding="utf-8").split("\n") == ["to out", "to err", ""]


def test_messages_arrive_in_order_before_the_outcome(executor: Executor, tmp_path: Path) -> None:
    heard: list[int] = []

    asked = task(tmp_path, "count", n=500)
    executor.submit(asked, on_message=lambda one: heard.append(one["number"])).result(WITHIN_S)

    assert heard == list(range(500))


def test_an_exception_is_told_with_its_place_and_apart_from_its_words(
    executor: Executor, tmp_path: Path
) -> None:
    failed = outcome(executor, task(tmp_path, "fail", secret="N14228"))

    assert failed.status == "failed"
    assert failed.error.startswith("ValueError at contract_tasks.py:")
    assert "N14228" not in failed.error
    assert failed.message == "can't read N14228"
    assert "raise ValueError" in failed.traceback


def test_an_error_of_ours_keeps_its_code(executor: Executor, tmp_path: Path) -> None:
    assert outcome(executor, task(tmp_path, "fill_disk")).error_code == "storage-full"


def test_a_task_that_exits_has_failed(executor: Executor, tmp_path: Path) -> None:
    failed = outcome(executor, task(tmp_path, "leave"))

    assert failed.status == "failed"
    assert "sys.exit(3)" in failed.message


def test_a_function_that_is_not_there_has_failed(executor: Executor, tmp_path: Path) -> None:
    assert outcome(executor, task(tmp_path, "missing")).status == "failed"


def test_a_task_sees_its_own_environment_and_the_inherited_one(
    executor: Executor, tmp_path: Path
) -> None:
    asked = Task(
        id="environment",
        call="contract_tasks:environment",
        payload={},
        env={"TOWPATH_TEST_VALUE": "given"},
        log=tmp_path / "log",
    )

    assert outcome(executor, asked).value["value"] == "given"
    assert outcome(executor, task(tmp_path, "environment")).value["value"] is None
    assert outcome(executor, task(tmp_path, "environment")).value["again"]


def test_a_task_after_a_failed_one_is_not_affected(executor: Executor, tmp_path: Path) -> None:
    outcome(executor, task(tmp_path, "fail", secret=""))

    assert outcome(executor, task(tmp_path, "double", n=1)).value == {"result": 2}


def test_more_cpus_than_there_are_is_refused_at_once(executor: Executor, tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="asks for 3 cpus"):
        executor.submit(task(tmp_path, "double", cpus=3, n=1))


def test_cancelling_what_is_over_or_unknown_does_nothing(
    executor: Executor, tmp_path: Path
) -> None:
    asked = task(tmp_path, "double", n=1)
    outcome(executor, asked)

    executor.cancel(asked.id)
    executor.cancel("never heard of")

    assert outcome(executor, asked).status == "done"


@pytest.mark.parametrize("make", [InlineExecutor, LocalExecutor])
def test_a_closed_executor_takes_nothing(
    make: type[InlineExecutor | LocalExecutor], tmp_path: Path
) -> None:
    executor = make()
    executor.close()
    executor.close()

    with pytest.raises(Unavailable, match="closed"):
        executor.submit(task(tmp_path, "double", n=1))


def test_an_accelerator_that_is_not_there_is_refused_at_once(
    executor: Executor, tmp_path: Path
) -> None:
    asked = Task(
        id="double",
        call="contract_tasks:double",
        payload={"n": 1},
        resources=Resources(gpus=1, gpu_kind="A100"),
        log=tmp_path / "log",
    )

    with pytest.raises(InvalidSetting, match="1 gpus of kind A100"):
        executor.submit(asked)


def test_a_task_may_ask_for_a_fraction_of_a_core(executor: Executor, tmp_path: Path) -> None:
    assert outcome(executor, task(tmp_path, "double", cpus=0.5, n=1)).value == {"result": 2}
