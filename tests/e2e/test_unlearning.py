"""Models that forget without being trained from the beginning: the installed program, to the certificate."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

AUDITOR = Path(__file__).parents[2] / "scripts" / "find_residue.py"
SHARDS = 4
WITHDRAWN = "rider-000007-withdraws"
PROJECT = f'''
"""What a ride costs."""

from datetime import datetime

import polars as pl
from sklearn.tree import DecisionTreeRegressor

import towpath as tp


class Ride(tp.Schema):
    ride: str
    rider: str
    at: datetime
    km: float
    price: float


rides = tp.Dataset("rides", schema=Ride, key="ride", time="at", subject="rider", buckets=8)
tests = tp.Dataset("tests", schema=Ride, key="ride", time="at")


@tp.step
def learn(rows: pl.DataFrame) -> tp.Model:
    rows = rows.sort("ride")
    return tp.Model.fit(DecisionTreeRegressor(max_depth=4, random_state=0), rows.select("km"), rows["price"])


@tp.step
def together(parts: list[tp.Model]) -> tp.Model:
    return tp.ensemble(parts)


@tp.step
def count(rows: pl.DataFrame) -> tp.Moments:
    return tp.Moments.of(rows.select("km"), rows["price"])


@tp.step
def solve(parts: list[tp.Moments]) -> tp.Model:
    return tp.least_squares(parts)


@tp.pipeline
def trees():
    model = together([learn(rides.shard(k, of={SHARDS})) for k in range({SHARDS})])
    return tp.candidate("tree", model, test=tests.all(), unlearning="sisa")


@tp.pipeline
def lines():
    model = solve([count(rides.shard(k, of={SHARDS})) for k in range({SHARDS})])
    return tp.candidate("line", model, test=tests.all(), unlearning="downdate")


@tp.pipeline
def whole():
    return tp.candidate("line-whole", solve([count(rides.all())]), test=tests.all())


project = tp.Project(
    "taxi",
    owner="taxi@example.org",
    datasets=[rides, tests],
    pipelines=[trees, lines, whole],
    services=[tp.Service("by-tree", model="tree"), tp.Service("by-line", model="line")],
    rollout=tp.Rollout(stages=(1.0,), metric="mae"),
)
'''


def rides(count: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    km = rng.gamma(2.0, 3.0, count)
    people = [f"rider-{n:06}-stays" for n in range(60)]
    people[7] = WITHDRAWN
    return pl.DataFrame(
        {
            "ride": [f"{seed}-{n:05}" for n in range(count)],
            "rider": [people[n % 60] for n in range(count)],
            "at": [f"2026-01-{1 + n % 28:02}T10:00:00" for n in range(count)],
            "km": km,
            "price": 3.0 + 1.7 * km + rng.normal(size=count),
        }
    )


@pytest.fixture
def taxi(tmp_path: Path) -> Path:
    (tmp_path / "taxi.py").write_text(PROJECT)
    (tmp_path / "towpath.toml").write_text('project = "taxi:project"\n')
    rides(900, 1).write_csv(tmp_path / "rides.csv")
    rides(300, 2).with_columns(rider=pl.lit("nobody")).write_csv(tmp_path / "tests.csv")
    return tmp_path


@pytest.fixture
def ask(run: Any, taxi: Path) -> Callable[..., Any]:
    """What runs a command in the project and returns the JSON that it prints."""

    def ask(*words: object) -> Any:
        done = run(*words, "--json", cwd=taxi)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return ask


@pytest.fixture
def worker(taxi: Path, program: Path) -> Iterator[None]:
    surroundings = {**os.environ, "TOWPATH_ERASURE_QUIET_S": "0"}
    with (taxi / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), "worker"], cwd=taxi, stdout=log, stderr=log, env=surroundings
        )
    yield
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, (taxi / "worker.log").read_text()[-2000:]


def test_only_the_shard_of_who_left_is_made_again(
    taxi: Path, run: Any, ask: Callable[..., Any], worker: None
):
    for name in ("rides", "tests"):
        ask("dataset", "add", name, f"{name}.csv")
    ask("apply")
    for name in ("trees", "lines"):
        assert ask("run", name)["status"] == "finished"

    plan = ask("erase", f"rider={WITHDRAWN}", "--dry-run")
    assert plan["retrainings"] == 2
    assert plan["executions"] == 4, (
        "of each model the touched shard's step and what follows from it"
    )

    done = run("erase", f"rider={WITHDRAWN}", "--yes", cwd=taxi)
    assert done.returncode == 0, done.stdout + done.stderr
    (erasure,) = ask("erasure", "list")
    assert erasure["phase"] == "certified"
    certificate = run("erasure", "certificate", erasure["id"], cwd=taxi).stdout
    assert WITHDRAWN not in certificate
    said = {one["model"]: one["unlearning"] for one in json.loads(certificate)["models"]}
    assert {ref: one["method"] for ref, one in said.items()} == {
        "model:tree@1": "sisa",
        "model:line@1": "downdate",
    }
    for one in said.values():
        assert one["shards"] == SHARDS
        assert one["steps"] == {"computed": 2, "found": SHARDS - 1}
        (again,) = one["again"]
        assert again["before"] != again["after"]
    assert len({tuple(one["again"][0]["shard"]) for one in said.values()}) == 1
    page = run("erasure", "certificate", erasure["id"], "--as", "html", cwd=taxi).stdout
    assert "down-dated exactly" in page
    assert "(SISA)" in page

    assert ask("run", "whole")["model"] == "model:line-whole@1"
    packages = {
        ref: ask("model", "show", ref)["body"]["package"] for ref in ("line@2", "line-whole@1")
    }
    assert len(set(packages.values())) == 1, "training without them gives the same bytes"
    audit = subprocess.run(
        [sys.executable, str(AUDITOR), str(taxi / ".towpath"), WITHDRAWN],
        capture_output=True,
        text=True,
        check=False,
    )
    assert audit.returncode == 0, audit.stdout


def test_what_is_declared_is_held_against_the_pipeline(taxi: Path, run: Any):
    text = PROJECT.replace('unlearning="sisa"', 'unlearning="influence"')
    (taxi / "taxi.py").write_text(text)
    done = run("run", "trees", cwd=taxi)
    assert done.returncode != 0
    assert "never certified as erasure" in done.stderr
