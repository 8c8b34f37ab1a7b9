"""`towpath dataset ingest`, killed in the middle of a load: the next one carries it on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROJECT = '''
"""Three batches that are a piece each; the third waits until it may come."""

import pathlib
import signal

import polars as pl
import towpath as tp

HERE = pathlib.Path(__file__).parent
ROWS = 100


class Picture(tp.Schema):
    name: str
    pixels: bytes


class Camera:
    kind = "camera"
    incremental = True

    def describe(self):
        return {}

    def read(self, reading):
        begin = (reading.after or {}).get("batch", 0)
        with (HERE / "readings").open("a") as log:
            log.write(f"{begin} ")
        for batch in range(begin, 3):
            if batch == 2 and not (HERE / "go").exists():
                (HERE / "waiting").touch()
                signal.pause()
            names = [f"p{batch}-{place:03}" for place in range(ROWS)]
            pixels = [bytes([batch]) * (1 << 20)] * ROWS
            yield tp.sources.Batch(
                rows=pl.DataFrame({"name": names, "pixels": pixels}), position={"batch": batch + 1}
            )


pictures = tp.Dataset("pictures", schema=Picture, key="name")
project = tp.Project("camera", owner="me", ingests=[tp.Ingest(pictures, Camera())])
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "camera.py").write_text(PROJECT)
    (tmp_path / "towpath.toml").write_text('project = "camera:project"\n')
    return tmp_path


@pytest.fixture
def towpath(project: Path) -> Callable[..., list[str]]:
    def command(*words: str) -> list[str]:
        return [sys.executable, "-m", "towpath", *words, "--directory", str(project)]

    return command


def until(condition: Callable[[], bool], child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert child.poll() is None, "the ingest ended by itself"
        assert time.monotonic() < deadline
        os.sched_yield()


def told(command: list[str]) -> Any:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_killed_ingest_is_carried_on(project: Path, towpath: Callable[..., list[str]]):
    ingest = towpath("dataset", "ingest", "pictures", "--json")
    with subprocess.Popen(ingest, stdout=subprocess.DEVNULL) as child:
        until((project / "waiting").exists, child)
        child.send_signal(signal.SIGKILL)
    assert told(towpath("dataset", "list", "--json")) == [], "nothing of it can be seen"
    blobs = [path for path in (project / ".towpath" / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) >= 1, "and what it had read is kept"

    (project / "go").touch()
    result = told(ingest)
    assert result["version"] == "dataset:pictures@1"
    assert (result["rows"], result["resumed_rows"]) == (300, 100)
    assert (project / "readings").read_text().split() == ["0", "1"]
    [version] = told(towpath("dataset", "versions", "pictures", "--json"))
    assert version["body"]["rows"] == 300
    assert version["made_by"] == result["run"]
    again = told(ingest)
    assert (again["rows"], again["new"]) == (0, False)
