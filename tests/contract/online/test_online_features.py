"""What online features promise, over every backend: values, times to live, materialising, pushing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, Schema
from towpath.assets.features import FeatureService, FeatureView, on_demand
from towpath.assets.features.online import Presence
from towpath.core.errors import (
    Conflict,
    IntegrityError,
    InvalidRequest,
    NotFound,
    SchemaViolation,
    StepFailed,
    Withdrawn,
)

if TYPE_CHECKING:
    from towpath.storage.online import OnlineStore

START = datetime(2013, 1, 1, tzinfo=UTC)


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


def test_the_newest_observation_that_is_known_is_served(desk: Any):
    desk.commit(
        ("N1", 60, 1.0),
        ("N1", 540, 2.0),
        ("N2", 550, 3.0),
        ("N2", 550, 4.0, 560),  # a correction
        ("N3", 560, 5.0),
        ("N3", 560, 6.0, 660),  # not known before minute 660
        ("N4", 660, 7.0),  # not true before minute 660
    )
    done = desk.materialize()
    assert (done.whole, done.rows, str(done.ref)) == (True, 3, "features:planes@1")
    assert desk.heats("N1", "N2", "N3", "N4", "N5") == [2.0, 4.0, 5.0, None, None]
    desk.clock.advance_to(minutes(660))
    assert not desk.materialize().whole
    assert desk.heats("N3", "N4") == [6.0, 7.0]


def test_values_say_how_they_came_about(desk: Any):
    desk.commit(("N1", 540, None), ("N2", 500, 2.0))
    desk.materialize()
    desk.clock.advance_to(minutes(621))
    found = desk.features.get(desk.view, {"tailnum": ["N1", "N2", "N3", None]})
    assert found.presence()["heat"] == [
        Presence.NULL_VALUE,
        Presence.OUTSIDE_MAX_AGE,
        Presence.NOT_FOUND,
        Presence.NOT_FOUND,
    ]
    assert found.times()["heat"] == [minutes(540), minutes(500), None, None]
    assert found.to_dict() == {
        "tailnum": ["N1", "N2", "N3", None],
        "heat": [None] * 4,
        "note": [None] * 4,
    }


def test_the_time_to_live_is_judged_when_it_is_read_and_inclusive(desk: Any):
    desk.commit(("N1", 540, 1.0))
    desk.materialize()
    last = minutes(540 + 120)
    desk.clock.advance_to(last)
    assert desk.heats("N1") == [1.0]
    desk.clock.advance(timedelta(microseconds=1))
    assert desk.heats("N1") == [None]
    again = desk.features.get(desk.view, {"tailnum": ["N1"]}, at=last)
    assert again.to_dict()["heat"] == [1.0]
    desk.materialize(desk.routes)
    desk.clock.advance(timedelta(days=10_000))
    assert desk.heats("EWR-SFO", view=desk.routes) == [1.0]


@pytest.mark.parametrize("count", [1, 4, 5, 200])
def test_one_and_many_entities_are_answered_alike(desk: Any, count: int):
    desk.commit(*[(f"N{n}", 500 + n % 90, n / 2 if n % 3 else None) for n in range(150)])
    desk.materialize()
    planes = [f"N{n}" for n in range(count)]
    assert desk.heats(*planes) == [
        (n / 2 if n % 3 else None) if n < 150 else None for n in range(count)
    ]


def test_rows_may_ask_in_any_form(desk: Any):
    desk.commit(("N1", 540, 1.0), ("N2", 540, 2.0))
    desk.materialize()
    asked = [{"tailnum": "N2", "more": 1}, {"tailnum": "N1", "more": 2}]
    for form in (asked, pl.DataFrame(asked), {"tailnum": ["N2", "N1"], "more": [1, 2]}):
        assert desk.features.get(desk.view, form).to_dicts() == [
            {"tailnum": "N2", "heat": 2.0, "note": "heat of N2: 2.0"},
            {"tailnum": "N1", "heat": 1.0, "note": "heat of N1: 1.0"},
        ]
    assert desk.features.get(desk.view, {"tailnum": []}).to_dicts() == []
    with pytest.raises(NotFound, match="tailnum"):
        desk.features.get(desk.view, [{"tail": "N1"}])
    with pytest.raises(InvalidRequest, match="row 1"):
        desk.features.get(desk.view, {"tailnum": ["N1", 7]})


def test_a_view_that_was_never_materialised_is_named(desk: Any):
    with pytest.raises(NotFound, match=r"planes.*materialize"):
        desk.heats("N1")
    with pytest.raises(NotFound, match="readings"):
        desk.materialize()


def test_a_source_that_grew_costs_what_is_new(desk: Any):
    desk.commit(("N1", 500, 1.0), ("N2", 500, 2.0), ("N3", 500, 3.0))
    desk.materialize()
    generation = desk.store.head("planes").generation
    desk.commit(("N1", 510, 1.5), ("N2", 490, 9.0), ("N4", 510, 4.0))
    done = desk.materialize()
    assert (done.whole, done.rows) == (False, 2)
    assert desk.store.head("planes").generation == generation
    assert desk.heats("N1", "N2", "N3", "N4") == [1.5, 2.0, 3.0, 4.0]
    assert desk.materialize().run is None
    anew = desk.materialize(whole=True)
    assert (anew.whole, anew.rows) == (True, 4)
    assert desk.store.head("planes").generation != generation
    assert desk.heats("N1", "N2", "N3", "N4") == [1.5, 2.0, 3.0, 4.0]


def test_a_source_that_lost_rows_is_written_anew(desk: Any):
    desk.commit(("N1", 500, 1.0), ("N1", 520, 2.0), ("N2", 500, 3.0))
    desk.materialize()
    desk.commit(("N1", 500, 1.0), mode="overwrite")
    assert desk.materialize().whole
    assert desk.heats("N1", "N2") == [1.0, None]


def test_a_moment_before_the_last_one_is_written_anew(desk: Any):
    desk.commit(("N1", 500, 1.0), ("N1", 520, 2.0))
    desk.materialize()
    assert desk.materialize(at=minutes(510)).whole
    assert desk.heats("N1") == [1.0]


def test_a_view_that_means_something_else_is_written_anew(desk: Any):
    desk.commit(("N1", 300, 1.0), ("N2", 590, 2.0))
    desk.materialize()
    assert desk.heats("N1", "N2") == [None, 2.0]
    longer = desk.declare("planes", "tailnum", ttl="9h")
    assert desk.features.status(longer, project="test").freshness == "outdated"
    with pytest.raises(Conflict, match="declaration"):
        desk.push(("N3", 590, 3.0), view=longer)
    assert desk.materialize(longer).whole
    assert desk.heats("N1", "N2") == [1.0, 2.0]


def test_materialising_is_in_the_graph(desk: Any):
    desk.commit(("N1", 500, 1.0))
    done = desk.materialize()
    with desk.ledger.read() as tx:
        found = {str(node) for node in tx.graph.impact(done.ref).nodes}
        run = tx.runs.get(done.run)
        above = {str(node) for node in tx.graph.trace(run.ref).nodes}
    assert {f"run:{done.run}", "online:planes"} <= found
    assert "dataset:readings@1" in above
    assert (run.kind, run.status) == ("materialization", "finished")


def test_what_is_pushed_is_served_at_once(desk: Any):
    desk.commit(("N1", 500, 1.0))
    desk.materialize()
    pushed = desk.push(("N1", 590, 2.0), ("N2", 590, 3.0), ("N2", 580, 9.0))
    assert (pushed.taken, pushed.late, pushed.withdrawn) == (2, 1, 0)
    assert desk.heats("N1", "N2") == [2.0, 3.0]


def test_a_late_row_does_not_replace_a_newer(desk: Any):
    desk.commit(("N1", 500, 1.0), ("N2", 500, 2.0, 550))
    desk.materialize()
    pushed = desk.push(("N1", 490, 9.0), ("N2", 500, 9.0, 540), ("N2", 500, 3.0, 560))
    assert (pushed.taken, pushed.late) == (1, 2)
    again = desk.push(("N2", 500, 3.0, 560))
    assert (again.taken, again.late) == (0, 1)
    assert desk.heats("N1", "N2") == [1.0, 3.0]


def test_what_was_pushed_stays_until_the_source_has_as_new(desk: Any):
    desk.commit(("N1", 500, 1.0), ("N2", 500, 1.0))
    desk.materialize()
    desk.push(("N1", 590, 2.0), ("N2", 580, 2.0), ("N3", 590, 2.0))
    desk.commit(("N1", 510, 3.0), ("N2", 585, 3.0))
    desk.materialize()
    assert desk.heats("N1", "N2", "N3") == [2.0, 3.0, 2.0]
    assert desk.features.status(desk.view, project="test").pushed == 2
    desk.materialize(whole=True)
    assert desk.heats("N1", "N2", "N3") == [2.0, 3.0, 2.0]
    desk.clock.advance_to(minutes(590 + 121))
    desk.materialize(whole=True)
    assert desk.store.count("planes") == 0


def test_a_view_may_be_pushed_to_before_it_is_materialised(desk: Any):
    assert desk.push(("N1", 590, 2.0)).taken == 1
    assert desk.heats("N1") == [2.0]
    status = desk.features.status(desk.view, project="test")
    assert (status.freshness, status.entities, status.at) == ("absent", 1, None)
    desk.commit(("N2", 590, 3.0))
    assert desk.materialize().whole
    assert desk.heats("N1", "N2") == [2.0, 3.0]


def test_rows_that_cannot_be_are_not_taken_in(desk: Any):
    desk.push(("N1", 590, 1.0))
    wrong: dict[str, pl.DataFrame] = {
        "no column 'heat'": desk.rows(("N1", 599, 9.0)).drop("heat"),
        "no column 'tailnum'": desk.rows(("N1", 599, 9.0)).drop("tailnum"),
        "is missing": desk.rows(("N1", 599, 9.0)).with_columns(
            at=pl.lit(None, pl.Datetime("us", "UTC"))
        ),
        "future": desk.rows(("N1", 590, 9.0), ("N1", 602, 9.0)),
        "heat": desk.rows(("N1", 599, 9.0)).with_columns(heat=pl.lit("hot")),
    }
    for why, rows in wrong.items():
        with pytest.raises(SchemaViolation, match=why):
            desk.features.push(desk.view, rows, project="test")
    assert desk.heats("N1") == [1.0]


class Owner(Schema):
    tailnum: str
    at: datetime
    owner: str


class Asked(Schema):
    limit: float


class Judged(Schema):
    hot: bool | None
    twice: float | None


@on_demand(uses=["heat"], request=Asked, returns=Judged)
def judge(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(hot=pl.col("heat") > pl.col("limit"), twice=pl.col("heat") * 2)


@on_demand(uses=["twice"], returns=Asked)
def broken(rows: pl.DataFrame) -> pl.DataFrame:
    raise ValueError("somebody's data")


def test_on_demand_features_are_what_training_computes(desk: Any):
    desk.commit(("N1", 540, 10.0), ("N2", 540, 30.0))
    desk.materialize()
    desk.materialize(desk.routes)
    service = FeatureService(
        "board",
        views=[desk.view.lookup("heat"), desk.routes.lookup("heat", prefix="route_")],
        on_demand=[judge],
    )
    asked = pl.DataFrame(
        {
            "tailnum": ["N1", "N2", "N3"],
            "route": ["EWR-SFO", "nowhere", None],
            "limit": [20.0, 20.0, 20.0],
            "at": [desk.clock.now()] * 3,
        }
    ).cast({"at": pl.Datetime("us", "UTC")})
    served = desk.features.get(service, asked)
    trained = desk.offline.join(asked, service, time="at")
    names = ["heat", "route_heat", "hot", "twice"]
    assert pl.DataFrame(served.to_dict()).select(names).equals(trained.select(names))
    assert served.to_dict()["hot"] == [False, True, None]
    with pytest.raises(NotFound, match="limit"):
        desk.features.get(service, {"tailnum": ["N1"], "route": ["x"]})
    with pytest.raises(InvalidRequest, match="limit"):
        desk.features.get(service, {"tailnum": ["N1"], "route": ["x"], "limit": ["high"]})


def test_an_on_demand_feature_that_fails_says_which(desk: Any):
    desk.commit(("N1", 540, 10.0))
    desk.materialize()

    class Sent(Schema):
        limit: float

    first = on_demand(uses=["heat"], request=Sent, returns=Judged)(judge.function)

    class Made(Schema):
        never: float

    second = on_demand(uses=["twice"], returns=Made)(broken.function)
    service = FeatureService("board", views=[desk.view], on_demand=[first, second])
    with pytest.raises(StepFailed, match="broken") as caught:
        desk.features.get(service, {"tailnum": ["N1"], "limit": [1.0]})
    assert "somebody" not in str(caught.value)


def test_status_follows_the_source(desk: Any):
    assert desk.features.status(desk.view, project="test").freshness == "absent"
    desk.commit(("N1", 540, 1.0))
    assert desk.features.status(desk.view, project="test").freshness == "absent"
    desk.materialize()
    desk.clock.advance(timedelta(minutes=5))
    status = desk.features.status(desk.view, project="test")
    assert (status.freshness, status.ref, status.source) == (
        "current",
        "features:planes@1",
        "dataset:readings@1",
    )
    assert (status.at, status.lag) == (minutes(600), timedelta(minutes=5))
    assert (status.entities, status.pushed, status.skew) == (1, 0, None)
    desk.commit(("N1", 541, 2.0))
    assert desk.features.status(desk.view, project="test").freshness == "behind"
    desk.materialize()
    assert desk.features.status(desk.view, project="test").freshness == "current"


def test_skew_is_what_serving_and_training_disagree_about(desk: Any):
    desk.commit(*[(f"N{n}", 500, float(n)) for n in range(40)])
    desk.materialize()
    skew = desk.features.status(desk.view, project="test", sample=25).skew
    assert (skew.sampled, skew.share, skew.different) == (25, 0.0, {})
    desk.push(("N0", 590, 9.0))  # newer than the source: no skew
    desk.commit(("N1", 595, 9.0), ("N40", 595, 9.0))  # not materialised yet
    head = desk.store.head("planes")
    (found,) = desk.store.read([("planes", [b"=N2", b"=N3"])])
    first, second = found.values
    swapped = [(b"=N2", second), (b"=N3", first)]  # somebody meddled with the store
    desk.store.update("planes", swapped, generation=head.generation)
    skew = desk.features.status(desk.view, project="test", sample=1000).skew
    assert (skew.sampled, skew.ahead, skew.stale, skew.missing) == (41, 1, 1, 1)
    assert skew.different == {"heat": 2, "note": 2}
    assert skew.share == pytest.approx(4 / 41)


def test_who_has_withdrawn_is_not_served_and_not_taken_in(desk: Any):
    desk.commit(("N1", 540, 1.0), ("N2", 540, 2.0))
    desk.materialize()
    desk.materialize(desk.routes)
    desk.withdraw("N1")
    with pytest.raises(Withdrawn, match="row 1") as caught:
        desk.heats("N2", "N1")
    assert "N1" not in str(caught.value)
    assert desk.heats("N2") == [2.0]
    pushed = desk.push(("N1", 599, 9.0), ("N2", 599, 3.0))
    assert (pushed.taken, pushed.withdrawn) == (1, 1)
    assert desk.push(("N1", 599, 9.0), view=desk.routes).withdrawn == 1
    assert desk.heats("N2") == [3.0]


def test_views_that_call_the_same_people_differently_are_both_asked_who_withdrew(desk: Any):
    other = Dataset(
        "owners", schema=Owner, key=("tailnum", "at"), subject="tailnum", subject_field="airframe"
    )
    owners = FeatureView("owners", source=other, entity="tailnum", time="at", features=["owner"])
    desk.commit(("N1", 540, 1.0))
    rows = pl.DataFrame([("N1", minutes(540), "x")], schema=Owner.polars_schema(), orient="row")
    desk.datasets.commit(other, rows, project="test")
    desk.materialize()
    desk.materialize(owners)
    service = FeatureService("both", views=[desk.view, owners])
    assert desk.features.get(service, {"tailnum": ["N1"]}).to_dict()["owner"] == ["x"]
    hashed = desk.keyring.subject_hash("airframe", "N1")
    with desk.ledger.write() as tx:
        tx.withdrawals.add(hashed)
    assert desk.heats("N1") == [1.0]
    with pytest.raises(Withdrawn):
        desk.features.get(service, {"tailnum": ["N1"]})


@pytest.mark.parametrize("count", [1, 20])
def test_a_row_that_is_damaged_is_said_to_be(desk: Any, count: int):
    desk.commit(("N1", 540, 1.0))
    desk.materialize()
    head = desk.store.head("planes")
    desk.store.update("planes", [(b"=N1", b"\xff" * 16 + b"torn")], generation=head.generation)
    with pytest.raises(IntegrityError, match="planes"):
        desk.heats(*["N1"] * count)


def test_tables_say_what_they_are(desk: Any, another: OnlineStore):
    desk.commit(("N1", 540, 1.0))
    desk.materialize()
    desk.materialize(desk.routes)
    assert [one.view for one in desk.features.tables()] == ["planes", "routes"]
    (table, _) = desk.features.tables()
    assert table.declared.view().columns.keys() == desk.view.columns.keys()
    assert (table.declared.subject_field, table.subject_at) == ("tailnum", 0)
    assert desk.features.drop("planes") is True
    assert desk.features.drop("planes") is False
    assert another.tables() == ["routes"]
    with pytest.raises(NotFound):
        desk.heats("N1")


def test_readers_follow_a_new_meaning(desk: Any):
    desk.commit(("N1", 540, 1.0))
    desk.materialize()
    assert desk.heats("N1") == [1.0]
    less = desk.declare("planes", "tailnum", ttl="2h")
    object.__setattr__(less, "features", ("note",))
    desk.materialize(less)
    found = desk.features.get(less, {"tailnum": ["N1"]})
    assert found.to_dict() == {"tailnum": ["N1"], "note": ["heat of N1: 1.0"]}
    with pytest.raises(NotFound, match="heat"):
        desk.heats("N1")
