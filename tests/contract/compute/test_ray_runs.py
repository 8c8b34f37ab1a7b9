"""Projects on a cluster, by the program: a search that loses a node, a bucket for blobs, an erasure."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from programs import Programs
from ray_nodes import RayNodes, ray_nodes_of

from towpath.build.compute.ray import training_storage

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.ray, pytest.mark.slow]
WITHIN_S = 100
AUDITOR = Path(__file__).resolve().parents[3] / "scripts" / "find_residue.py"
WITHDRAWN = "person-0007-withdraws"

COMMON = """
    import os
    import tempfile
    import time
    from datetime import datetime
    from pathlib import Path

    import polars as pl
    import towpath as tp


    class Visit(tp.Schema):
        visit: int
        person: str
        at: datetime


    visits = tp.Dataset("visits", schema=Visit, key="visit", time="at", subject="person")


    def note(folder: str, word: str) -> None:
        with (Path(folder) / "notes").open("a") as notes:
            notes.write(f"{word} {os.environ['RAY_NODES_NUMBER']}\\n")


    def notes_of(folder: str) -> str:
        return (Path(folder) / "notes").read_text()


    def wait_until(condition, what: str) -> None:
        deadline = time.monotonic() + 90
        while not condition():
            assert time.monotonic() < deadline, f"never: {what}"
            time.sleep(0.02)


    def wait_for(path: Path) -> None:
        wait_until(path.exists, f"a file {path.name}")


    def spread_over(cluster, learn, **more):
        from ray.train.lightgbm import LightGBMTrainer  # a trainer like any other: it brings no more

        return LightGBMTrainer(
            learn,
            scaling_config=cluster.scaling(workers=1, reading=1 if "datasets" in more else 0),
            run_config=cluster.running(failures=0),
            **more,
        ).fit()


    def report(words, **metrics):
        import ray.train

        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "state.txt").write_text(words)
            ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(folder))
"""
SEARCH = """
    @tp.step(retries=2)
    def fit(folder: str, *, x: float) -> float:
        note(folder, f"began {x}")
        wait_for(Path(folder) / "go")
        if x < 0.5:
            # The median's five; the sixth began when the search had heard of all of them.
            wait_until(lambda: notes_of(folder).count("ended") >= 6, "six trials ended")
        for step in range(3):
            tp.report(step, round(x))
        if x < 0.5:
            wait_for(Path(folder) / "never")  # it is stopped before
        tp.log_metric("m", x)
        note(folder, f"ended {x}")
        return x


    @tp.pipeline
    def train(folder: str):
        points = [{"x": 0.6 + n / 100} for n in range(6)] + [{"x": 0.1}, {"x": 0.9}]
        return tp.search(
            fit, folder=folder, x=(0.0, 1.0), enqueue=points, trials=len(points), parallel=3,
            maximize="m", prune="median",
        )
"""
BUCKET = """
    @tp.step
    def later(rows: pl.DataFrame, folder: str) -> pl.DataFrame:
        note(folder, "later")
        return rows.filter(pl.col("visit") >= 10)


    @tp.step(cpus=2, spread=True)
    def count(rows: tp.Shards, folder: str) -> int:
        def learn(config):
            import ray.train

            batches = ray.train.get_dataset_shard("rows").iter_batches(batch_format="pyarrow")
            report("counted", rows=sum(batch.num_rows for batch in batches))

        with tp.cluster() as cluster:
            result = spread_over(cluster, learn, datasets={"rows": rows.ray()})
            with result.checkpoint.as_directory() as kept:
                note(folder, Path(kept, "state.txt").read_text())
        return result.metrics["rows"]


    @tp.pipeline
    def train(folder: str):
        return count(later(visits.all(), folder), folder)
"""
KEEPING = """
    @tp.step(checkpoint=True)
    def gather(rows: pl.DataFrame, folder: str) -> int:
        tp.checkpoint({"people": rows["person"].to_list()})
        note(folder, "saved")
        wait_for(Path(folder) / "never")
        return rows.height


    @tp.step(spread=True)
    def learn_of(rows: pl.DataFrame, folder: str) -> int:
        def learn(config):
            report(" ".join(config["people"]))
            note(folder, "reported")
            wait_for(Path(folder) / "never")

        with tp.cluster() as cluster:
            spread_over(cluster, learn, train_loop_config={"people": rows["person"].to_list()})
        return rows.height


    @tp.pipeline
    def train(folder: str):
        rows = visits.all()
        return gather(rows, folder), learn_of(rows, folder)
"""
PROJECT = """

    project = tp.Project(
        "clinic", owner="ops@example.org", datasets=[visits], pipelines=[train], gates=[]
    )
"""


class Bench(Programs):
    """A project in a folder of its own, and the program, told to use a cluster."""

    def __init__(self, folder: Path, nodes: RayNodes) -> None:
        super().__init__(folder, within_s=WITHIN_S)
        self.nodes = nodes
        self.settings: dict[str, str] = {}

    def write(self, pipeline: str) -> None:
        text = dedent(COMMON) + dedent(pipeline) + dedent(PROJECT)
        (self.folder / "clinic.py").write_text(text, encoding="utf-8")
        (self.folder / "towpath.toml").write_text('project = "clinic:project"\n')

    def add_visits(self) -> None:
        people = [f"person-{number:04}-stays" for number in range(30)]
        people[7] = WITHDRAWN
        day = pl.datetime(2026, 1, 1, time_zone="UTC")
        frame = pl.DataFrame({"visit": range(30), "person": people}).with_columns(at=day)
        frame.write_parquet(self.folder / "visits.parquet")
        self.run("apply")
        self.run("dataset", "add", "visits", "visits.parquet")
        (self.folder / "visits.parquet").unlink()

    def start(self, *words: str, on_ray: bool = True) -> subprocess.Popen[str]:
        cluster = self.nodes.settings() if on_ray else {}
        return self.launch(*words, environ={**self.settings, **cluster})

    def run(self, *words: str) -> str:
        """Run what needs no cluster."""
        return self.finish(self.start(*words, on_ray=False))

    def train(self) -> subprocess.Popen[str]:
        return self.start("run", "--json", "--param", f"folder={self.folder}")

    def notes(self) -> list[str]:
        path = self.folder / "notes"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def until_noted(self, count: int, training: subprocess.Popen[str]) -> None:
        def is_there() -> bool:
            assert training.poll() is None, training.communicate()
            return len(self.notes()) >= count

        self.nodes.until(is_there, f"{count} notes; there are {self.notes()}", within_s=WITHIN_S)


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    """A head of two cpus and a node of one, which the last test kills."""
    with ray_nodes_of(2, 1) as made:
        yield made


@pytest.fixture
def bench(nodes: RayNodes, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, nodes)
    yield made
    made.close()


@pytest.mark.s3
def test_steps_and_trainings_on_nodes_share_a_bucket(bench: Bench, s3_url: str) -> None:
    bench.settings["TOWPATH_BLOBS"] = s3_url
    bench.write(BUCKET)
    bench.add_visits()

    result: dict[str, Any] = json.loads(bench.finish(bench.train()))

    assert result["status"] == "finished"
    shown = json.loads(bench.run("artifact", "show", f"{result['run']}.count", "--json"))
    assert shown["text"] == "20"
    assert [note.split()[0] for note in bench.notes()] == ["later", "counted"]
    assert not list(bench.folder.glob(".towpath/blobs/*"))
    assert training_storage(s3_url).kept() == [], "the step has its result"
    again = json.loads(bench.finish(bench.train()))
    assert again["cached"] == again["steps"]


def test_what_killed_steps_had_saved_is_erased(bench: Bench) -> None:
    bench.write(KEEPING)
    bench.add_visits()
    training = bench.train()
    bench.until_noted(2, training)
    training.kill()  # like a power cut: nothing is tidied up
    training.wait(WITHIN_S)
    blobs = bench.folder / ".towpath" / "blobs"
    saved = [path for area in ("checkpoints", "training") for path in blobs.glob(f"{area}/**/*")]
    holding = [path for path in saved if path.is_file() and WITHDRAWN.encode() in path.read_bytes()]
    areas = {path.relative_to(blobs).parts[0] for path in holding}
    assert areas == {"checkpoints", "training"}, saved

    worker = bench.start("worker", on_ray=False)
    bench.run("erase", f"person={WITHDRAWN}", "--yes")
    worker.terminate()
    worker.communicate(timeout=WITHIN_S)

    home = bench.folder / ".towpath"
    audit = subprocess.run(
        [sys.executable, str(AUDITOR), str(home), WITHDRAWN],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert audit.returncode == 0, audit.stdout
    assert not any(path.exists() for path in holding)
    erasures = json.loads(bench.run("erasure", "list", "--json"))
    (certificate,) = [bench.run("erasure", "certificate", one["id"]) for one in erasures]
    kinds = {one["kind"] for one in json.loads(certificate)["copies"]}
    assert {"saved_states", "training_checkpoints"} <= kinds


def test_a_search_outlives_a_node(bench: Bench, nodes: RayNodes) -> None:
    bench.write(SEARCH)
    training = bench.train()
    bench.until_noted(3, training)
    lost = [note.split()[1] for note in bench.notes() if note.endswith(" 1")]
    assert lost, bench.notes()

    nodes.kill(1)
    (bench.folder / "go").touch()
    result: dict[str, Any] = json.loads(bench.finish(training))

    assert result["status"] == "finished"
    trials = json.loads(bench.run("search", "show", "--json"))["trials"]
    states = {trial["point"]["x"]: trial["state"] for trial in trials}
    assert {x for x, state in states.items() if state == "pruned"} == {0.1}
    assert Counter(states.values()) == {"done": 7, "pruned": 1}
    times = Counter(note.split()[1] for note in bench.notes() if note.startswith("began"))
    assert {x for x, count in times.items() if count > 1} == set(lost), "only it began again"
    best = next(trial for trial in trials if trial["rank"] == 0)
    assert best["point"]["x"] == 0.9
