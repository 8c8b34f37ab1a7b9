"""`dataset check`, `quarantine`, `split` and `profile`: what they print, and what they leave."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING

import polars as pl
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Printed

PROJECT = '''
    """Rides with rules."""

    from datetime import datetime

    import towpath as tp


    class Ride(tp.Schema):
        ride_id: str
        rider: str
        began: datetime
        km: float | None
        contact: str


    rides = tp.Dataset(
        "rides",
        schema=Ride,
        key="ride_id",
        time="began",
        subject="rider",
        rules=[
            tp.rules.Between("km", 0, {most}, policy="quarantine"),
            tp.rules.Present("km", at_least=0.9, policy="warn"),
            tp.rules.RowCount(at_least=3),
        ],
    )
    project = tp.Project("ruled", owner="o", datasets=[rides])
'''


@pytest.fixture
def ruled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    import sys

    folder = tmp_path / "ruled"
    folder.mkdir()
    (folder / "towpath.toml").write_text('project = "ruled_rides:project"\n')
    write_project(folder, 100)
    monkeypatch.chdir(folder)
    yield folder
    sys.modules.pop("ruled_rides", None)


def write_project(folder: Path, most: int) -> None:
    import sys

    (folder / "ruled_rides.py").write_text(dedent(PROJECT).replace("{most}", str(most)))
    sys.modules.pop("ruled_rides", None)
    for cached in folder.glob("__pycache__/*"):
        cached.unlink()


def write_rides(path: Path, km: list[float | None]) -> Path:
    pl.DataFrame(
        {
            "ride_id": [f"r{number:02}" for number in range(len(km))],
            "rider": [f"p{number % 4}" for number in range(len(km))],
            "began": [f"2024-05-{1 + number % 28:02}T10:00:00Z" for number in range(len(km))],
            "km": km,
            "contact": [f"person{number}@example.org" for number in range(len(km))],
        }
    ).write_csv(path)
    return path


def printed(done: Printed) -> list[str]:
    """Return the lines about versions; logs go elsewhere once they are configured."""
    return [line for line in done.out.splitlines() if line.startswith("dataset:")]


def test_adding_says_what_was_set_aside_warned_of_and_looks_personal(
    ruled: Path, towpath: Callable[..., Printed]
):
    file = write_rides(ruled / "rides.csv", [1.0, 500.0, None, None, 2.0, 3.0, 4.0, 5.0])
    done = towpath("dataset", "add", "rides", file)
    assert done.code == 0, done.err
    assert "quarantined: column 'km' of data set 'rides' is not between 0 and 100" in done.err
    assert "warned: column 'km' of data set 'rides' is missing in 2 of 8 rows" in done.err
    assert "1 rows set aside: towpath dataset quarantine rides" in done.err
    assert "column 'contact' looks like e-mail addresses" in done.err
    assert "person1@example.org" not in done.err


def test_checking_a_file_prints_each_rule_and_stores_nothing(
    ruled: Path, towpath: Callable[..., Printed]
):
    file = write_rides(ruled / "few.csv", [1.0, 500.0])
    done = towpath("dataset", "check", "rides", file)
    assert done.code == 1
    assert "refused: data set 'rides' has 1 rows, not at least 3" in done.err
    assert [line.split()[-2:] for line in done.out.splitlines()[1:]] == [
        ["0", "0.00%"],
        ["1", "50.00%"],
        ["0", "0.00%"],
        ["2", "100.00%"],
    ]
    assert towpath("dataset", "versions", "rides").out == ""


def test_checking_what_is_stored(ruled: Path, towpath: Callable[..., Printed]):
    towpath("dataset", "add", "rides", write_rides(ruled / "rides.csv", [1.0] * 4))
    assert towpath("dataset", "check", "rides").code == 0
    write_project(ruled, 0)
    found = towpath("dataset", "check", "rides", "--json")
    report = json.loads(found.out)
    assert {one["name"]: one["outcome"] for one in report["results"] if one["broken"]} == {
        "km is between 0 and 0": "quarantined",
        "at least 3 rows": "refused",
    }
    assert found.code == 1


def test_quarantine_says_why_and_lets_out_what_may_go(ruled: Path, towpath: Callable[..., Printed]):
    assert "is in quarantine" in towpath("dataset", "quarantine", "rides").err
    file = write_rides(ruled / "rides.csv", [1.0, 110.0, 500.0, 2.0, 3.0, 4.0])
    towpath("dataset", "add", "rides", file)
    shown = towpath("dataset", "quarantine", "rides")
    assert " ".join(shown.out.splitlines()[1].split()) == "km is between 0 and 100 2"
    assert "towpath dataset show rides.quarantine" in shown.err
    write_project(ruled, 120)
    retried = towpath("dataset", "quarantine", "rides", "--retry")
    assert retried.code == 1, "two rows are fewer than a commit must bring"
    assert "has 1 rows, not at least 3" in retried.err


def test_quarantine_is_dropped_on_a_yes_alone(ruled: Path, towpath: Callable[..., Printed]):
    file = write_rides(ruled / "rides.csv", [1.0, 500.0, 600.0, 2.0, 3.0, 4.0])
    towpath("dataset", "add", "rides", file)
    refused = towpath("dataset", "quarantine", "rides", "--drop")
    assert (refused.code, "needs a yes" in refused.err) == (2, True)
    assert (
        "2 rows would be dropped"
        in towpath("dataset", "quarantine", "rides", "--drop", "--dry-run").err
    )
    done = towpath("dataset", "quarantine", "rides", "--drop", "--yes")
    assert "2 rows dropped from rides.quarantine" in done.err
    assert "no row of data set 'rides' is in quarantine" in done.err
    both = towpath("dataset", "quarantine", "rides", "--drop", "--retry", "--yes")
    assert both.code == 2


def test_splitting_prints_the_parts(ruled: Path, towpath: Callable[..., Printed]):
    towpath("dataset", "add", "rides", write_rides(ruled / "rides.csv", [1.0] * 40))
    done = towpath("dataset", "split", "rides", "--by", "group", "--shares", "0.5,0.5")
    assert done.code == 0, done.err
    first, second = (line.split() for line in printed(done))
    assert (first[0], second[0]) == ("dataset:rides.train@1", "dataset:rides.test@1")
    assert int(first[1]) + int(second[1]) == 40
    three = towpath(
        *("dataset", "split", "rides", "--into", "a,b,c", "--shares", "0.4,0.3,0.3"),
        *("--by", "time", "--gap", "1h"),
    )
    assert three.code == 0, three.err
    assert len(printed(three)) == 3


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ("dataset split rides --by luck", 2, "by is 'luck'"),
        ("dataset split rides --shares a,b", 2, "the shares can't be 'a,b'"),
        ("dataset split rides --into one", 2, "need as many different names"),
        ("dataset check riders", 1, "Did you mean 'rides'?"),
        ("dataset quarantine riders", 1, "Did you mean 'rides'?"),
        ("dataset profile rides@9", 1, "9"),
    ],
)
def test_wrong_turns_end_in_a_sentence(
    ruled: Path, towpath: Callable[..., Printed], words: str, code: int, why: str
):
    towpath("dataset", "add", "rides", write_rides(ruled / "rides.csv", [1.0] * 8))
    done = towpath(*words.split())
    assert done.code == code
    assert why in done.err
    assert "Traceback" not in done.err


def test_a_profile_shows_spread_and_hides_what_looks_personal(
    ruled: Path, towpath: Callable[..., Printed]
):
    file = write_rides(ruled / "rides.csv", [float(number % 90) for number in range(200)])
    assert towpath("dataset", "add", "rides", file).code == 0
    shown = towpath("dataset", "profile", "rides")
    assert shown.code == 0, shown.err
    lines = {line.split()[0]: line.split() for line in shown.out.splitlines() if line.split()}
    assert lines["km"][1:3] == ["number", "0.00%"]
    assert "e-mail" in lines["contact"]
    assert "@" not in shown.out + shown.err
    told = json.loads(towpath("dataset", "profile", "rides", "--json").out)
    assert [one["column"] for one in told["columns"]] == [
        "ride_id",
        "rider",
        "began",
        "km",
        "contact",
    ]
    assert told["rows"] == 200
