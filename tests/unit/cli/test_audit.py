"""`towpath audit …` in this process: reading leaves traces, proofs hold, tampering is found."""

from __future__ import annotations

import json
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from seeded_home import seed_home

from towpath.app.notebook import home as open_home

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SERVICE = "delay-board"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeded")
    seed_home(folder, days=4, per_day=6).close()
    return folder


@pytest.fixture
def run(towpath: Callable[..., Any], seeded: Path, tmp_path: Path) -> Callable[..., Any]:
    shutil.copytree(seeded, tmp_path / "home", dirs_exist_ok=True)

    def command(*words: object) -> Any:
        return towpath(*words, "--home", tmp_path / "home")

    return command


def entries(run: Callable[..., Any]) -> list[dict[str, Any]]:
    return json.loads(run("audit", "events", "--limit", 8, "--json").out)


def test_reading_decisions_leaves_a_trace_at_every_door(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    page = json.loads(run("decision", "list", SERVICE, "--json").out)["decisions"]
    one = page[0]["decision_id"]
    key = next((row["key"] for row in page if row.get("key")), "nobody")
    doors: dict[str, tuple[Callable[[], Any], str]] = {
        "list": (lambda: run("decision", "list", SERVICE), "decisions.read"),
        "show": (lambda: run("decision", "show", one), "decision.read"),
        "count by key": (
            lambda: run("decision", "count", SERVICE, "--key", key),
            "decisions.read",
        ),
        "export": (
            lambda: run("decision", "export", SERVICE, "--out", tmp_path / "all.jsonl"),
            "decisions.read",
        ),
        "trace": (lambda: run("trace", f"decision:{one}"), "decision.read"),
    }
    for door, (enter, event) in doors.items():
        size = entries(run)[0]["seq"]
        done = enter()
        assert done.code == 0, (door, done.err)
        new = [entry for entry in entries(run) if entry["seq"] > size]
        assert event in {entry["type"] for entry in new}, door


def test_a_script_that_reads_decisions_leaves_a_trace(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    with open_home(tmp_path, home=str(tmp_path / "home")) as home:
        [*_, frame] = home.decisions.pages(SERVICE)
        one = frame["decision_id"][0]
        assert home.decisions.find(one) is not None
        assert home.decisions.scan(SERVICE).collect().height
        home.decisions.tally(SERVICE)  # counts: nobody is shown
    new = entries(run)[:3]
    assert [entry["type"] for entry in new] == [
        "decisions.read",
        "decision.read",
        "decisions.read",
    ]
    assert {entry["actor"] for entry in new} == {"script"}


def test_proofs_hold_with_the_public_key_alone(run: Callable[..., Any], tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    apart.mkdir()
    (apart / "key.pem").write_text(run("audit", "key").out)
    assert run("audit", "prove", 3, "--to", apart / "entry.json").code == 0
    assert run("audit", "consistency", 2, "--to", apart / "growth.json").code == 0
    shutil.rmtree(tmp_path / "home")
    for name in ("entry.json", "growth.json"):
        done = run("audit", "verify", apart / name, "--offline")
        assert done.code == 0, done.err
    text = (apart / "entry.json").read_text()
    (apart / "entry.json").write_text(text.replace('"seq": 3', '"seq": 4'))
    done = run("audit", "verify", apart / "entry.json", "--offline")
    assert done.code == 1
    assert "was changed" in done.err
    assert not (tmp_path / "home").exists()


def test_a_tampered_log_is_told_by_name_and_place(run: Callable[..., Any], tmp_path: Path) -> None:
    mine = tmp_path / "mine.jsonl"
    assert run("audit", "verify", "--resume", mine).code == 0
    assert run("audit", "verify", "--resume", mine).code == 0
    with sqlite3.connect(tmp_path / "home" / "towpath.db") as database:
        database.execute("UPDATE events SET actor = 'mallory' WHERE seq = 5")
    done = run("audit", "verify", "--json")
    assert done.code == 1
    [found] = json.loads(done.out)["findings"]
    assert (found["trouble"], found["position"]) == ("edited", 5)
    assert "edited at entry 5" in run("audit", "verify").err
    with sqlite3.connect(tmp_path / "home" / "towpath.db") as database:
        database.execute("DELETE FROM checkpoints")
        database.execute("DELETE FROM events WHERE seq > 20")
        database.execute("UPDATE log_head SET size = 21")
    done = run("audit", "verify", "--anchor", mine)
    assert "tail at entry 21" in done.err


def test_a_key_is_rotated_by_hand(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "first.pem").write_text(run("audit", "key").out)
    assert run("audit", "rotate-key").code == 2
    assert run("audit", "rotate-key", "--yes").code == 0
    assert run("audit", "verify", "--public-key", tmp_path / "first.pem").code == 0
    assert run("audit", "key", "--all").out.count("BEGIN PUBLIC KEY") == 2
