"""What the scheduler promises a driver: calls keyed and cached, ends told once, calls stopped dead."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from towpath.build.compute import LocalExecutor
from towpath.build.pipelines.authoring.building import current_builder
from towpath.core.errors import InvalidProject, StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from towpath.build.pipelines.authoring.driving import Ended, Point, Stage

PROJECT = """
    import os
    import time
    from pathlib import Path

    import towpath as tp


    @tp.step
    def double(number: int) -> int:
        tp.log_metric("doubled", number * 2)
        tp.log_param("said", "so")
        return number * 2


    @tp.step(retries=1, backoff="1ms")
    def broken(number: int) -> int:
        raise ValueError(number)


    @tp.step
    def endless(folder: str) -> int:
        (Path(folder) / "pid").write_text(str(os.getpid()))
        for n in range(6000):
            tp.log_metric("at", n, step=n)
            time.sleep(0.1)
        return 1


    @tp.step
    def seed() -> int:
        return 1


    @tp.pipeline
    def train(folder: str = "."):
        import drivers_under_test

        return drivers_under_test.drive(seed(), folder, double, broken, endless)
"""


class Scripted:
    """A driver that does as a test says: `on_start` and `on_done` are given the stage."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self.stage: Stage

    def start(self, stage: Stage) -> None:
        self.stage = stage
        self._declared.stages.append(stage)
        self._declared.on_start(stage)

    def done(self, ended: Ended) -> None:
        self._declared.ended.append(ended)
        self._declared.on_done(self.stage, ended)

    def metric(self, call: str, point: Point) -> None:
        self._declared.on_metric(self.stage, call, point)

    def tick(self, elapsed_s: float) -> None:
        self._declared.ticks.append(elapsed_s)


def ignore(*_: object) -> None:
    """Take no notice."""


class Declared:
    """The node: a `Driving` with everything it saw."""

    kind = "test"
    name = "scripted"

    def __init__(self) -> None:
        self.steps: tuple[Any, ...] = ()
        self.constants: Mapping[str, Any] = {"asked": "this"}
        self.ended: list[Ended] = []
        self.stages: list[Stage] = []
        self.ticks: list[float] = []
        self.on_start: Callable[[Stage], None] = lambda stage: stage.finish([])
        self.on_done: Callable[[Stage, Ended], None] = ignore
        self.on_metric: Callable[[Stage, str, Point], None] = ignore

    def open(self) -> Scripted:
        return Scripted(self)


@pytest.fixture
def driven(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Declared]:
    import sys
    import types

    declared = Declared()

    def drive(seed: Any, folder: str, *steps: Any) -> Any:
        del folder
        declared.steps = steps
        builder = current_builder()
        assert builder is not None
        return builder.drive(declared, {"seed": seed}, returns=int)

    module = types.ModuleType("drivers_under_test")
    module.drive = drive  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "drivers_under_test", module)
    workshop.write("toy.py", PROJECT)
    return workshop, declared


def test_calls_are_runs_with_keys_and_ends_are_told_once(driven: tuple[Any, Declared]) -> None:
    workshop, declared = driven

    def spawn_three(stage: Stage) -> None:
        for n in range(3):
            stage.spawn(
                declared.steps[0], name=f"n{n}", constants={"number": n}, tags={"which": str(n)}
            )

    def finish_after_three(stage: Stage, ended: Ended) -> None:
        del ended
        if len(declared.ended) == 3:
            made = [one.artifacts[0] for one in declared.ended]
            stage.finish(made, metrics={"best": 4.0}, tags={"note": "x"})

    declared.on_start, declared.on_done = spawn_three, finish_after_three
    first = workshop.run()
    told = list(declared.ended)
    declared.ended.clear()
    again = workshop.run()

    assert [(one.call, one.status, one.attempts) for one in told] == [
        (f"scripted/n{n}", "done", 1) for n in range(3)
    ]
    assert [one.latest for one in told] == [{"doubled": float(2 * n)} for n in range(3)]
    assert told[0].params == {"said": "so"}
    assert [one.status for one in declared.ended] == ["hit"] * 3
    assert [one.executed_by for one in declared.ended] == [one.run_id for one in told]
    assert [one.key for one in declared.ended] == [one.key for one in told]
    assert [workshop.value(again, f"result.{n}") for n in range(3)] == [0, 2, 4]
    assert again.outputs == first.outputs
    stage = declared.stages[0]
    assert (stage.node, stage.project, stage.pipeline) == ("scripted", "toy", "train")
    with workshop.ledger.read() as tx:
        runs = {one.name: one for one in tx.runs.list(parent=first.run_id)}
    assert runs["scripted"].kind == "test"
    assert runs["scripted"].metrics == {"best": 4.0}
    assert (runs["scripted"].params, runs["scripted"].tags["note"]) == ({"asked": '"this"'}, "x")
    assert runs["scripted/n1"].tags["which"] == "1"
    assert runs["scripted/n1"].key == stage.key_of(declared.steps[0], constants={"number": 1})


def test_a_failed_call_is_told_after_its_retries_and_the_driver_decides(
    driven: tuple[Any, Declared],
) -> None:
    workshop, declared = driven

    def start(stage: Stage) -> None:
        stage.spawn(declared.steps[1], name="b", constants={"number": 1})

    declared.on_start = start
    declared.on_done = lambda stage, _: stage.finish([])

    result = workshop.run()

    assert result.status == "finished"
    assert [(one.status, one.attempts) for one in declared.ended] == [("failed", 2)]
    assert isinstance(declared.ended[0].error, StepFailed)
    assert {one.name: one.status for one in result.steps} == {
        "seed": "done",
        "scripted": "done",
        "scripted/b": "failed",
    }


def test_a_driver_that_fails_fails_the_run(driven: tuple[Any, Declared]) -> None:
    workshop, declared = driven
    declared.on_start = lambda stage: stage.fail(StepFailed("nothing to be done"))

    result = workshop.run()

    assert result.status == "failed"
    assert "nothing to be done" in str(result.error)
    with workshop.ledger.read() as tx:
        assert tx.runs.list(status="running") == []
        assert [one.status for one in tx.runs.list(kind="test")] == ["failed"]


@pytest.mark.parametrize("mistake", ["twice", "undeclared", "argument"])
def test_a_spawn_that_can_t_be_is_the_node_s_failure(
    driven: tuple[Any, Declared], mistake: str
) -> None:
    workshop, declared = driven

    def start(stage: Stage) -> None:
        double = declared.steps[0]
        if mistake == "twice":
            stage.spawn(double, name="a", constants={"number": 1})
            stage.spawn(double, name="a", constants={"number": 2})
        elif mistake == "undeclared":
            stage.spawn(workshop.load("seed"), name="a")
        else:
            stage.spawn(double, name="a", constants={"size": 1})

    declared.on_start = start

    result = workshop.run()

    assert result.status == "failed"
    assert isinstance(result.error, InvalidProject)


def test_a_cancelled_call_is_dead_before_its_end_is_told(
    driven: tuple[Any, Declared], tmp_path: Path
) -> None:
    workshop, declared = driven
    alive: list[bool] = []
    seen = threading.Event()

    def start(stage: Stage) -> None:
        stage.spawn(declared.steps[2], name="e", constants={"folder": str(tmp_path)})

    def prune(stage: Stage, call: str, point: Point) -> None:
        if point.step >= 1 and not seen.is_set():
            seen.set()
            stage.cancel(call, "it can't win")

    def finish(stage: Stage, ended: Ended) -> None:
        del ended
        try:
            os.kill(int((tmp_path / "pid").read_text()), 0)
        except ProcessLookupError:
            alive.append(False)
        stage.finish([])

    declared.on_start, declared.on_metric, declared.on_done = start, prune, finish
    with LocalExecutor(cpus=2, preload=()) as executor:
        workshop.executor = executor
        result = workshop.run()

    assert result.status == "finished"
    assert alive == [False]
    assert [one.status for one in declared.ended] == ["killed"]
    assert declared.ended[0].latest["at"] >= 1.0
    with workshop.ledger.read() as tx:
        run = next(one for one in tx.runs.list(kind="step") if one.name == "scripted/e")
        assert (run.status, run.error, run.tags["stopped"]) == (
            "killed",
            "it can't win",
            "cancelled",
        )
        assert len(tx.runs.history(run.id, "at")) >= 2
