"""Whoever looks at rows about people is in the log, and nobody's name is."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROJECT = """
from datetime import datetime

import towpath as tp


class Visit(tp.Schema):
    visit: str
    patient: str
    at: datetime
    score: float


class Place(tp.Schema):
    place: str
    at: datetime
    beds: int


class Scan(tp.Schema):
    patient: str


visits = tp.Dataset("visits", schema=Visit, key="visit", time="at", subject="patient")
places = tp.Dataset("places", schema=Place, key="place", time="at")
scans = tp.FileSet("scans", attributes=Scan, pattern="{patient}.png", subject="patient")
habits = tp.FeatureView("habits", source=visits, entity="patient", time="at", features=["score"])
wards = tp.FeatureView("wards", source=places, entity="place", time="at", features=["beds"])
project = tp.Project(
    "clinic", owner="o@example.org", datasets=[visits, places], filesets=[scans],
    features=[habits, wards],
)
"""
PATIENT = "p0007"


@pytest.fixture
def run(
    towpath: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """What runs a command in a clinic with two versions of its data."""
    (tmp_path / "towpath.toml").write_text('project = "audited_clinic:project"\n')
    (tmp_path / "audited_clinic.py").write_text(PROJECT)
    head = "visit,patient,at,score\n"
    (tmp_path / "one.csv").write_text(f"{head}v1,{PATIENT},2026-01-01T00:00:00Z,1.5\n")
    (tmp_path / "two.csv").write_text(f"{head}v2,p0008,2026-01-02T00:00:00Z,2.5\n")
    (tmp_path / "places.csv").write_text("place,at,beds\nward,2026-01-01T00:00:00Z,12\n")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / f"{PATIENT}.png").write_text("a picture")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def command(*words: object) -> Any:
        done = towpath(*words)
        assert done.code == 0, done.err
        return done

    for file in ("one.csv", "two.csv"):
        command("dataset", "add", "visits", file)
    command("dataset", "add", "places", "places.csv")
    command("files", "add", "scans", "raw")
    command("feature", "materialize")
    yield command
    del sys.modules["audited_clinic"]


def entered(run: Callable[..., Any], *words: object) -> list[dict[str, Any]]:
    """Return what a command leaves in the log."""
    before = json.loads(run("audit", "events", "--limit", 1, "--json").out)[0]["seq"]
    run(*words)
    found = json.loads(run("audit", "events", "--limit", 20, "--json").out)
    return [one for one in found if one["seq"] > before]


READINGS = {
    "show": (("dataset", "show", "visits"), ["dataset:visits@2"], {"rows": 10}),
    "show to a file": (
        ("dataset", "show", "visits@1", "--to", "rows.csv"),
        ["dataset:visits@1"],
        {"exported": True},
    ),
    "diff to a file": (
        ("dataset", "diff", "visits@1", "visits@2", "--to", "rows.csv"),
        ["dataset:visits@2", "dataset:visits@1"],
        {"exported": True},
    ),
    "files": (("files", "list", "scans"), ["dataset:scans@1"], {"files": True}),
    "checkout": (("files", "checkout", "scans", "out"), ["dataset:scans@1"], {"exported": True}),
}


@pytest.mark.parametrize("door", READINGS)
def test_seeing_rows_about_people_is_entered(run: Callable[..., Any], door: str) -> None:
    words, refs, said = READINGS[door]
    found = entered(run, *words)
    assert [(one["type"], one["subject"]) for one in found] == [
        ("dataset.read", ref) for ref in refs
    ]
    for one in found:
        assert one["actor"] == "cli"
        assert said.items() <= one["payload"].items()
    assert PATIENT not in json.dumps(found)


def test_looking_somebody_up_is_entered_by_their_hash(run: Callable[..., Any]) -> None:
    (found,) = entered(run, "feature", "get", "habits", f"patient={PATIENT}")
    assert (found["type"], found["subject"]) == ("feature.read", "feature:habits")
    (hashed,) = found["payload"]["subjects"]
    plan = json.loads(run("erase", f"patient={PATIENT}", "--dry-run", "--json").out)
    assert hashed == plan["subject"]
    assert PATIENT not in json.dumps(found)


@pytest.mark.parametrize(
    "words",
    [
        ("dataset", "show", "places"),
        ("dataset", "show", "visits", "--rows", 0),
        ("dataset", "diff", "visits@1", "visits@2"),
        ("feature", "get", "wards", "place=ward"),
    ],
    ids=["things", "no rows", "counts", "places"],
)
def test_what_shows_nobody_is_not_entered(
    run: Callable[..., Any], words: tuple[object, ...]
) -> None:
    assert entered(run, *words) == []
