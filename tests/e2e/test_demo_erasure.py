"""After the demo's erasure nothing is left, says somebody who shares no code with Towpath."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.app.home import open_home
from towpath.app.place import resolve_place

if TYPE_CHECKING:
    from towpath.demo.feed import Feed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

AUDITOR = Path(__file__).parents[2] / "scripts" / "find_residue.py"


def audit(folder: Path | str, *values: str) -> dict[str, list[str]]:
    """Return what the independent search finds, by file."""
    done = subprocess.run(
        [sys.executable, "-I", str(AUDITOR), str(folder), *values],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["files"] > 0
    assert done.returncode == bool(found["residue"])
    return found["residue"]


def test_nothing_of_the_aeroplane_is_left(told: Any, withdrawn: str, feed: Feed):
    ids = feed.flights["flight_id"]
    flown = feed.flights.filter(tailnum=withdrawn)["flight_id"].head(4).to_list()
    # The search tells no words apart: an id that is part of another's would be found in that.
    keys = [one for one in flown if ids.str.contains(one, literal=True).sum() == 1]
    assert keys
    assert audit(told.copy, withdrawn, *keys) == {}, "neither its name nor its flights' keys"


def test_the_search_does_see_the_aeroplanes_that_stayed(told: Any, withdrawn: str, feed: Feed):
    flown = feed.flights.filter(pl.col("tailnum") != withdrawn)["tailnum"].head(1)
    seen = {form for forms in audit(told.copy, flown[0]).values() for form in forms}
    assert "parquet" in seen


def test_the_search_does_see_who_is_online(told: Any, withdrawn: str, feed: Feed):
    stayed = feed.planes.filter(pl.col("tailnum") != withdrawn)["tailnum"][0]
    assert any(file.startswith("online/fleet/") for file in audit(told.copy, stayed))


def test_every_old_version_still_opens_without_the_aeroplane(told: Any, withdrawn: str, feed: Feed):
    settings = {"home": str(told.home), "replay": True}
    opened = 0
    with open_home(resolve_place(Path(told.home), flags=settings, environ={})) as home:
        for name in told.summary["dataset_versions"]:
            for version in home.datasets.versions(name):
                rows = home.datasets.scan(version.ref).collect()
                opened += 1
                assert rows.height == version.body["rows"]
                assert "tailnum" not in rows.columns or withdrawn not in set(rows["tailnum"])
                if name == "flights":
                    there = feed.flights.filter(
                        (pl.col("landed") <= rows["landed"].max())
                        & (pl.col("tailnum") != withdrawn)
                    )
                    assert set(rows["flight_id"]) == set(there["flight_id"])
    assert opened == sum(told.summary["dataset_versions"].values())
