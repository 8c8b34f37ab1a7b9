"""`towpath decision …` on a home with a service's decisions."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from seeded_home import seed_home

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SERVICE = "delay-board"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with six days of decisions, to be copied."""
    folder = tmp_path_factory.mktemp("seeded")
    seed_home(folder, days=6, per_day=10).close()
    return folder


@pytest.fixture
def ask(towpath: Callable[..., Any], seeded: Path, tmp_path: Path) -> Callable[..., Any]:
    """Run a `decision` command on a home of this test's own with six days of decisions."""
    shutil.copytree(seeded, tmp_path, dirs_exist_ok=True)

    def run(*words: object) -> Any:
        return towpath("decision", *words, "--home", tmp_path)

    return run


def listed(ask: Callable[..., Any], *words: object) -> dict[str, Any]:
    done = ask("list", SERVICE, *words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_decisions_are_listed_page_by_page(ask: Callable[..., Any]) -> None:
    seen: list[str] = []
    before: list[str] = []
    for _ in range(20):
        page = listed(ask, "--limit", 7, *before)
        seen += [one["decision_id"] for one in page["decisions"]]
        if page["before"] is None:
            break
        before = ["--before", page["before"]]
    total = json.loads(ask("count", SERVICE, "--json").out)["decisions"]
    assert len(seen) == len(set(seen)) == total > 20
    done = ask("list", SERVICE, "--limit", 3)
    assert seen[0] in done.out
    assert "--before" in done.err


def test_filters_narrow_lists_and_counts(ask: Callable[..., Any]) -> None:
    every = listed(ask, "--limit", 1000)["decisions"]
    models = {one["model"] for one in every}
    model = min(models)
    mine = [one for one in every if one["model"] == model]
    name = model.removeprefix("model:")
    assert len(listed(ask, "--limit", 1000, "--model", name)["decisions"]) == len(mine)
    counted = json.loads(ask("count", SERVICE, "--model", name, "--json").out)
    assert counted == {"decisions": len(mine), "traffic": len(mine)}
    since = sorted(one["at"] for one in every)[len(every) // 2]
    half = json.loads(ask("count", SERVICE, "--since", since, "--json").out)["decisions"]
    assert half == sum(one["at"] >= since for one in every)


def test_signals_reach_lists_shows_and_exports(ask: Callable[..., Any], tmp_path: Path) -> None:
    first, second = (one["decision_id"] for one in listed(ask, "--limit", 2)["decisions"])
    assert ask("signal", "clicked", 1, "--decision", first).code == 0
    rows = pl.DataFrame({"name": ["refund_eur"], "value": [12.5], "decision_id": [second]})
    rows.write_csv(tmp_path / "refunds.csv")
    for _ in range(2):
        assert ask("signals", tmp_path / "refunds.csv").code == 0
    shown = listed(ask, "--limit", 2)["decisions"]
    assert shown[0]["signal.clicked"] == 1.0
    assert shown[1]["signal.refund_eur"] == 12.5
    facts = json.loads(ask("show", second, "--json").out.splitlines()[-1])
    assert facts["signals"] == {"refund_eur": 12.5}
    assert json.loads(ask("count", "--json").out)["signalled"] == 2

    out = tmp_path / "all.parquet"
    done = ask("export", SERVICE, "--out", out, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    exported = pl.concat([pl.read_parquet(path) for path in told["files"]], how="diagonal_relaxed")
    assert exported.height == told["rows"] == json.loads(ask("count", "--json").out)["decisions"]
    assert exported["signal.clicked"].sum() == 1.0
    for suffix, read in (("csv", pl.read_csv), ("jsonl", pl.read_ndjson)):
        assert ask("export", SERVICE, "--out", tmp_path / f"all.{suffix}").code == 0
        assert read(tmp_path / f"all.{suffix}", infer_schema_length=None).height > 20


def test_reading_is_recorded(ask: Callable[..., Any], tmp_path: Path) -> None:
    listed(ask, "--key", "secret", "--status", "ok")
    from towpath.app.home import open_home
    from towpath.app.place import resolve_place

    with (
        open_home(resolve_place(tmp_path, flags={"home": str(tmp_path)}, environ={})) as home,
        home.ledger.read() as tx,
    ):
        (event,) = tx.events.read(types=["decisions.read"])
    assert event.payload["where"] == {"status": "ok"}
    assert "secret" not in str(event)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("list delay-board --limit 0", 2, "1 to 10,000"),
        ("list delay-board --since soon", 2, "not a time"),
        ("list nothing", 0, "no such decision"),
        ("list nothing --subject N1", 2, "declares one"),
        ("export delay-board --out all.xls", 2, "known suffix"),
        ("signal clicked 1", 2, "must name its decision"),
        ("signal clicked 1 --decision nobody", 2, "names no decision"),
        ("signal clicked 1 --service delay-board", 2, "must name its decision"),
        ("signal 7up 1 --service delay-board --key a", 2, "no plain name"),
        ("signal clicked 1 --service delay-board --key a --at soon", 2, "time of signal 0"),
        ("signals nothing.csv", 2, "can't be read"),
        ("signals nothing.xls", 2, "known suffix"),
    ],
)
def test_mistakes_are_named(ask: Callable[..., Any], line: str, code: int, said: str) -> None:
    done = ask(*line.split())
    assert (done.code, said in done.err) == (code, True), done.err
