"""Trainings on several machines go on when one of them dies: the example, as a user runs it."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from programs import Programs
from ray_nodes import RayNodes, ray_nodes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.ray, pytest.mark.slow]
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "rides-on-ray"
WITHIN_S = 240
KINDS = {
    "train": ("xgboost", "trees", 400),
    "train-lightgbm": ("lightgbm", "trees", 400),
    "train-network": ("torch", "epochs", 60),
}


class Bench(Programs):
    """The example in a folder of its own, and the program, told to use a cluster."""

    def __init__(self, folder: Path, nodes: RayNodes) -> None:
        super().__init__(folder, within_s=WITHIN_S)
        self._nodes = nodes

    def start(self, *words: str) -> subprocess.Popen[str]:
        return self.launch(*words, environ=self._nodes.settings())

    def run(self, *words: str) -> str:
        return self.finish(self.start(*words))

    def noted(self) -> list[Path]:
        """Return where Ray has written down a checkpoint that a training would go on from."""
        kept = self.folder / ".towpath/blobs/training"
        return list(kept.glob("*/checkpoint_manager_snapshot.json"))


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    """A head of one cpu and a node of two; each test starts another one of two, and kills it."""
    with ray_nodes_of(1, 2) as made:
        yield made


@pytest.fixture
def bench(nodes: RayNodes, tmp_path: Path) -> Iterator[Bench]:
    folder = shutil.copytree(EXAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns(".*"))
    subprocess.run([sys.executable, "make_rides.py"], cwd=folder, check=True, timeout=WITHIN_S)
    made = Bench(folder, nodes)
    made.run("apply")
    made.run("dataset", "add", "rides", "rides.parquet")
    yield made
    made.close()


@pytest.mark.timeout(600)  # nodes and two sets of workers start on what may be a busy machine
@pytest.mark.parametrize("pipeline", KINDS)
def test_a_training_outlives_a_node(bench: Bench, nodes: RayNodes, pipeline: str) -> None:
    library, unit, wanted = KINDS[pipeline]
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    doomed = nodes.start(2)
    words = ("run", pipeline, "--json", "--param", f"{unit}={wanted}")
    training = bench.start(*words)

    def is_noted() -> bool:
        assert training.poll() is None, training.communicate()
        return bool(bench.noted())

    nodes.until(is_noted, "a first checkpoint", within_s=WITHIN_S)
    nodes.kill(doomed)
    result: dict[str, Any] = json.loads(bench.finish(training))

    assert (result["status"], result["model"]) == ("finished", "model:duration@1")
    step = f"fit_{library if library != 'torch' else 'network'}"
    said = bench.run("logs", result["run"], step)
    done, since = re.search(rf"(\d+) {unit}, the last of them since (\d+)", said).groups()
    assert int(done) == wanted
    assert int(since) > 0  # it went on from a checkpoint and did not begin again
    assert not bench.noted()

    again: dict[str, Any] = json.loads(bench.run(*words))
    assert again["cached"] == again["steps"]
