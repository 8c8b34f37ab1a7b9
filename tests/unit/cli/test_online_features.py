"""`towpath feature materialize`, `get`, `push`, `status`: from a declaration to features by entity."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

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
    runway: int
    observed: datetime
    wind: float | None


class Sent(tp.Schema):
    limit: float


class Judged(tp.Schema):
    closed: bool | None


reports = tp.Dataset(
    "reports", schema=Report, key=("origin", "runway", "observed"), time="observed"
)
weather = tp.FeatureView(
    "weather", source=reports, entity=("origin", "runway"), time="observed", ttl="2h",
    features=["wind"],
)
offline = tp.FeatureView(
    "offline", source=reports, entity="origin", time="observed", features=["wind"], online=False
)


@tp.on_demand(uses=["wind"], request=Sent, returns=Judged)
def judge(rows):
    return rows.select(closed=pl.col("wind") > pl.col("limit"))


board = tp.FeatureService("board", views=[weather], on_demand=[judge])
project = tp.Project("airport", owner="ops", features=[weather, offline], feature_services=[board])
"""


def ago(minutes: float) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


def told(printed: Any) -> Any:
    """Return the JSON that a command printed, after what nobody keeps from the log here."""
    return json.loads(printed.out.splitlines()[-1])


@pytest.fixture
def airport(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, towpath: Any) -> Iterator[Path]:
    """A project with two reports in its source, and the current directory."""
    (tmp_path / "onlineairport.py").write_text(PROJECT)
    (tmp_path / "towpath.toml").write_text('project = "onlineairport:project"\n')
    rows = f"EWR,1,{ago(60)},10.5\nJFK,4,{ago(30)},\n"
    (tmp_path / "reports.csv").write_text(f"origin,runway,observed,wind\n{rows}")
    monkeypatch.chdir(tmp_path)
    assert towpath("dataset", "add", "reports", "reports.csv").code == 0
    yield tmp_path
    sys.modules.pop("onlineairport", None)


def test_views_are_materialised_read_pushed_and_watched(
    airport: Path, towpath: Callable[..., Any]
) -> None:
    assert "absent" in towpath("feature", "status").out
    done = told(towpath("feature", "materialize", "--json"))
    assert [(one["view"], one["whole"], one["rows"]) for one in done] == [("weather", True, 2)]
    again = towpath("feature", "materialize", "weather").out
    assert "what changed" in again
    assert " all " in towpath("feature", "materialize", "--whole").out.splitlines()[-1]

    got = towpath("feature", "get", "board", "origin=EWR", "runway=1", "limit=9", "--json")
    assert told(got) == [{"origin": "EWR", "runway": 1, "limit": 9.0, "wind": 10.5, "closed": True}]
    (airport / "asked.jsonl").write_text(
        '{"origin": "JFK", "runway": 4}\n{"origin": "LGA", "runway": 4}\n'
    )
    rows = told(towpath("feature", "get", "weather", "--rows", "asked.jsonl", "--json"))
    assert [row["wind"] for row in rows] == [None, None]
    table = towpath("feature", "get", "weather", "origin=EWR", "runway=1").out
    assert "10.5" in table

    (airport / "push.csv").write_text(
        f"origin,runway,observed,wind\nJFK,4,{ago(5)},7.5\nEWR,1,{ago(90)},1.0\n"
    )
    pushed = towpath("feature", "push", "weather", "push.csv")
    assert pushed.out == "1 rows served\n"
    assert "1 were not newer" in pushed.err
    later = towpath("feature", "get", "weather", "origin=JFK", "runway=4", "--json")
    assert told(later)[0]["wind"] == 7.5

    (status,) = told(towpath("feature", "status", "--sample", "10", "--json"))
    assert (status["freshness"], status["entities"], status["pushed"]) == ("current", 2, 1)
    assert (status["skew"]["sampled"], status["skew"]["ahead"]) == (2, 1)
    assert "none of 2" in towpath("feature", "status", "weather", "--sample", "10").out
    assert "ok  online" in towpath("doctor").out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("get", "weather"), 2, "origin, runway"),
        (("get", "weather", "origin=EWR", "--rows", "reports.csv"), 2, "both"),
        (("get", "weather", "origin=EWR", "runway=one"), 2, "runway"),
        (("get", "weather", "place=EWR"), 2, "origin"),
        (("get", "weather", "origin=EWR"), 1, "runway"),
        (("get", "weather", "origin=EWR", "runway=1"), 1, "materialize"),
        (("get", "wether", "origin=EWR"), 1, "weather"),
        (("materialize", "wether"), 1, "weather"),
        (("push", "weather", "nothing.csv"), 1, "nothing.csv"),
        (("push", "wether", "reports.csv"), 1, "weather"),
        (("status", "wether"), 1, "weather"),
    ],
)
def test_what_cannot_be_is_said(
    airport: Path, towpath: Callable[..., Any], words: tuple[str, ...], code: int, said: str
) -> None:
    ended = towpath("feature", *words)
    assert ended.code == code
    assert said in ended.err
    assert ended.out == ""


def test_rows_that_do_not_fit_are_not_pushed(airport: Path, towpath: Callable[..., Any]) -> None:
    (airport / "future.csv").write_text(f"origin,runway,observed,wind\nJFK,4,{ago(-60)},7.5\n")
    ended = towpath("feature", "push", "weather", "future.csv")
    assert (ended.code, ended.out) == (1, "")
    assert "future" in ended.err
