"""`towpath feature`: from a declaration to rows with features in a file."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROJECT = """
from datetime import datetime

import polars as pl

import towpath as tp


class Report(tp.Schema):
    origin: str
    observed: datetime
    made: datetime | None
    wind: float | None


class Runway(tp.Schema):
    heading: float


class Crosswind(tp.Schema):
    crosswind: float | None


reports = tp.Dataset("reports", schema=Report, key=["origin", "observed"], time="observed")
seen = tp.FeatureView(
    "seen", source=reports, entity="origin", time="observed", created="made", ttl="2h",
    features=["wind"], owner="met@example.org", description="What stations reported.",
)


@tp.on_demand(uses=["wind"], request=Runway, returns=Crosswind)
def crosswind(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(crosswind=pl.col("wind") * pl.col("heading").radians().sin().abs())


approach = tp.FeatureService("approach", views=[seen], on_demand=[crosswind], owner="ops")
project = tp.Project("airport", owner="ops", feature_services=[approach])
"""
REPORTS = """origin,observed,made,wind
JFK,2026-01-01T00:00Z,,10
JFK,2026-01-01T01:00Z,2026-01-01T03:00Z,20
"""
FLIGHTS = """flight,origin,scheduled,heading
a,JFK,2026-01-01T02:00Z,90
b,JFK,2026-01-01T02:30Z,90
c,EWR,2026-01-01T02:00Z,90
"""


@pytest.fixture
def airport(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "airport.py").write_text(PROJECT)
    (tmp_path / "towpath.toml").write_text('project = "airport:project"\n')
    (tmp_path / "reports.csv").write_text(REPORTS)
    (tmp_path / "flights.csv").write_text(FLIGHTS)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("airport", None)


def test_features_are_found_built_and_joined(airport: Path, towpath: Callable[..., Any]) -> None:
    assert towpath("feature", "list").err.startswith("no feature view is declared yet")
    assert towpath("dataset", "add", "reports", "reports.csv").code == 0
    line = ("feature", "join", "approach", "flights.csv", "--time", "scheduled")
    before = towpath(*line, "--to", "before.parquet")
    assert (before.code, before.out, before.err) == (0, "", "wrote before.parquet\n")

    built = towpath("feature", "build", "--json")
    [version] = json.loads(built.out.splitlines()[-1])
    assert version["body"]["rows"] == 2
    assert built.err == "laying out seen …\n"
    assert towpath("apply").code == 0

    after = towpath(*line, "--to", "after.parquet")
    assert after.code == 0
    joined = pl.read_parquet(airport / "after.parquet")
    assert joined.equals(pl.read_parquet(airport / "before.parquet"))
    assert joined["crosswind"].to_list() == [10.0, None, None]
    leaked = json.loads(towpath(*line, "--mode", "event", "--json").out)
    assert [row["wind"] for row in leaked] == [20.0, 20.0, None]
    assert "crosswind" in towpath(*line).out

    listed = towpath("feature", "list").out.splitlines()
    assert [line.split()[:4] for line in listed[1:]] == [
        ["approach", "service", "1", "ops"],
        ["seen", "view", "1", "2"],
    ]
    service = towpath("feature", "show", "approach").out
    assert "seen by origin" in service
    assert "heading" in service
    view = towpath("feature", "show", "seen@1").out
    assert "met@example.org" in view
    assert "7200 s" in view
    assert json.loads(towpath("feature", "show", "seen", "--json").out)["used_by"] == []


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("feature show sen", 1, "sen"),
        ("feature build sen", 1, "Did you mean 'seen'?"),
        ("feature build", 1, "reports"),
        ("feature join aproach flights.csv --time scheduled", 1, "Did you mean 'approach'?"),
        ("feature join seen nothing.csv --time scheduled", 1, "no file 'nothing.csv'"),
        ("feature join seen flights.csv", 2, "--time"),
        ("feature join seen flights.csv --time scheduled --mode past", 2, "--mode"),
    ],
)
@pytest.mark.usefixtures("airport")
def test_what_can_not_be_meant_is_refused(
    towpath: Callable[..., Any], line: str, code: int, said: str
) -> None:
    done = towpath(*line.split())
    assert done.code == code
    assert said in done.err
    assert done.out == ""
