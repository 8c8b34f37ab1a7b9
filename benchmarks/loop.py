"""Seconds and processor time of each stage of the demo, over three lengths of its replay.

There is no peer that does the loop end to end, so the limit stands beside it: the same model trained
on the same rows with bare LightGBM in a process of its own, which is what a training stage can't beat.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.harness import Cost, Result, measure

_TRAIN_BARE = """
import lightgbm, polars as pl
from towpath.assets.features import join_view
from towpath.assets.models import Model
from towpath.demo.feed import Feed
from towpath.demo.plan import FAST
from towpath.demo.story import PROJECT
import sys
sys.path.insert(0, str(PROJECT))
import flights
feed = Feed.read()
rows = feed.landed(FAST.first_day, FAST.opening)
rows = join_view(rows, flights.weather, feed.weather, time="posted")
rows = join_view(rows, flights.fleet, feed.planes, time="posted")
late = (rows["arr_delay"] > flights.LATE_MINUTES).cast(pl.Int8).alias("late")
forest = lightgbm.LGBMClassifier(
    n_estimators=80, num_leaves=15, learning_rate=0.05, min_child_samples=200, n_jobs=2, verbose=-1
)
Model.fit(forest, rows.select(flights.FEATURES), late, nullable=flights.KNOWN)
"""
_LENGTHS = (("10-days", 10), ("20-days", 20), ("40-days", 40))


def run() -> Result:
    """Run the demo's replay at three lengths, then the whole of `--fast`."""
    growth: dict[str, Any] = {}
    for name, days in _LENGTHS:
        growth[name] = _demo("--fast", "--days", str(days))["stages"]
    whole = _demo("--fast")
    stages = whole["stages"]
    bare = _bare_training()
    live = stages["live traffic"]
    per_decision_ms = 1000 * live["seconds"] / max(1, whole["decisions"])
    return Result(
        name="loop",
        sizes=[name for name, _ in _LENGTHS] + ["fast"],
        ours={"fast": {"seconds": whole["seconds"], "stages": stages, **_counts(whole)}},
        peers={},
        limit={"train": {"wall_s": bare.wall_s, "cpu_s": bare.cpu_s}},
        ratios={
            "limit/train-and-deploy": bare.wall_s / stages["train and deploy"]["seconds"],
            "bar/fast-120s": 120 / whole["seconds"],
        },
        growth={**growth, "live-ms-per-decision": per_decision_ms},
        notes=["limit/train-and-deploy: bare LightGBM on the same rows, process start included"],
    )


def _counts(whole: dict[str, Any]) -> dict[str, Any]:
    return {
        "decisions": whole["decisions"],
        "labels_joined": whole["labels_joined"],
        "rollouts": len(whole["rollouts"]),
    }


def _demo(*options: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="towpath-bench-") as folder:
        command = [sys.executable, "-m", "towpath", "demo", "--json", "--keep", folder, *options]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    if not done.stdout.strip():
        raise RuntimeError(f"the demo failed: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _bare_training() -> Cost:
    def train() -> None:
        command = [sys.executable, "-c", _TRAIN_BARE]
        subprocess.run(command, check=True, cwd=Path(__file__).parent)

    train()
    return measure(train)
