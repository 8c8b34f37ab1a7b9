"""`map`: one call for each item, cached by its own, whatever there turn out to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from towpath.build.pipelines import PipelineResult

HEAD = """
    from datetime import datetime

    import polars as pl
    import towpath as tp


    class Trip(tp.Schema):
        trip: str
        who: str
        at: datetime
        x: float


    trips = tp.Dataset("trips", schema=Trip, key="trip", time="at", subject="who")


    @tp.step
    def numbers(count: int) -> list[int]:
        return [n * n for n in range(count)]


    @tp.step
    def double(number: int, factor: int = 2) -> int:
        return number * factor


    @tp.step
    def total(numbers: list[int]) -> int:
        return sum(numbers)


    @tp.step
    def height(rows: pl.DataFrame) -> int:
        return rows.height


    @tp.step
    def parts(rows: pl.DataFrame, count: int) -> tuple[pl.DataFrame, ...]:
        return tuple(rows.head(n + 1) for n in range(count))
"""


@pytest.fixture
def project(workshop: Any) -> Any:
    def write(body: str) -> Any:
        workshop.write("toy.py", HEAD + body)
        return workshop

    return write


def statuses(result: PipelineResult) -> dict[str, str]:
    return {step.name: step.status for step in result.steps}


def test_a_list_from_a_step_gets_a_call_for_each_member(project: Any) -> None:
    workshop = project("""
    @tp.pipeline
    def train(count: int = 3):
        return total(tp.map(double, numbers(count), factor=10))
    """)

    result = workshop.run()

    assert workshop.value(result) == 50
    assert list(statuses(result)) == [
        "numbers", "map-double", "map-double/0", "map-double/1", "map-double/2", "total",
    ]  # fmt: skip
    with workshop.ledger.read() as tx:
        calls = {one.name: one for one in tx.runs.list(parent=result.run_id)}
    assert calls["map-double"].kind == "map"
    assert calls["map-double/1"].tags["driver"] == "map-double"
    # Members are data: none is a parameter of a run.
    assert calls["map-double/1"].params == {"factor": "10"}


def test_a_new_member_costs_one_call_and_a_moved_one_none(project: Any) -> None:
    workshop = project("""
    @tp.pipeline
    def train(count: int = 3):
        return total(tp.map(double, numbers(count)))
    """)
    workshop.run()

    result = workshop.run(params={"count": 4})

    assert [one for one, status in statuses(result).items() if status == "hit"] == [
        "map-double/0", "map-double/1", "map-double/2",
    ]  # fmt: skip
    assert workshop.value(result) == 28


def test_an_empty_list_makes_an_empty_result(project: Any) -> None:
    workshop = project("""
    @tp.pipeline
    def train():
        return total(tp.map(double, numbers(0)))
    """)

    assert workshop.value(workshop.run()) == 0


def test_a_list_that_is_written_down_makes_ordinary_nodes(project: Any) -> None:
    workshop = project("""
    @tp.pipeline
    def train():
        return total(tp.map(double, [1, 2, 3]))
    """)

    result = workshop.run()

    assert list(statuses(result)) == ["double", "double-2", "double-3", "total"]
    assert workshop.value(result) == 12


@pytest.mark.parametrize(
    ("cut", "expected"), [('by="who"', [10, 10, 10, 9, 9]), ("rows=20", [20, 20, 8])]
)
def test_a_table_is_cut_by_a_column_or_into_pieces(
    project: Any, cut: str, expected: list[int]
) -> None:
    workshop = project(f"""
    @tp.pipeline
    def train():
        return tp.map(height, trips.all(), {cut})
    """)

    result = workshop.run()

    found = [workshop.value(result, f"result.{n}") for n in range(len(result.outputs))]
    assert found == expected


def test_new_rows_for_one_value_cost_that_value_s_call(project: Any) -> None:
    workshop = project("""
    @tp.pipeline
    def train():
        return tp.map(height, trips.all(), by="who")
    """)
    workshop.run()
    workshop.commit_trips(1, first=50)  # of w0

    result = workshop.run()

    assert [one for one, status in statuses(result).items() if status == "done"] == [
        "parts_by", "map-height", "map-height/0",
    ]  # fmt: skip


def test_any_number_of_results_can_be_mapped_and_maps_follow_one_another(project: Any) -> None:
    workshop = project("""
    @tp.pipeline
    def train():
        return total(tp.map(double, tp.map(height, parts(trips.all(), 3)), parallel=1))
    """)

    assert workshop.value(workshop.run()) == 12


def test_the_first_that_fails_fails_the_run(project: Any) -> None:
    workshop = project("""
    @tp.step
    def fragile(number: int) -> int:
        return 1 // number

    @tp.pipeline
    def train():
        return total(tp.map(fragile, numbers(3)))
    """)

    result = workshop.run()

    assert result.status == "failed"
    assert "map-fragile/0" in str(result.error)
    assert statuses(result)["map-fragile"] == "failed"
    assert statuses(result)["total"] == "skipped"
    with workshop.ledger.read() as tx:
        assert tx.runs.list(status="running") == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("tp.map(double, trips.all())", "was given the whole of"),
        ("tp.map(height, trips.all(), by='who', rows=2)", "both by= and rows="),
        ("tp.map(height, trips.all(), rows=0)", "parts of 0 rows"),
        ("tp.map(height, numbers(2))", "hands int to 'rows'"),
        ("tp.map(parts, trips.all(), rows=1, count=1)", "returns several results"),
        ("tp.map(double, numbers(2), number=1, factor=2)", "leaves no parameter"),
        ("tp.map(len, [1])", "was given <built-in function len>"),
        ("double(tp.map(double, numbers(2)))", "as many as there will be"),
        ("total(tp.map(height, numbers(2), by='x'))", "cuts tables, not"),
    ],
)
def test_what_can_t_be_mapped_is_named_before_anything_runs(
    project: Any, body: str, words: str
) -> None:
    workshop = project(f"""
    @tp.pipeline
    def train():
        return {body}
    """)

    with pytest.raises(InvalidProject, match=words):
        workshop.run()
    with workshop.ledger.read() as tx:
        assert tx.runs.list() == []


def test_an_erasure_that_takes_a_list_finds_what_its_members_made(project: Any) -> None:
    workshop = project("""
    @tp.pipeline
    def train():
        return total(tp.map(double, numbers(3)))
    """)
    workshop.run()

    with workshop.ledger.read() as tx:
        last = tx.cache.last("toy.numbers")
        assert last is not None
        whole = last.outputs["artifacts"][0]["digest"]
        found = [one.step for one in tx.cache.using([whole])]
    assert found.count("toy.double") == 3
