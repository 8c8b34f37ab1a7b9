"""Attempts at steps: tried again, limited in number, inline, given an environment, and stopped."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from towpath.build.capacity import Granted, Refused, Usage, Waits
from towpath.build.compute import LocalExecutor
from towpath.build.pipelines import cancel_run
from towpath.core.errors import BudgetRefused, InvalidProject, NotFound, UsageError
from towpath.ledger.records import EndedRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from towpath.build.capacity import Answer, PermitRequest
    from towpath.build.pipelines import PipelineResult

WITHIN_S = 60
FLAKY = """
    from pathlib import Path
    import towpath as tp

    @tp.step(retries=2, backoff="10ms", {options})
    def flaky(folder: str, failures: int) -> int:
        notes = Path(folder) / "notes"
        tries = len(notes.read_text().split()) if notes.exists() else 0
        tp.log_metric("tries", tries)
        with notes.open("a") as file:
            file.write("x ")
        if tries < failures:
            raise {error}("not yet")
        return tries

    @tp.step
    def after(tries: int) -> int:
        return tries

    @tp.pipeline
    def train(folder: str, failures: int = 2):
        return after(flaky(folder, failures))
"""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


def statuses(result: PipelineResult) -> dict[str, str]:
    return {step.name: step.status for step in result.steps}


@pytest.fixture
def isolated(workshop: Any) -> Iterator[Any]:
    with LocalExecutor(cpus=2, preload=()) as executor:
        workshop.executor = executor
        yield workshop


def flaky(workshop: Any, *, options: str = "", error: str = "OSError") -> Any:
    workshop.write("toy.py", FLAKY.format(options=options, error=error))
    return workshop


@pytest.mark.parametrize("options", ["", "inline=True"])
def test_a_step_is_tried_again_and_each_attempt_is_on_record(
    workshop: Any, tmp_path: Path, options: str
) -> None:
    result = flaky(workshop, options=options).run(params={"folder": str(tmp_path)})

    assert workshop.value(result) == 2
    assert [one.detail for one in workshop.heard if one.kind == "retrying"] == [
        "OSError at toy.py:13 in flaky; again in 0.01 s",
        "OSError at toy.py:13 in flaky; again in 0.02 s",
    ]
    with workshop.ledger.read() as tx:
        runs = [one for one in tx.runs.list(parent=result.run_id) if one.name == "flaky"]
        assert len({one.key for one in runs}) == 1
    attempts = {one.tags.get("attempt", "1"): (one.status, one.metrics) for one in runs}
    assert attempts == {
        "1": ("failed", {"tries": 0.0}),
        "2": ("failed", {"tries": 1.0}),
        "3": ("finished", {"tries": 2.0}),
    }


def test_tries_come_to_an_end(workshop: Any, tmp_path: Path) -> None:
    result = flaky(workshop).run(params={"folder": str(tmp_path), "failures": 9})

    assert result.status == "failed"
    assert "failed (3 times)" in str(result.error)
    assert (tmp_path / "notes").read_text().split() == ["x"] * 3
    assert statuses(result) == {"flaky": "failed", "after": "skipped"}


def test_what_was_used_wrongly_is_not_tried_again(workshop: Any, tmp_path: Path) -> None:
    flaky(workshop, error="__import__('towpath.core.errors').core.errors.UsageError")

    result = workshop.run(params={"folder": str(tmp_path)})

    assert result.status == "failed"
    assert (tmp_path / "notes").read_text().split() == ["x"]


def test_an_inline_step_gives_what_an_isolated_one_gives(workshop: Any) -> None:
    first = workshop.run()
    workshop.change("@tp.step\ndef total", "@tp.step(inline=True)\ndef total")
    workshop.change('print("preparing")', 'print("once more")')
    workshop.change("@tp.step\ndef prepare", "@tp.step(inline=True)\ndef prepare")

    result = workshop.run()

    assert list(statuses(result).values()) == ["done", "hit", "hit"]
    assert result.outputs == first.outputs
    assert workshop.blobs.get(result.steps[0].log) == b"once more\n"


def test_inline_steps_record_what_isolated_ones_do(workshop: Any) -> None:
    workshop.change("@tp.step\n", "@tp.step(inline=True)\n")

    result = workshop.run()

    assert workshop.value(result) == {"amount": 96.0}
    with workshop.ledger.read() as tx:
        steps = {one.name: one for one in tx.runs.list(parent=result.run_id)}
        made = result.outputs["result"].ref
        assert any(str(one) == "dataset:trips@1" for one in tx.graph.trace(made).nodes)
    assert steps["total"].metrics == {"rows": 48.0}
    assert steps["total"].params == {"times": "1", "chosen": "2"}
    assert list(statuses(workshop.run()).values()) == ["hit"] * 3


def test_an_inline_step_sees_the_recorded_code_and_leaves_no_trace(workshop: Any) -> None:
    import sys

    workshop.change("@tp.step\n", "@tp.step(inline=True)\n")
    workshop.run()
    loaded = sys.modules["helpers"]
    workshop.change("x * 2", "x * 3", "helpers.py")

    result = workshop.run()

    assert workshop.value(result) == {"amount": 144.0}
    assert sys.modules["helpers"].scale(1) == 3
    assert sys.modules["helpers"] is not loaded
    assert not any("/code/" in path for path in sys.path)


def test_no_more_calls_of_a_step_run_at_once_than_it_says(isolated: Any, tmp_path: Path) -> None:
    isolated.write(
        "toy.py",
        """
        import os
        from pathlib import Path
        import towpath as tp

        @tp.step(concurrency=1)
        def alone(folder: str, n: int) -> int:
            lock = os.open(Path(folder) / "lock", os.O_CREAT | os.O_EXCL)
            os.close(lock)
            (Path(folder) / "lock").unlink()
            return n

        @tp.pipeline
        def train(folder: str):
            return [alone(folder, n) for n in range(4)]
        """,
    )

    result = isolated.run(params={"folder": str(tmp_path)})

    assert set(statuses(result).values()) == {"done"}
    with isolated.ledger.write() as tx:  # every place was given back
        held = tx.cache.claim(
            "slot:toy:toy.alone:0", step="s", parts={}, run_id="r", owner="me", lease_s=1
        )
    assert held.run_id == "r"


def test_a_place_is_waited_for_and_taken_from_the_dead(isolated: Any, tmp_path: Path) -> None:
    isolated.write(
        "toy.py",
        """
        import towpath as tp

        @tp.step(concurrency=1)
        def alone(n: int) -> int:
            return n

        @tp.pipeline
        def train():
            return alone(1)
        """,
    )
    with isolated.ledger.write() as tx:
        other = tx.runs.start(kind="pipeline", name="other", project="else", tags={"owner": "x"})
        slot = tx.cache.claim(
            "slot:toy:toy.alone:0", step="s", parts={}, run_id=other.id, owner="x", lease_s=600
        )
    results: list[PipelineResult] = []
    thread = threading.Thread(target=lambda: results.append(isolated.run()))
    thread.start()

    def started() -> bool:
        with isolated.ledger.read() as tx:
            return bool(tx.runs.list(kind="pipeline", project="toy", status="running"))

    until(started)
    with isolated.ledger.read() as tx:
        assert tx.runs.list(kind="step") == []
    with isolated.ledger.write() as tx:
        tx.cache.drop(slot.key, fence=slot.fence)
        tx.runs.finish_all([EndedRun(id=other.id, status="finished")])
    thread.join(WITHIN_S)

    assert [one.status for one in results] == ["finished"]


def test_a_step_is_given_its_environment_and_no_secret_is_recorded(
    isolated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    isolated.write(
        "toy.py",
        """
        import os
        import towpath as tp

        @tp.step(env={"LEVEL": "high"}, secrets=["TOY_TOKEN"])
        def look() -> list[int]:
            return [len(os.environ["LEVEL"]), len(os.environ["TOY_TOKEN"])]

        @tp.pipeline
        def train():
            return look()
        """,
    )
    with pytest.raises(KeyError):
        os.environ["TOY_TOKEN"]
    refused = isolated.run()
    monkeypatch.setenv("TOY_TOKEN", "hush-hush-9")
    result = isolated.run()
    monkeypatch.setenv("TOY_TOKEN", "another-one")

    assert refused.status == "failed"
    assert "'TOY_TOKEN' is not set" in str(refused.error)
    assert isolated.value(result) == [4, 11]
    assert list(statuses(isolated.run()).values()) == ["hit"]  # a new password changes nothing
    database = (isolated.home / "towpath.db").read_bytes()
    assert b"hush-hush-9" not in database
    isolated.change('"high"', '"low"')
    assert isolated.value(isolated.run()) == [3, 11]


def test_a_run_can_be_cancelled_from_elsewhere(isolated: Any, tmp_path: Path) -> None:
    isolated.write(
        "toy.py",
        """
        import os, time
        from pathlib import Path
        import towpath as tp

        @tp.step
        def quick() -> int:
            return 1

        @tp.step
        def long(one: int, folder: str) -> int:
            (Path(folder) / "pid").write_text(str(os.getpid()))
            time.sleep(600)
            return one

        @tp.pipeline
        def train(folder: str):
            return long(quick(), folder)
        """,
    )
    results: list[PipelineResult] = []
    thread = threading.Thread(
        target=lambda: results.append(isolated.run(params={"folder": str(tmp_path)}))
    )
    thread.start()
    until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()))
    with isolated.ledger.read() as tx:
        running = {one.name: one for one in tx.runs.list(status="running")}

    assert cancel_run(isolated.ledger, running["long"].id, reason="somebody said so")
    thread.join(WITHIN_S)

    assert [one.status for one in results] == ["cancelled"]
    assert statuses(results[0]) == {"quick": "done", "long": "killed"}
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with isolated.ledger.read() as tx:
        run = tx.runs.get(results[0].run_id)
        assert (run.status, run.error) == ("killed", "somebody said so")
        assert tx.runs.list(status="running") == []
    assert not cancel_run(isolated.ledger, run.id)


def test_only_runs_of_pipelines_are_cancelled_and_the_dead_are_closed(workshop: Any) -> None:
    from towpath.ledger.owners import this_owner

    dead = this_owner().rpartition(".")[0] + ".1"
    with workshop.ledger.write() as tx:
        other = tx.runs.start(kind="monitor", name="m", project="p")
        run = tx.runs.start(kind="pipeline", name="p", project="p", tags={"owner": dead})
        step = tx.runs.start(kind="step", name="s", project="p", parent=run.id)

    with pytest.raises(UsageError, match="kind 'monitor'"):
        cancel_run(workshop.ledger, other.id)
    with pytest.raises(NotFound):
        cancel_run(workshop.ledger, "0" * 32)
    assert cancel_run(workshop.ledger, run.id)

    with workshop.ledger.read() as tx:
        assert {tx.runs.get(one.id).status for one in (run, step)} == {"killed"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("cpus=0", "0 cpus"),
        ("retries=-1", "retries=-1"),
        ("concurrency=0", "concurrency=0"),
        ("inline=True, memory='1GiB'", "inline=True and limits"),
        ("inline=True, secrets=['A']", "inline=True and limits"),
    ],
)
def test_options_that_can_t_be_meant_are_refused(workshop: Any, options: str, words: str) -> None:
    workshop.write(
        "toy.py",
        f"import towpath as tp\n@tp.step({options})\ndef bad() -> int:\n    return 1\n",
    )
    with pytest.raises(InvalidProject, match=words):
        workshop.load("bad")


class Till:
    """Permits that write down what they are asked, and answer as told: a fake of another's contract."""

    def __init__(self, answer: Callable[[PermitRequest, int], Answer]) -> None:
        self.asked: list[PermitRequest] = []
        self.settled: dict[str, Usage] = {}
        self.taking_back: list[str] = []
        self._answer = answer

    def ask(
        self, requests: Sequence[PermitRequest], *, settled: Mapping[str, Usage] = {}
    ) -> list[Answer]:
        assert not self.settled.keys() & settled.keys()
        self.settled |= settled
        self.asked += requests
        return [self._answer(one, len(self.asked)) for one in requests]

    def withdraw(self, ids: Sequence[str]) -> None:
        pass

    def wanted_back(self, run_id: str) -> list[str]:
        del run_id
        return [one for one in self.taking_back if one not in self.settled]

    def saved(self, permit_id: str) -> None:
        pass

    def settle(self, permit_id: str, usage: Usage) -> None:
        self.ask([], settled={permit_id: usage})


def grant(request: PermitRequest, nth: int = 0) -> Answer:
    del nth
    return Granted(id=request.id, resources=request.resources)


def run_with(workshop: Any, permits: Till, **options: Any) -> PipelineResult:
    runner = workshop.runner()
    runner._permits = permits
    pipeline = workshop.load("train")
    return runner.run(pipeline, project="toy", code=workshop.snapshot().ref, **options)


def test_each_attempt_asks_for_a_permit_and_settles_it(workshop: Any, tmp_path: Path) -> None:
    permits = Till(grant)

    result = run_with(flaky(workshop), permits, params={"folder": str(tmp_path)})

    run = result.run_id
    assert [(one.id, one.attempts_left) for one in permits.asked] == [
        (f"{run}/flaky/1", 3),
        (f"{run}/flaky/2", 2),
        (f"{run}/flaky/3", 1),
        (f"{run}/after/1", 1),
    ]
    assert {key.partition("/")[2]: one.outcome for key, one in permits.settled.items()} == {
        "flaky/1": "failed",
        "flaky/2": "failed",
        "flaky/3": "done",
        "after/1": "done",
    }
    assert [one.attempts_left for one in permits.settled.values()] == [2, 1, 0, 0]


def test_what_waits_for_a_permit_asks_again_with_the_same_id(workshop: Any) -> None:
    def second_time(request: PermitRequest, nth: int) -> Answer:
        return Waits(id=request.id, blocker="someone") if nth == 1 else grant(request)

    permits = Till(second_time)
    result = run_with(workshop, permits)

    assert result.status == "finished"
    assert permits.asked[0].id == permits.asked[1].id


def test_what_no_budget_can_pay_fails_the_run_with_the_arithmetic(workshop: Any) -> None:
    def refuse(request: PermitRequest, nth: int) -> Answer:
        del nth
        return Refused(id=request.id, error=BudgetRefused("7 > 5"))

    permits = Till(refuse)
    result = run_with(workshop, permits)

    assert result.status == "failed"
    assert isinstance(result.error, BudgetRefused)
    assert permits.settled == {}
    with workshop.ledger.read() as tx:
        assert tx.runs.list(kind="step") == []


def test_a_preempted_attempt_is_dead_settled_and_started_again(
    isolated: Any, tmp_path: Path
) -> None:
    isolated.write(
        "toy.py",
        """
        import time
        from pathlib import Path
        import towpath as tp

        @tp.step(grace="1s")
        def long(folder: str) -> int:
            began = Path(folder) / "began"
            if not began.exists():
                began.touch()
                time.sleep(600)
            return 1

        @tp.pipeline
        def train(folder: str):
            return long(folder)
        """,
    )
    permits = Till(grant)

    def take_back() -> None:
        until((tmp_path / "began").exists)
        permits.taking_back.append(permits.asked[0].id)

    thread = threading.Thread(target=take_back)
    thread.start()
    result = run_with(isolated, permits, params={"folder": str(tmp_path)})
    thread.join()

    assert result.status == "finished"
    assert [one.outcome for one in permits.settled.values()] == ["preempted", "done"]
    assert [one.attempt for one in permits.asked] == [1, 2]
    assert [one.attempts_left for one in permits.asked] == [1, 1]
    with isolated.ledger.read() as tx:
        runs = tx.runs.list(kind="step")
    assert sorted((one.status, one.tags.get("stopped", "")) for one in runs) == [
        ("finished", ""),
        ("killed", "preempted"),
    ]
