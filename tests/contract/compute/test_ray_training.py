"""A project that learns on several machines goes on when one of them dies: the example, as a user runs it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ray_nodes import RayNodes

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.ray, pytest.mark.slow]
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "rides-on-ray"
WITHIN_S = 400
TREES = 400


class Bench:
    """The example in a folder of its own, and the program, told to use a cluster."""

    def __init__(self, folder: Path, nodes: RayNodes) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "TOWPATH_COMPUTE": "ray",
            "TOWPATH_RAY_ADDRESS": nodes.address,
            "TOWPATH_RAY_TOKEN_FILE": str(nodes.token_file),
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "towpath", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> str:
        return self.finish(self.start(*words))

    def finish(self, started: subprocess.Popen[str]) -> str:
        out, err = started.communicate(timeout=WITHIN_S)
        assert started.returncode == 0, f"{out}\n{err}"
        return out

    def noted(self) -> list[Path]:
        """Return where Ray has written down a checkpoint that a training would go on from."""
        kept = self.folder / ".towpath/blobs/training"
        return list(kept.glob("*/checkpoint_manager_snapshot.json"))


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    pytest.importorskip("xgboost")
    made = RayNodes()
    try:
        made.start(1)
        made.start(2)
        made.start(2)
    except OSError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"Ray can't be started: {error}")
    yield made
    made.close()


@pytest.fixture
def bench(nodes: RayNodes, tmp_path: Path) -> Bench:
    folder = shutil.copytree(EXAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns(".*"))
    subprocess.run([sys.executable, "make_rides.py"], cwd=folder, check=True)
    made = Bench(folder, nodes)
    made.run("apply")
    made.run("dataset", "add", "rides", "rides.parquet")
    return made


@pytest.mark.timeout(600)  # three nodes and two sets of workers start on what may be a busy machine
def test_a_training_outlives_a_node(bench: Bench, nodes: RayNodes) -> None:
    training = bench.start("run", "--json", "--param", f"trees={TREES}")
    deadline = time.monotonic() + WITHIN_S
    while not bench.noted():
        assert training.poll() is None, training.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)

    nodes.kill(2)
    result: dict[str, Any] = json.loads(bench.finish(training))

    assert (result["status"], result["model"]) == ("finished", "model:duration@1")
    said = bench.run("logs", result["run"], "fit")
    trees, since = re.search(r"(\d+) trees, the last of them since (\d+)", said).groups()
    assert int(trees) == TREES
    assert int(since) > 0  # it went on from a checkpoint and did not begin again
    assert not bench.noted()

    again: dict[str, Any] = json.loads(bench.run("run", "--json", "--param", f"trees={TREES}"))
    assert again["cached"] == again["steps"]
