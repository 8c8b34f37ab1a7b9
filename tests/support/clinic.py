"""A clinic's home in which people are everywhere that a home keeps rows, and what is left of one."""

from __future__ import annotations

import importlib.util
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

import towpath as tp
from towpath.core.refs import Ref
from towpath.operate.labelling.spec import TASK
from towpath.operate.labelling.tasks import TaskSpec

if TYPE_CHECKING:
    from towpath.app.home import Home
    from towpath.assets.datasets.contract import Load

START = datetime(2026, 1, 1, tzinfo=UTC)
SUBJECT, LONGER = "person-0007", "person-00071"
PEOPLE = ["person-0001", "person-0002", LONGER, SUBJECT]


class Visit(tp.Schema):
    visit: str
    person: str
    at: datetime
    score: float
    note: str | None


class Scan(tp.Schema):
    who: str
    view: str


visits = tp.Dataset(
    "visits",
    schema=Visit,
    key="visit",
    time="at",
    subject="person",
    buckets=2,
    rules=[tp.rules.Between("score", 0, 100, policy="quarantine")],
)
intake = tp.Dataset("intake", schema=Visit, key="visit", time="at", subject="person", buckets=2)
scans = tp.FileSet(
    "scans", attributes=Scan, pattern="{who}/{view}.txt", subject="who", subject_field="person"
)
habits = tp.FeatureView(
    "habits", source=visits, entity="person", time="at", features=["score", "note"]
)
SPLIT = "visits.train"


def rows(first: int, people: list[str], *, score: float = 1.0) -> pl.DataFrame:
    numbers = range(first, first + len(people))
    return pl.DataFrame(
        {
            "visit": [f"v{number}" for number in numbers],
            "person": people,
            "at": [START + timedelta(minutes=number) for number in numbers],
            "score": [score + number for number in numbers],
            "note": [f"{person} came" for person in people],
        },
        schema=Visit.polars_schema(),
    )


def fill(home: Home, folder: Path, people: list[str]) -> Load:
    """Put people everywhere; return a load that is open."""
    commit = home.datasets.commit
    commit(visits, rows(0, people), project="clinic")
    commit(visits, rows(0, people, score=5.0), project="clinic", mode="merge")
    commit(visits, rows(3, [SUBJECT]).select("visit"), project="clinic", mode="delete")
    commit(visits, rows(10, people), project="clinic")
    home.history.branch(Ref("dataset", "visits", 1), "what-if")
    commit(visits, rows(20, people), project="clinic", branch="what-if")
    commit(visits, rows(30, people, score=1000.0), project="clinic")  # out of range: set aside
    load = home.datasets.load(intake, project="clinic", name="nightly")
    load.write(rows(0, people))
    for person in people:
        (folder / "raw" / person).mkdir(parents=True)
        (folder / "raw" / person / "front.txt").write_text(f"scan of {person}")
        (folder / "raw" / person / "blank.txt").write_text("nothing to be seen")
    home.files.add(scans, folder / "raw", project="clinic")
    home.online.materialize(habits, project="clinic")
    pushed = rows(50, [SUBJECT, people[0]]).with_columns(at=pl.lit(START + timedelta(hours=2)))
    home.online.push(habits, pushed, project="clinic")
    begun = home.online_rows.begin("never-served")  # by a process that was killed
    begun.write([(f"={SUBJECT}".encode(), bytes(16))])
    task = TaskSpec(
        queue="review",
        decision_id="d1",
        at=START,
        model="model:risk@1",
        subject=home.keyring.subject_hash("person", SUBJECT),
        day=START,
        rank=0,
        weight=None,
    )
    with home.ledger.write() as tx:
        spec = msgspec.to_builtins(task)
        tx.intents.put(TASK, "review.d1", project="clinic", spec=spec, due=False)
    home.datasets.compact("visits")
    home.publisher.publish("visits")
    return load


def residue(home: Home, value: str = SUBJECT) -> dict[str, list[str]]:
    """Search all stores of a home with the program that shares no code with Towpath."""
    finder = find_residue()
    _, found = finder.search_folder(home.place.home, value)
    settings = home.settings
    if settings.online is not None:
        found |= finder.search_redis(settings.online, value)
    if settings.database is not None:
        address = settings.database.replace("postgresql+psycopg:", "postgresql:")
        found |= finder.search_postgres(address, value)
    if settings.blobs is not None:
        found |= finder.search_s3(settings.blobs, value)
    return found


def find_residue() -> Any:
    """Return the program as a module."""
    name = "find_residue"
    if name not in sys.modules:
        script = Path(__file__).resolve().parents[2] / "scripts" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, script)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def others(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that are not about the subject."""
    return frame.filter(pl.col("person") != SUBJECT)
