"""Splitting and windowing in a pipeline: what is filled in, what comes out, what is kept."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from towpath.core.errors import InvalidProject

WINDOW = """

    recent = tp.Window(
        "recent",
        source=trips,
        entity="who",
        length="6h",
        every="2h",
        features={"trips_6h": "count", "x_6h": ("x", "sum")},
    )

"""


def ending(workshop: Any, body: str, extra: str = "") -> None:
    """Replace the pipeline's body."""
    text = (workshop.folder / "toy.py").read_text(encoding="utf-8")
    head = text[: text.index("@tp.pipeline")]
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    from textwrap import dedent

    workshop.write("toy.py", f"{head}{dedent(extra)}\n@tp.pipeline\ndef train():\n{lines}\n")


def parts(workshop: Any, body: str) -> list[pl.DataFrame]:
    ending(workshop, body)
    result = workshop.run()
    assert result.status == "finished", result.error
    return [workshop.value(result, name) for name in result.outputs]


def test_a_group_split_takes_the_subject_and_leaves_nobody_in_two_parts(workshop: Any):
    first, second = parts(workshop, 'return tp.split(trips.all(), by="group", shares=(0.6, 0.4))')
    assert not set(first["who"]) & set(second["who"])
    assert first.height + second.height == 48


def test_a_random_split_takes_the_key_and_three_shares_make_three_parts(workshop: Any):
    found = parts(workshop, 'return tp.split(trips.all(), by="random", shares=(0.5, 0.25, 0.25))')
    assert len(found) == 3
    assert sorted(one for part in found for one in part["trip"]) == [f"t{n:04}" for n in range(48)]


def test_strata_and_times_are_told(workshop: Any):
    first, second = parts(
        workshop,
        'return tp.split(trips.all(), by="stratified", column="who", shares=(0.5, 0.5))',
    )
    counts = [dict(part.group_by("who").len().iter_rows()) for part in (first, second)]
    assert all(abs(counts[0][who] - counts[1][who]) <= 1 for who in counts[0])
    past, recent = parts(workshop, 'return tp.split(trips.all(), by="time", shares=(0.75, 0.25))')
    assert past["at"].max() < recent["at"].min()
    past, recent = parts(workshop, 'return tp.split(trips.all(), by="at", last="12h", gap="6h")')
    assert (past.height, recent.height) == (30, 12)


def test_equal_splits_come_from_the_cache_and_name_their_parts_by_digest(workshop: Any):
    ending(workshop, 'return tp.split(trips.all(), by="group", shares=(0.6, 0.4))')
    first, second = workshop.run(), workshop.run()
    assert [step.cached for step in second.steps] == [True]
    digests = [artifact.digest for artifact in first.outputs.values()]
    assert digests == [artifact.digest for artifact in second.outputs.values()]
    with workshop.ledger.read() as tx:
        step = tx.runs.get(first.steps[0].run_id)
    assert {"part_1_rows", "part_2_rows"} <= set(step.metrics)
    ending(workshop, 'return tp.split(trips.all(), by="group", shares=(0.6, 0.4), seed=1)')
    assert [step.cached for step in workshop.run().steps] == [False]


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ('tp.split(prepare(trips.all()), by="random")', "does not know the columns that tell rows"),
        ('tp.split(prepare(trips.all()), by="group")', "does not know who or what goes together"),
        ('tp.split(trips.all(), by="stratified")', "does not know what every part has its share"),
        ('tp.split(trips.all(), by="random", shares=(0.5, 0.6))', "shares add up to 1.1"),
        ('tp.split(trips.all(), by="random", gap="1h")', "gap and last are for by='time'"),
        (
            'tp.split(trips.all(), by="random", shares=(0.25, 0.25, 0.25, 0.25))',
            "was asked for 4 parts",
        ),
        ("tp.window(prepare(trips.all()), recent)", "does not know when each row asks"),
    ],
)
def test_what_is_missing_is_told_as_the_graph_is_drawn(workshop: Any, call: str, why: str):
    ending(workshop, f"return {call}", WINDOW)
    with pytest.raises(InvalidProject, match=why):
        workshop.load("train").graph()


def test_a_window_reads_as_far_back_as_its_rows_need(workshop: Any):
    ending(workshop, 'return tp.window(trips.last("12h"), recent)', WINDOW)
    (node,) = workshop.load("train").graph().nodes
    assert str(node.inputs["events"]) == "dataset:trips last 20h"


def test_a_pipeline_and_serving_compute_windows_alike(workshop: Any):
    ending(workshop, "return tp.window(trips.all(), recent)", WINDOW)
    result = workshop.run()
    assert result.status == "finished", result.error
    trained = workshop.value(result)
    events = workshop.datasets.scan(workshop.load("trips").ref).collect()
    window = workshop.load("recent")
    for row in trained.iter_slices(1):
        asked = row.drop("trips_6h", "x_6h")
        assert window.at(asked, events, time="at").equals(row)
    assert trained["trips_6h"].max() == 1


def test_a_window_as_a_table_can_be_kept(workshop: Any):
    ending(workshop, "return tp.window_table(recent)", WINDOW)
    result = workshop.run()
    assert result.status == "finished", result.error
    table = workshop.value(result)
    assert table.columns == ["who", "as_of", "trips_6h", "x_6h"]
    events = workshop.datasets.scan(workshop.load("trips").ref).collect()
    assert table.equals(workshop.load("recent").table(events))
