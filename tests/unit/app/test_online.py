"""Online features of a home that is opened in process, as a program of somebody else's would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

import towpath as tp
from towpath.app.home import open_home
from towpath.app.place import resolve_place
from towpath.core.errors import Withdrawn

if TYPE_CHECKING:
    from pathlib import Path


class Plane(tp.Schema):
    tailnum: str
    seen: datetime
    hours: float


source = tp.Dataset("planes", schema=Plane, key=("tailnum", "seen"), time="seen", subject="tailnum")
view = tp.FeatureView(
    "planes-view", source=source, entity="tailnum", time="seen", features=["hours"]
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder with features online."""
    monkeypatch.delenv("TOWPATH_HOME", raising=False)
    (tmp_path / "towpath.toml").write_text('home = "kept"\n')
    seen = datetime.now(UTC) - timedelta(hours=1)
    rows = pl.DataFrame({"tailnum": ["N1", "N2"], "seen": [seen, seen], "hours": [1.0, 2.0]})
    with open_home(resolve_place(tmp_path, flags={}, environ={})) as home:
        home.datasets.commit(source, rows, project="test")
        home.online.materialize(view, project="test")
    return tmp_path


def test_features_are_read_from_a_project_folder(folder: Path):
    with tp.home(folder) as home:
        assert home.online.get(view, [{"tailnum": "N2"}]).to_dicts() == [
            {"tailnum": "N2", "hours": 2.0}
        ]
    with tp.home(folder, online=f"lmdb://{folder}/kept/online") as home:
        assert home.online.get(view, {"tailnum": ["N1", "N3"]}).to_dict()["hours"] == [1.0, None]


def test_who_withdraws_is_not_served_from_the_next_opening_on(folder: Path):
    with tp.home(folder) as home:
        with home.ledger.write() as tx:
            tx.withdrawals.add(home.keyring.subject_hash("tailnum", "N1"))
        with pytest.raises(Withdrawn):
            home.online.get(view, {"tailnum": ["N1"]})


def test_homes_that_share_a_redis_do_not_share_features(folder: Path, redis_url: str):
    with tp.home(folder, online=redis_url) as home:
        home.online.materialize(view, project="test")
        assert home.online.get(view, {"tailnum": ["N1"]}).to_dict()["hours"] == [1.0]
    with tp.home(folder, online=redis_url, home=str(folder / "other")) as other:
        assert other.online.tables() == []
