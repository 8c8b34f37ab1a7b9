"""What `tp.search` takes in a pipeline, and what it refuses before anything runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import pytest

import towpath as tp
from towpath.build.pipelines.authoring.graphs import DriverNode
from towpath.build.tuning.contract import Objective
from towpath.build.tuning.declaring import Search
from towpath.build.tuning.space import Choice, Interval
from towpath.core.errors import InvalidProject


class Trip(tp.Schema):
    trip: str
    at: datetime


trips = tp.Dataset("trips", schema=Trip, key="trip", time="at")


@tp.step
def fit(rows: pl.DataFrame, leaves: int = 31, rate: float = 0.1, kind: str = "a") -> float:
    del rows, leaves, kind
    return rate


@tp.step
def both(x: float) -> tuple[float, float]:
    return x, x


@tp.step
def grown(parts: list[pl.DataFrame], seed: int = 0) -> float:
    del parts
    return float(seed)


def node_of(make: Any) -> DriverNode:
    def pipe() -> Any:
        return make()

    (node,) = tp.pipeline(pipe).graph().nodes
    assert isinstance(node, DriverNode)
    return node


def searched(**options: Any) -> Search:
    options = {"leaves": (15, 255), "maximize": "m", **options}
    driving = node_of(lambda: tp.search(fit, trips.all(), **options)).driving
    assert isinstance(driving, Search)
    return driving


def test_arguments_are_told_apart_into_what_varies_data_and_constants() -> None:
    node = node_of(
        lambda: tp.search(
            fit, trips.last("30d"), rate=tp.Log(0.01, 0.3), kind="b", leaves=[15, 31], minimize="m"
        )
    )
    search = node.driving
    assert isinstance(search, Search)
    assert node.name == "search-fit"
    assert list(node.inputs) == ["rows"]
    assert search.fixed == {"kind": "b"}
    assert search.spec.space == {
        "leaves": Choice(values=(15, 31)),
        "rate": Interval(low=0.01, high=0.3, log=True),
    }
    assert search.spec.objectives == (Objective(metric="m", direction="minimize"),)
    assert search.steps == (fit,)
    assert search.kind == "search"


def test_a_second_search_of_a_step_has_a_name_of_its_own() -> None:
    def pipe() -> Any:
        return [tp.search(fit, trips.all(), leaves=(2, 9), maximize=goal) for goal in ("a", "b")]

    assert [node.name for node in tp.pipeline(pipe).graph().nodes] == ["search-fit", "search-fit-2"]


def test_names_that_search_takes_itself_go_into_the_space() -> None:
    search = node_of(
        lambda: tp.search(grown, [trips.all()], space={"seed": (1, 9)}, seed=5, maximize="m")
    ).driving
    assert isinstance(search, Search)
    assert search.spec.seed == 5
    assert search.spec.space == {"seed": Interval(low=1, high=9, whole=True)}


def test_objectives_come_in_order_and_counts_have_defaults() -> None:
    spec = searched(maximize=["a", "b"], minimize="c").spec
    assert [(one.metric, one.direction) for one in spec.objectives] == [
        ("a", "maximize"),
        ("b", "maximize"),
        ("c", "minimize"),
    ]
    assert (spec.trials, spec.parallel, spec.keep, spec.sampler) == (20, 2, 3, "tpe")
    assert searched(timeout="2h").spec.timeout_s == 7200


def test_a_grid_is_tried_to_its_end_unless_told_otherwise() -> None:
    grid = {"sampler": "grid", "leaves": [1, 2, 3], "kind": ["a", "b"]}
    assert searched(**grid).spec.trials == 6
    assert searched(**grid, trials=4).spec.trials == 4
    assert searched(**grid, trials=400).spec.trials == 6


def test_the_result_stands_for_what_the_step_returns() -> None:
    @tp.pipeline
    def pipe() -> Any:
        best = tp.search(fit, trips.all(), leaves=(2, 9), maximize="m")
        return fit(trips.all(), rate=best)

    second = pipe.graph().nodes[1]
    assert list(second.inputs) == ["rows", "rate"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"leaves": 31}, "varies nothing"),
        ({"leaves": (0.5, 0.9)}, "fractions"),
        ({"leaves": (9, 9)}, "no interval"),
        ({"maximize": ()}, "does not say what it is after"),
        ({"minimize": "m"}, "a metric twice"),
        ({"trials": 0}, "trials=0"),
        ({"parallel": 0}, "parallel=0"),
        ({"keep": 0}, "keep=0"),
        ({"warm": -1}, "warm=-1"),
        ({"sampler": "magic"}, "sampler='magic'"),
        ({"prune": "often"}, "prune='often'"),
        ({"maximize": ["a", "b"], "prune": "median"}, "prune= and several metrics"),
        ({"maximize": ["a", "b"], "sampler": "cmaes"}, "several metrics"),
        ({"sampler": "cmaes", "kind": ["a", "b"]}, "choices"),
        ({"sampler": "cmaes"}, "one parameter"),
        ({"sampler": "grid", "rate": (0.1, 0.9)}, "every number"),
        ({"enqueue": [{"leaves": 1}]}, "outside"),
        ({"enqueue": [{"rate": 0.1}]}, "does not vary"),
        ({"within": {"size": (2, 1)}}, "nothing lies between"),
        ({"nonsense": 3}, "can't be called like this"),
        ({"rate": object()}, "can't be written down"),
    ],
)
def test_what_can_t_be_meant_is_refused_while_planning(options: Any, why: str) -> None:
    with pytest.raises(InvalidProject) as caught:
        searched(**options)
    assert why in caught.value.message
    assert caught.value.remedy


def test_a_step_with_several_results_can_t_be_searched() -> None:
    with pytest.raises(InvalidProject, match="several results"):
        node_of(lambda: tp.search(both, x=(0.0, 1.0), maximize="m"))


def test_only_steps_inside_of_pipelines_can_be_searched() -> None:
    with pytest.raises(InvalidProject, match="outside of a pipeline"):
        tp.search(fit, trips.all(), leaves=(2, 9), maximize="m")
    with pytest.raises(InvalidProject, match=r"@tp\.step"):
        node_of(lambda: tp.search(len, leaves=(2, 9), maximize="m"))


def test_what_decides_how_it_searches_is_on_record() -> None:
    recorded = searched(kind=["a", "b"], within={"size": (None, 2)}, prune="asha").constants
    assert recorded["space"]["kind"] == {"kind": "choice", "values": ["a", "b"]}
    assert recorded["objectives"] == [["m", "maximize"]]
    assert recorded["within"] == {"size": [None, 2]}
    assert (recorded["prune"], recorded["trials"], recorded["fixed"]) == ("asha", 20, {"rate": 0.1})
