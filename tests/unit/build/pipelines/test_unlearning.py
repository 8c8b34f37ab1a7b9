"""What a candidate says of withdrawals is held against the steps that make it."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import Any

import pytest

from towpath.core.errors import InvalidProject

HEAD = """
    from datetime import datetime

    import polars as pl

    import towpath as tp


    class Trip(tp.Schema):
        trip: str
        who: str
        at: datetime
        x: float


    trips = tp.Dataset("trips", schema=Trip, key="trip", time="at", subject="who", buckets=4)
    routes = tp.Dataset("routes", schema=Trip, key="trip", time="at")


    @tp.step
    def scale(rows: pl.DataFrame) -> float: ...


    @tp.step
    def learn(rows: pl.DataFrame, *, by: float = 1.0, map: pl.DataFrame | None = None) -> tp.Model: ...


    @tp.step
    def learn_two(one: pl.DataFrame, two: pl.DataFrame) -> tp.Model: ...


    @tp.step
    def count(rows: pl.DataFrame) -> tp.Moments: ...


    @tp.step
    def together(parts: list[tp.Model]) -> tp.Model: ...


    @tp.step
    def solve(parts: list[tp.Moments]) -> tp.Model: ...


    @tp.pipeline
    def train():
"""
SISA = "together([learn(trips.shard(k, of=4)) for k in range(4)])"
SUMS = "solve([count(trips.shard(k, of=4)) for k in range(4)])"


def build(workshop: Any, model: str, unlearning: str, before: str = "") -> Any:
    body = (
        f'{before}\nreturn tp.candidate("m", {model}, test=trips.all(), unlearning="{unlearning}")'
    )
    workshop.write("toy.py", dedent(HEAD) + indent(body, "    "))
    return workshop.load("train").graph()


@pytest.mark.parametrize(
    ("model", "unlearning"),
    [
        (SISA, "sisa"),
        (SUMS, "downdate"),
        (SUMS, "sisa"),
        ("learn(trips.all())", "retrain"),
        ("together([learn(trips.shard(k, of=4), map=routes.all()) for k in range(4)])", "sisa"),
        ("together([learn_two(trips.shard(k, of=2), trips.shard(k, of=2).last('9d')) for k in (0, 1)])", "sisa"),
    ],
)  # fmt: skip
def test_what_holds_may_be_declared(workshop: Any, model: str, unlearning: str) -> None:
    (found,) = build(workshop, model, unlearning).candidates
    assert found.name == "m"


@pytest.mark.parametrize(
    ("model", "unlearning", "words"),
    [
        ("learn(trips.all())", "sisa", "'learn' reads a data set whole"),
        (SISA, "downdate", "'learn' returns no tp.Moments"),
        (
            "together([learn(trips.shard(k, of=4), by=scale(trips.all())) for k in range(4)])",
            "sisa",
            "'scale' reads a data set whole",
        ),
        ("learn_two(trips.shard(0, of=2), trips.shard(1, of=2))", "sisa", "several shards at once"),
        ("learn(routes.all())", "sisa", "no step that makes it reads a shard"),
        ("together([learn(trips.shard(0, of=4))])", "sisa", "all of it is one shard"),
    ],
)
def test_what_does_not_hold_is_refused(
    workshop: Any, model: str, unlearning: str, words: str
) -> None:
    with pytest.raises(InvalidProject, match=words):
        build(workshop, model, unlearning)


@pytest.mark.parametrize("method", ["approximate", "influence", "gradient-ascent", ""])
def test_approximate_methods_are_refused(workshop: Any, method: str) -> None:
    with pytest.raises(InvalidProject, match="never certified as erasure") as caught:
        build(workshop, SISA, method)
    assert "retrain, sisa, downdate" in str(caught.value.remedy)
