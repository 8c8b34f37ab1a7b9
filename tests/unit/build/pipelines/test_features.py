"""Pipelines that join features: one result whether or not a layout is there, and a full lineage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.features import LayoutFeatureStore
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from towpath.assets.features import FeatureView

START = datetime(2026, 1, 1, tzinfo=UTC)
PROJECT = """
    from datetime import datetime

    import polars as pl

    import towpath as tp


    class Hike(tp.Schema):
        hike: str
        who: str
        guide: str
        at: datetime
        load: float


    class Reading(tp.Schema):
        reading: int
        who: str
        when: datetime
        noted: datetime | None
        pulse: float


    class Load(tp.Schema):
        load: float


    class Strain(tp.Schema):
        strain: float | None


    hikes = tp.Dataset("hikes", schema=Hike, key="hike", time="at")
    readings = tp.Dataset("readings", schema=Reading, key="reading", time="when")
    pulse = tp.FeatureView(
        "pulse", source=readings, entity="who", time="when", ttl="2h", features=["pulse"],
        created="noted",
    )


    @tp.on_demand(uses=["pulse"], request=Load, returns=Strain)
    def strain(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.select(strain=pl.col("pulse") * pl.col("load"))


    health = tp.FeatureService(
        "health", views=[pulse, pulse.lookup(by="guide", prefix="guide_")], on_demand=[strain]
    )


    @tp.step
    def keep(rows: pl.DataFrame) -> list[float | None]:
        return [*rows["strain"].to_list(), *rows["guide_pulse"].to_list()]


    @tp.pipeline
    def train():
        return keep(tp.join(hikes.last("30d"), health))


    @tp.pipeline
    def leak():
        return keep(tp.join(hikes.all(), health, mode="event"))
"""


def readings(*rows: tuple[str, int, int | None, float], first: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "reading": first + number,
                "who": who,
                "when": START + timedelta(hours=at),
                "noted": None if noted is None else START + timedelta(hours=noted),
                "pulse": pulse,
            }
            for number, (who, at, noted, pulse) in enumerate(rows)
        ],
        schema_overrides={"noted": pl.Datetime("us", "UTC")},
    ).with_columns(pl.col("when").dt.cast_time_unit("us"))


@pytest.fixture
def hike(workshop: Any) -> Any:
    workshop.write("toy.py", PROJECT)
    rows = pl.DataFrame(
        {
            "hike": ["t1", "t2", "t3"],
            "who": ["ann", "bob", "ann"],
            "guide": ["bob", "cid", "bob"],
            "at": [START + timedelta(hours=hour) for hour in (3, 3, 9)],
            "load": [1.0, 2.0, 3.0],
        }
    ).with_columns(pl.col("at").dt.cast_time_unit("us"))
    workshop.datasets.commit(workshop.load("hikes"), rows, project="toy")
    seen = readings(("ann", 2, None, 60.0), ("bob", 1, None, 70.0), ("bob", 3, 4, 75.0))
    workshop.datasets.commit(workshop.load("readings"), seen, project="toy")
    return workshop


def build(hike: Any) -> str:
    view: FeatureView = hike.load("pulse")
    return str(LayoutFeatureStore(hike.ledger, hike.blobs).build(view, project="toy").ref)


def statuses(result: Any) -> dict[str, str]:
    return {step.name: step.status for step in result.steps}


def parents(hike: Any, run_id: str) -> set[str]:
    with hike.ledger.read() as tx:
        run = tx.runs.get(run_id).ref
        return {str(edge.parent) for edge in tx.graph.trace(run).edges if edge.child == run}


def test_a_service_is_joined_computed_and_recorded(hike: Any) -> None:
    result = hike.run()

    assert result.error is None
    assert hike.value(result) == [60.0, 140.0, None, 70.0, None, None]
    assert statuses(result) == {"join": "done", "strain": "done", "keep": "done"}
    used = parents(hike, result.run_id)
    assert {"dataset:readings@1", "dataset:hikes@1", "feature_service:health@1"} <= used
    assert not any(ref.startswith("features:") for ref in used)


def test_a_layout_changes_how_quick_a_join_is_and_nothing_else(hike: Any) -> None:
    before = hike.run()
    layout = build(hike)

    after = hike.run()

    assert set(statuses(after).values()) == {"hit"}
    assert hike.value(after) == hike.value(before)
    assert layout in parents(hike, after.run_id)
    join = next(step.run_id for step in after.steps if step.name == "join")
    assert {layout, "dataset:readings@1"} <= parents(hike, join)


def test_a_join_from_a_layout_gives_what_one_from_the_source_gives(hike: Any) -> None:
    layout = build(hike)
    result = hike.run()

    assert hike.value(result) == [60.0, 140.0, None, 70.0, None, None]
    assert layout in parents(hike, result.run_id)
    assert hike.value(hike.run("leak")) == [60.0, 150.0, None, 75.0, None, None]


def test_a_layout_that_is_gone_when_it_is_read_is_done_without(hike: Any) -> None:
    build(hike)
    area = hike.blobs.area("features")
    for digest in list(area.walk()):
        area.delete(digest)

    result = hike.run()

    assert hike.value(result) == [60.0, 140.0, None, 70.0, None, None]


def test_a_stale_layout_is_not_read(hike: Any) -> None:
    layout = build(hike)
    more = readings(("cid", 2, None, 80.0), first=3)
    hike.datasets.commit(hike.load("readings"), more, project="toy")

    result = hike.run()

    assert hike.value(result)[4] == 80.0
    assert layout not in parents(hike, result.run_id)


def test_what_a_transformation_does_is_part_of_its_key(hike: Any) -> None:
    hike.run()
    hike.change('pl.col("pulse") * pl.col("load")', 'pl.col("pulse") + pl.col("load")')

    result = hike.run()

    assert statuses(result) == {"join": "hit", "strain": "done", "keep": "done"}
    assert hike.value(result)[:2] == [61.0, 72.0]


def test_a_transformation_that_looks_at_other_rows_fails_the_run(hike: Any) -> None:
    hike.change('pl.col("pulse") * pl.col("load")', 'pl.col("load").rank()')

    result = hike.run()

    assert result.status == "failed"
    assert statuses(result)["strain"] == "failed"
    [note] = [one for one in result.error.__notes__ if "alone" in one][:1]
    assert "'strain' gives a row another 'strain' alone than among others" in note


def test_another_declaration_is_another_version_of_the_service(hike: Any) -> None:
    hike.run()
    hike.change('pulse.lookup(by="guide"', 'pulse.lookup("pulse", by="guide"')
    assert "feature_service:health@1" in parents(hike, hike.run().run_id)
    hike.change('"health", views', '"health", owner="ann", views')
    assert "feature_service:health@2" in parents(hike, hike.run().run_id)


def test_a_transformation_must_be_where_a_process_finds_it(hike: Any) -> None:
    hike.change("@tp.on_demand(uses", "def wrapped():\n  pass\n\n@tp.on_demand(uses")
    hike.change(
        "    health = tp.FeatureService(".strip(),
        'strain.function.__qualname__ = "wrapped.<locals>.strain"\nhealth = tp.FeatureService(',
    )
    with pytest.raises(InvalidProject, match="not at the top of its module"):
        hike.run()
