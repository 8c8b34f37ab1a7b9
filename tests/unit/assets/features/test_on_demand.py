"""On-demand features: one function for training and serving, held to what it declares."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from towpath.assets.datasets import Schema
from towpath.assets.features import FeatureService, OnDemand, on_demand
from towpath.assets.features.skew import add_checked, compute_checked
from towpath.core.errors import InvalidName, InvalidProject, NotFound, SchemaViolation, StepFailed


class Runway(Schema):
    heading: float


class Gust(Schema):
    gust: float


class Crosswind(Schema):
    crosswind: float | None


class Verdict(Schema):
    rough: bool


@on_demand(uses=["wind"], request=Runway, returns=Crosswind)
def crosswind(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the wind across the runway."""
    return rows.select(crosswind=pl.col("wind") * pl.col("heading").radians().sin().abs())


@on_demand(uses=["crosswind"], returns=Verdict)
def rough(rows: pl.DataFrame) -> pl.DataFrame:
    """Judge the result of the other."""
    return rows.select(rough=(pl.col("crosswind") > 10).fill_null(value=False))


def made(function: Any, returns: type[Schema] = Gust) -> OnDemand:
    return OnDemand("gust", function=function, uses=("wind",), returns=returns.columns())


ROWS = pl.DataFrame({"wind": [20.0, None, 5.0], "heading": [90.0, 90.0, 30.0], "other": [1, 2, 3]})


def test_a_service_computes_in_the_order_it_lists(weather: Any) -> None:
    service = FeatureService(
        "approach", views=[weather.view().lookup("wind")], on_demand=[crosswind, rough]
    )

    computed = service.compute(ROWS)

    assert service.features == ("wind", "crosswind", "rough")
    assert [column.name for column in service.request] == ["heading"]
    assert computed["crosswind"].round(6).to_list() == [20.0, None, 2.5]
    assert computed["rough"].to_list() == [True, False, False]
    assert computed.select(ROWS.columns).equals(ROWS)
    assert compute_checked(service, ROWS).equals(computed)


def test_the_function_is_what_was_written_and_sees_what_it_asked_for() -> None:
    assert crosswind(ROWS).columns == ["crosswind"]
    assert crosswind.path == f"{__name__}:crosswind"
    seen: list[list[str]] = []

    def gust(rows: pl.DataFrame) -> pl.DataFrame:
        seen.append(rows.columns)
        return rows.select(gust=pl.col("wind").fill_null(0))

    made(gust).add_to(ROWS)
    assert seen == [["wind"]]


def test_values_come_in_the_declared_types() -> None:
    def gust(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.select(wind="wind", gust=pl.lit(3, pl.Int8)).drop("wind")

    with pytest.raises(SchemaViolation, match="1 rows for 3"):
        made(lambda rows: rows.head(1).select(gust=1)).add_to(ROWS)
    assert made(gust).add_to(ROWS).schema["gust"] == pl.Float64


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda rows: rows, "returned wind.*exactly gust"),
        (lambda rows: rows.select(gust="wind", more="wind"), "returned gust, more"),
        (lambda _: None, "returned NoneType"),
        (lambda rows: rows.select(gust=pl.col("wind").cast(pl.String) + "kt"), "can't hold"),
        (lambda rows: rows.select(gust="wind"), "nothing for 'gust' in 1 of 3 rows"),
    ],
)
def test_what_breaks_the_declaration_is_refused(function: Any, why: str) -> None:
    with pytest.raises(SchemaViolation, match=why):
        made(function).add_to(ROWS)


def test_what_it_raises_is_wrapped_without_the_values() -> None:
    def gust(rows: pl.DataFrame) -> pl.DataFrame:
        raise ValueError(rows["wind"][0])

    with pytest.raises(StepFailed, match="'gust' raised ValueError") as caught:
        made(gust).add_to(ROWS)
    assert "20.0" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_missing_input_is_named() -> None:
    with pytest.raises(NotFound, match="'heading'"):
        crosswind.add_to(ROWS.drop("heading"))


def test_a_result_that_depends_on_other_rows_is_found() -> None:
    means = made(lambda rows: rows.select(gust=pl.col("wind").fill_null(0).mean()).head(1))
    ranks = made(lambda rows: rows.select(gust=pl.col("wind").rank().cast(pl.Float64).fill_null(0)))
    many = pl.concat([ROWS] * 40)

    with pytest.raises(SchemaViolation, match="gives a row another 'gust' alone"):
        add_checked(ranks, many)
    with pytest.raises(SchemaViolation, match="1 rows for"):
        add_checked(means, many)
    assert add_checked(crosswind, many).height == 120
    assert add_checked(crosswind, many.clear()).columns == [*ROWS.columns, "crosswind"]


def test_rows_that_stand_alone_may_hold_anything() -> None:
    class Odd(Schema):
        odd: float | None

    odd = made(lambda rows: rows.select(odd=pl.col("wind") / 0 - pl.col("wind") / 0), Odd)
    assert add_checked(odd, ROWS)["odd"].is_nan().to_list() == [True, None, True]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"views": []}, "uses no feature view"),
        ({"views": ["both"]}, "'wind' is a feature of 'seen' and a feature of 'seen'"),
        ({"views": ["sky"]}, "'sky' is an entity column and a feature of 'seen'"),
        ({"on_demand": [rough]}, "'rough' uses 'crosswind', which nothing before"),
        ({"on_demand": [rough, crosswind]}, "'rough' uses 'crosswind', which nothing before"),
        ({"on_demand": [crosswind, crosswind]}, "'crosswind' is a result of 'crosswind' and a"),
        ({"views": ["heading"], "on_demand": [crosswind]}, "asks the caller for 'heading'"),
        ({"name": "Approach"}, "feature service name 'Approach'"),
    ],
)
def test_a_service_that_does_not_hang_together_says_why(
    weather: Any, change: dict[str, Any], why: str
) -> None:
    view = weather.view()
    kinds = {
        "both": [view, view.lookup(by="dest")],
        "sky": [view.lookup("wind", by="sky"), view.lookup("sky", by="dest")],
        "heading": [view.lookup("wind", by="heading")],
    }
    values: dict[str, Any] = {"views": [view], "on_demand": [crosswind]}
    values |= {
        key: kinds[value[0]] if key == "views" and value else value for key, value in change.items()
    }
    name = values.pop("name", "approach")
    with pytest.raises((InvalidProject, InvalidName), match=why):
        FeatureService(name, **values)
