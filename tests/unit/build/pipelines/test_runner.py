"""What a run does, records, takes from the cache, and leaves when it fails."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from towpath.build.pipelines import missing_blobs
from towpath.core.errors import Conflict, InvalidProject, NotFound
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.build.pipelines import PipelineResult, Progress

ALL = ("prepare", "total", "describe")


def statuses(result: PipelineResult) -> list[str]:
    return [step.status for step in result.steps]


def why(result: PipelineResult, name: str) -> str:
    return next(step.why for step in result.steps if step.name == name)


def test_a_run_computes_what_the_functions_say(workshop: Any) -> None:
    result = workshop.run()

    assert result.status == "finished"
    assert workshop.value(result) == {"amount": 96.0}
    assert [step.name for step in result.steps] == list(ALL)
    assert statuses(result) == ["done"] * 3
    assert all(why(result, name) == "it has never run" for name in ALL)


def test_the_same_again_comes_from_the_cache(workshop: Any) -> None:
    first = workshop.run()
    again = workshop.run()

    assert statuses(again) == ["hit"] * 3
    assert again.outputs == first.outputs
    assert again.run_id != first.run_id


def test_the_record_tells_what_was_run_with_what(workshop: Any) -> None:
    result = workshop.run(params={"times": "3"}, reason="because")

    with workshop.ledger.read() as tx:
        run = tx.runs.get(result.run_id)
        steps = {one.name: one for one in tx.runs.list(parent=result.run_id)}
    assert (run.kind, run.name, run.project, run.status) == ("pipeline", "train", "toy", "finished")
    assert run.params == {"window": "30d", "times": "3"}
    assert run.tags["code"] == "code:toy@1"
    assert run.tags["reason"] == "because"
    assert run.tags["pins"] == '{"trips":1}'
    assert run.tags["at"] == workshop.clock.now().isoformat()
    assert run.metrics == {"rows": 48.0}
    assert steps.keys() == set(ALL)
    assert {one.status for one in steps.values()} == {"finished"}
    assert steps["total"].params == {"times": "3", "chosen": "4"}
    assert steps["total"].metrics == {"rows": 48.0}
    assert steps["total"].tags["step"] == "toy.total"


def test_a_run_from_the_cache_is_recorded_with_metrics_and_who_computed_it(workshop: Any) -> None:
    first = workshop.run()
    again = workshop.run()

    with workshop.ledger.read() as tx:
        run = tx.runs.get(again.run_id)
        steps = {one.name: one for one in tx.runs.list(parent=again.run_id)}
    executed = {step.name: step.run_id for step in first.steps}
    assert run.metrics == {"rows": 48.0}
    assert {name: one.tags["executed_by"] for name, one in steps.items()} == executed


def test_lineage_leads_from_a_result_to_data_and_code_and_back(workshop: Any) -> None:
    result = workshop.run()

    made = result.outputs["result"].ref
    with workshop.ledger.read() as tx:
        back = tx.graph.trace(made).nodes
        forth = tx.graph.impact(Ref("dataset", "trips", 1)).nodes
        reached = tx.graph.trace(Ref("run", result.run_id)).nodes
    assert Ref("dataset", "trips", 1) in back
    assert made in forth
    assert {Ref("code", "toy", 1), Ref("dataset", "trips", 1)} <= set(reached)


def test_an_erasure_can_find_every_execution_that_read_a_version(workshop: Any) -> None:
    workshop.run()

    with workshop.ledger.read() as tx:
        manifest = tx.versions.get(Ref("dataset", "trips", 1)).body["manifest"]
        found = tx.cache.using([manifest])
    assert [one.step for one in found] == ["toy.prepare"]
    assert found[0].outputs["sources"] == [{"ref": "dataset:trips@1", "manifest": manifest}]


def test_a_changed_helper_makes_its_step_run_again_and_not_the_others(workshop: Any) -> None:
    workshop.run()
    workshop.change("x * 2", "x * 3", "helpers.py")

    result = workshop.run()

    assert statuses(result) == ["done"] * 3
    assert why(result, "prepare") == "changed: code of helpers"
    assert why(result, "total") == "changed: input rows"
    assert workshop.value(result) == {"amount": 144.0}


def test_a_change_without_consequence_stops_where_results_are_equal(workshop: Any) -> None:
    workshop.run()
    workshop.change("x * 2", "x * 2 + 0", "helpers.py")

    assert statuses(workshop.run()) == ["done", "hit", "hit"]


def test_comments_layout_and_limits_change_nothing(workshop: Any) -> None:
    workshop.run()
    workshop.change('print("preparing")', '# Say so.\n    print(\n        "preparing",\n    )')
    workshop.change("@tp.step\ndef total", '@tp.step(cpus=2, memory="1GiB")\ndef total')

    assert statuses(workshop.run()) == ["hit"] * 3


def test_a_parameter_changes_only_what_takes_it(workshop: Any) -> None:
    workshop.run()

    result = workshop.run(params={"times": 2})

    assert statuses(result) == ["hit", "done", "done"]
    assert why(result, "total") == "changed: parameter times"
    assert workshop.value(result) == {"amount": 192.0}


def test_a_default_given_explicitly_is_the_same_parameter(workshop: Any) -> None:
    workshop.run()

    assert statuses(workshop.run(params={"window": "30d", "times": "1"})) == ["hit"] * 3


def test_new_rows_in_the_window_are_read_and_those_outside_are_not_noticed(workshop: Any) -> None:
    workshop.run()

    workshop.commit_trips(24, first=24 * 20)
    assert statuses(workshop.run()) == ["hit"] * 3

    workshop.commit_trips(24, first=48)
    result = workshop.run()
    assert why(result, "prepare") == "changed: input rows"
    assert workshop.value(result) == {"amount": 144.0}


def test_pins_and_a_planned_time_repeat_a_run_on_later_data(workshop: Any) -> None:
    first = workshop.run()
    at = workshop.clock.now()
    workshop.commit_trips(24, first=48)
    workshop.clock.advance(timedelta(days=40))

    assert workshop.value(workshop.run()) == {"amount": 0.0}
    repeated = workshop.run(at=at, pins={"trips": 1})
    assert repeated.outputs == first.outputs
    assert statuses(repeated) == ["hit"] * 3


def test_a_result_whose_bytes_are_gone_is_made_again(workshop: Any) -> None:
    first = workshop.run()
    workshop.blobs.delete(first.outputs["result"].digest)

    again = workshop.run()

    assert statuses(again) == ["hit", "hit", "done"]
    assert missing_blobs(again.outputs["result"], workshop.blobs) == []


def test_what_a_step_prints_is_kept_with_its_run(workshop: Any) -> None:
    result = workshop.run()
    again = workshop.run()

    log = result.steps[0].log
    assert workshop.blobs.get(log) == b"preparing\n"
    assert again.steps[0].log == log
    assert result.steps[1].log is None
    with workshop.ledger.read() as tx:
        assert tx.runs.get(result.steps[0].run_id).tags["log"] == log


def test_no_temporary_file_is_left(workshop: Any) -> None:
    workshop.run()

    assert [one for one in (workshop.home / "run").rglob("*") if one.is_file()] == []


def test_a_step_that_fails_is_told_and_the_rest_is_not_started(workshop: Any) -> None:
    workshop.change("return rows[", 'raise ValueError(f"bad trip {rows[0, 1]}")\n    return rows[')

    result = workshop.run()

    assert result.status == "failed"
    assert statuses(result) == ["done", "failed", "skipped"]
    assert result.outputs == {}
    with workshop.ledger.read() as tx:
        runs = [tx.runs.get(result.run_id), tx.runs.get(result.steps[1].run_id)]
    assert [run.status for run in runs] == ["failed", "failed"]
    assert "ValueError at toy.py:" in runs[0].error


def test_data_in_an_exception_reach_people_and_not_the_ledger(workshop: Any) -> None:
    workshop.change(
        "return rows[", 'raise ValueError(f"bad trip of {rows[0, 1]}")\n    return rows['
    )

    result = workshop.run()

    assert result.error.code == "step-failed"
    assert any("bad trip of w0" in note for note in result.error.__notes__)
    assert "w0" not in str(result.error)
    with workshop.ledger.read() as tx:
        told = [str(event) for event in tx.events.read()]
        told += [str(run) for run in tx.runs.list()]
    assert not any("bad trip" in one for one in told)


def test_after_mending_a_step_only_it_and_what_follows_run(workshop: Any) -> None:
    workshop.change("return rows[", "raise ValueError\n    return rows[")
    workshop.run()
    workshop.change("raise ValueError\n    return", "return")

    assert statuses(workshop.run()) == ["hit", "done", "done"]


def test_a_step_that_returns_something_else_than_declared_fails(workshop: Any) -> None:
    workshop.change("-> dict[str, float]:", "-> pl.DataFrame:")

    result = workshop.run()

    assert result.status == "failed"
    assert any("returned a dict where polars.DataFrame" in n for n in result.error.__notes__)


def test_a_step_without_cache_always_runs(workshop: Any) -> None:
    workshop.change("@tp.step\ndef total", "@tp.step(cache=False)\ndef total")
    workshop.run()

    result = workshop.run()

    assert statuses(result) == ["hit", "done", "hit"]
    assert why(result, "total") == "it is never cached"


def test_random_numbers_are_the_same_each_time_unless_a_step_asks_otherwise(workshop: Any) -> None:
    workshop.write(
        "toy.py",
        """
        import random
        import numpy as np
        import polars as pl
        import towpath as tp

        @tp.step(cache=False)
        def seeded() -> list[float]:
            shuffled = pl.Series(range(100)).shuffle()[0]
            return [random.random(), float(np.random.random()), float(shuffled)]

        @tp.step(cache=False, seed=None)
        def free() -> float:
            return random.random()

        @tp.pipeline
        def train():
            return {"seeded": seeded(), "free": free()}
        """,
    )
    first, second = workshop.run(), workshop.run()

    assert first.outputs["seeded"] == second.outputs["seeded"]
    assert first.outputs["free"] != second.outputs["free"]


def test_declared_files_and_variables_are_part_of_the_key(
    workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_REGION", "eu")
    (workshop.folder / "factor.txt").write_text("3", encoding="utf-8")
    workshop.write(
        "toy.py",
        """
        import os
        from pathlib import Path
        import towpath as tp

        @tp.step(files=["factor.txt"], env=["TOY_REGION"])
        def read() -> str:
            return Path(__file__).with_name("factor.txt").read_text() + os.environ["TOY_REGION"]

        @tp.pipeline
        def train():
            return read()
        """,
    )
    options = {"files": ("factor.txt",)}

    assert workshop.value(workshop.run(**options)) == "3eu"
    assert statuses(workshop.run(**options)) == ["hit"]
    (workshop.folder / "factor.txt").write_text("4", encoding="utf-8")
    assert why(workshop.run(**options), "read") == "changed: file factor.txt"
    monkeypatch.setenv("TOY_REGION", "us")
    result = workshop.run(**options)
    assert why(result, "read") == "changed: environment variable TOY_REGION"
    assert workshop.value(result) == "4us"
    with pytest.raises(InvalidProject, match=r"reads the file 'factor\.txt', which is not kept"):
        workshop.run()


def test_results_fan_out_and_in(workshop: Any) -> None:
    workshop.write(
        "toy.py",
        """
        import polars as pl
        import towpath as tp

        @tp.step
        def one(n: int) -> pl.DataFrame:
            return pl.DataFrame({"n": [n]})

        @tp.step
        def both(frame: pl.DataFrame) -> tuple[pl.LazyFrame, int]:
            return frame.lazy(), frame.height

        @tp.step
        def add(frames: list[pl.DataFrame], heights: list[int]) -> int:
            return sum(frame["n"].sum() for frame in frames) + sum(heights)

        @tp.pipeline
        def train(width: int = 3):
            pairs = [both(one(n)) for n in range(width)]
            return add([frame for frame, _ in pairs], [height for _, height in pairs])
        """,
    )
    result = workshop.run()

    assert workshop.value(result) == 6
    assert [step.name for step in result.steps][:4] == ["one", "both", "one-2", "both-2"]
    assert statuses(workshop.run(params={"width": 4})) == ["hit"] * 6 + ["done"] * 3


def test_progress_tells_each_step_once_and_counts_up(workshop: Any) -> None:
    workshop.run()
    told = [(one.kind, one.step, one.done) for one in workshop.heard if one.kind != "metric"]

    assert told == [
        ("planned", "", 0),
        ("started", "prepare", 0),
        ("done", "prepare", 1),
        ("started", "total", 1),
        ("done", "total", 2),
        ("started", "describe", 2),
        ("done", "describe", 3),
    ]
    workshop.run()
    assert [(one.kind, one.done) for one in workshop.heard] == [
        ("planned", 0),
        ("hit", 1),
        ("hit", 2),
        ("hit", 3),
    ]


def test_what_is_recorded_is_what_runs(workshop: Any) -> None:
    """The folder changes after it was kept: the kept code runs."""
    pipeline, code = workshop.load("train"), workshop.snapshot().ref
    workshop.change("x * 2", "x * 50", "helpers.py")

    result = workshop.runner().run(pipeline, project="toy", code=code)

    assert workshop.value(result) == {"amount": 96.0}


def test_an_interrupted_run_leaves_no_claim_and_no_open_run(workshop: Any) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.kind == "started" and progress.step == "total":
            raise KeyboardInterrupt

    runner, pipeline, code = workshop.runner(), workshop.load("train"), workshop.snapshot().ref
    with pytest.raises(KeyboardInterrupt):
        runner.run(pipeline, project="toy", code=code, on_progress=interrupt)

    with workshop.ledger.read() as tx:
        assert tx.runs.list(status="running") == []
        assert {run.status for run in tx.runs.list(kind="pipeline")} == {"killed"}
    assert statuses(workshop.run()) == ["hit", "done", "done"]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"params": {"windw": "1d"}}, NotFound, "parameter of pipeline 'train' 'windw'"),
        ({"params": {"times": "many"}}, InvalidProject, "'times' of pipeline 'train' can't be"),
        ({"params": {"times": 1.5}}, InvalidProject, "'times' of pipeline 'train' can't be 1.5"),
        ({"pins": {"trips": 9}}, NotFound, "trips"),
    ],
)
def test_what_can_t_be_planned_is_refused_before_anything_is_recorded(
    workshop: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        workshop.run(**options)

    with workshop.ledger.read() as tx:
        assert tx.runs.list() == []


def test_two_runs_at_once_share_each_execution(workshop: Any) -> None:
    pipeline, code = workshop.load("train"), workshop.snapshot().ref
    results: list[PipelineResult] = []
    together = threading.Barrier(2)

    def go() -> None:
        runner = workshop.runner()
        together.wait()
        results.append(runner.run(pipeline, project="toy", code=code))

    threads = [threading.Thread(target=go) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert [one.status for one in results] == ["finished"] * 2
    assert results[0].outputs == results[1].outputs
    executed = sorted(step.name for one in results for step in one.steps if step.status == "done")
    assert executed == sorted(ALL)


def test_a_run_whose_rows_are_erased_under_it_asks_to_be_run_again(
    workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = workshop.datasets.pin

    def pin_then_erase(*args: Any, **options: Any) -> Any:
        pinned = pin(*args, **options)
        workshop.datasets.erase("w3", "trips")
        return pinned

    with monkeypatch.context() as patch:
        patch.setattr(workshop.datasets, "pin", pin_then_erase)
        overtaken = workshop.run()

    assert overtaken.status == "failed"
    assert isinstance(overtaken.error, Conflict)
    assert "dataset:trips@1 was revised by an erasure" in str(overtaken.error)
    assert workshop.run().status == "finished"
