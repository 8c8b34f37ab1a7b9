"""A Feast client, as it is published, reads and writes features of a running Towpath."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from missing import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CLIENT = Path(__file__).with_name("feast_client.py")
FEAST = "feast>=0.60"
WITHIN_S = 300.0
PROJECT = """
from datetime import datetime

import towpath as tp


class Weather(tp.Schema):
    origin: str
    observed: datetime
    wind: float | None
    gust: int | None
    sky: str | None
    since: datetime | None


data = tp.Dataset("weather-data", schema=Weather, key=("origin", "observed"), time="observed")
weather = tp.FeatureView(
    "weather",
    source=data,
    entity="origin",
    time="observed",
    ttl="2h",
    features=["wind", "gust", "sky", "since"],
)
outlook = tp.FeatureService("outlook", views=[weather.lookup("wind", "sky")])
project = tp.Project("board", owner="ops", datasets=[data], feature_services=[outlook])
"""


@pytest.fixture(scope="session")
def feast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python with Feast, in an environment of its own."""
    uv = shutil.which("uv")
    if uv is None:
        missing("uv is not installed, so that Feast can't be either")
    folder = tmp_path_factory.mktemp("feast")
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), FEAST],
    ):
        # Not here: uv would hold Feast to the versions that our own project is pinned to.
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            missing(f"Feast can't be installed: {done.stderr.strip()[-500:]}")
    return folder / "bin" / "python"


@pytest.fixture
def gateway(program: Path, tmp_path: Path) -> Iterator[str]:
    """Apply a project with one view, run everything, and return where the gateway answers."""
    (tmp_path / "board.py").write_text(PROJECT)
    (tmp_path / "towpath.toml").write_text('project = "board:project"\n')
    known = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    rows = (
        f"EWR,{known.isoformat()},10.5,20,grey,{known.isoformat()}\nJFK,{known.isoformat()},,,,\n"
    )
    (tmp_path / "rows.csv").write_text(f"origin,observed,wind,gust,sky,since\n{rows}")
    for words in (["dataset", "add", "weather-data", "rows.csv"], ["apply"]):
        subprocess.run([program, *words], cwd=tmp_path, check=True, capture_output=True)
    ports = ["--server-port", "0", "--gateway-port", "0", "--json"]
    with subprocess.Popen([program, "up", *ports], cwd=tmp_path, stdout=subprocess.PIPE) as up:
        assert up.stdout is not None
        url = json.loads(up.stdout.readline())["gateway"]
        try:
            await_features(url)
            yield url
        finally:
            up.send_signal(signal.SIGTERM)


def await_features(url: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            found = httpx.get(f"{url}/v2/features", timeout=10).json()
            if found == {"services": ["outlook"], "views": ["weather"]}:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, "the view did not come online"
        time.sleep(0.1)


def test_an_unmodified_client_reads_and_writes(feast: Path, gateway: str, tmp_path: Path):
    done = subprocess.run(
        [feast, CLIENT, gateway],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "FEAST_USAGE": "False"},
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    read = json.loads(done.stdout.splitlines()[-1])
    origins = ["EWR", "JFK", "LGA"]
    since = read["features"].pop("since")
    assert read["features"] == {
        "origin": origins,
        "wind": [10.5, None, None],
        "gust": [20, None, None],
    }
    assert since[0] == pytest.approx((datetime.now(UTC) - timedelta(hours=1)).timestamp(), abs=600)
    assert read["service"] == {
        "origin": origins,
        "wind": [10.5, None, None],
        "sky": ["grey", None, None],
    }
    assert read["full"] == {"origin": ["EWR"], "weather__wind": [10.5]}
    assert read["protocol"] == [{"wind": 10.5, "sky": "grey"}, {"wind": None, "sky": None}]
    assert read["pushed"] == {"origin": ["LGA"], "wind": [7.5], "sky": ["blue"]}
