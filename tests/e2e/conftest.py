"""The installed program, driven as a user would, and one telling of the demo that tests share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from towpath.demo.feed import Feed

PROGRAM = Path(sys.executable).with_name("towpath")
WITHIN_S = 600
HOMELESS = {name: value for name, value in os.environ.items() if not name.startswith("TOWPATH_")}


def towpath(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [str(PROGRAM), *map(str, words)],
        cwd=cwd,
        env=HOMELESS,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a telling of the demo left behind."""

    home: Path
    summary: dict[str, Any]

    def ask(self, *words: object) -> Any:
        """Run a command on the home and return the JSON that it prints."""
        done = towpath(*words, "--home", self.home, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def tell(home: Path) -> Told:
    done = towpath("demo", "--fast", "--json", "--keep", home)
    assert done.returncode == 0, done.stderr + said_by_server(home)
    (line,) = done.stdout.splitlines()
    return Told(home=home, summary=json.loads(line))


def said_by_server(home: Path) -> str:
    log = home / "run" / "up.log"
    return log.read_text()[-4000:] if log.exists() else ""


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The demo, told once."""
    return tell(tmp_path_factory.mktemp("demo") / "home")


@pytest.fixture(scope="session")
def retold(told: Told) -> Told:
    """The same command on the same folder again."""
    return tell(told.home)


@pytest.fixture(scope="session")
def feed() -> Feed:
    """The year as the demo reads it: what its data sets are compared with."""
    return Feed.read()


@pytest.fixture(scope="session")
def withdrawn(told: Told, feed: Feed, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The aeroplane that withdrew: the one whose landings the first version of the flights lacks."""
    file = tmp_path_factory.mktemp("rows") / "flights.parquet"
    assert (
        towpath("dataset", "show", "flights@1", "--to", file, "--home", told.home).returncode == 0
    )
    kept = pl.read_parquet(file)
    landed = feed.flights.filter(pl.col("landed") <= kept["landed"].max())
    (tailnum,) = set(landed["tailnum"]) - set(kept["tailnum"])
    return tailnum


@pytest.fixture(scope="session")
def run() -> Any:
    """What runs the program."""
    return towpath


@pytest.fixture(scope="session")
def program() -> Path:
    """Where the program is installed."""
    return PROGRAM
