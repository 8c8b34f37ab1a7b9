"""What a search costs per trial, beyond the trial: beside Optuna's SQLite workers and Ray Tune.

Trials are trivial: three reports, one metric, two at a time, pruned by the median. Ours are steps: keyed,
recorded with lineage, metrics and log, resumable, each in a process of its own (`isolated`) or in the
runner's (`inline`). `again` runs the finished search once more. Optuna's two workers share a study in
SQLite and keep parameters and values only. Ray Tune starts an actor for each trial on a cluster that is
up already.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import structlog

from benchmarks.harness import Result, run_peer
from towpath.assets.code import CodeStore
from towpath.assets.datasets import ParquetDatasetStore
from towpath.build.compute import LocalExecutor
from towpath.build.pipelines import PipelineRunner
from towpath.core.clock import SystemClock
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SIZES = {"30-trials": 30, "100-trials": 100, "300-trials": 300}
RAY_TRIALS = 6
NOTES = (
    "wall seconds of a whole search over its trials, two at a time; starting processes is not counted",
    "ours keep a run, lineage, metrics and a cache entry of each trial; Optuna keeps its values",
    "isolated trials have a process each; inline ones and Optuna's share one, or two",
    f"Ray Tune was asked for {RAY_TRIALS} trials, since each takes seconds",
)
PROJECT = """
    import towpath as tp


    def objective(x: float, y: float) -> float:
        value = -((x - 0.7) ** 2) - (y - 0.1) ** 2
        for step in range(3):
            tp.report(step, value + step / 100)
        tp.log_metric("m", value)
        return value


    @tp.step
    def isolated(x: float, y: float, kind: str) -> float:
        return objective(x, y)


    @tp.step(inline=True)
    def inline(x: float, y: float, kind: str) -> float:
        return objective(x, y)


    @tp.pipeline
    def search(trials: int, seed: int, alone: bool):
        return tp.search(
            isolated if alone else inline, x=(0.0, 1.0), y=tp.Log(0.001, 1.0), kind=["a", "b"],
            trials=trials, seed=seed, maximize="m", prune="median", parallel=2,
        )
"""


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Search with each number of trials, ours and theirs in turn."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours: dict[str, dict[str, float]] = {}
    peers: dict[str, dict[str, float]] = {}
    ratios: dict[str, float] = {}
    with _home() as home:
        home.search(
            6, seed=1_000, alone=True
        )  # forks the server and imports Optuna, as theirs have
        home.search(6, seed=1_001, alone=False)
        for seed, size in enumerate(sizes):
            trials = SIZES[size]
            found = run_peer("optuna_search.py", ["optuna==5.*"], str(trials))
            theirs = found["seconds"] / found["trials"]
            peers[f"optuna-sqlite/{size}"] = {"trial_s": theirs}
            for way, alone in (("isolated", True), ("inline", False)):
                first = home.search(trials, seed=seed, alone=alone) / trials
                again = home.search(trials, seed=seed, alone=alone) / trials
                ours[f"{size}-{way}"] = {"trial_s": first, "again_s": again}
                ratios[f"optuna-sqlite/{size}-{way}"] = theirs / first
    middle = f"{sizes[len(sizes) // 2]}-isolated"
    notes = list(NOTES)
    try:
        found = run_peer("ray_tune_search.py", ["ray[tune]==2.60.*"], str(RAY_TRIALS))
    except RuntimeError as error:
        notes.append(f"Ray Tune was left out, its cluster did not start: {str(error)[-200:]}")
    else:
        theirs = found["seconds"] / found["trials"]
        peers[f"ray-tune/{RAY_TRIALS}-trials"] = {"trial_s": theirs}
        ratios[f"ray-tune/{middle}"] = theirs / ours[middle]["trial_s"]
    return Result(
        name="search-overhead",
        sizes=list(sizes),
        ours=ours,
        peers=peers,
        limit={},
        ratios=ratios,
        growth={
            way: {size: ours[f"{size}-{way}"]["trial_s"] for size in sizes}
            for way in ("isolated", "inline")
        },
        notes=notes,
    )


class _Home:
    """A project in a home of its own, and the executor that stays warm between searches."""

    def __init__(self, folder: Path, executor: LocalExecutor) -> None:
        self._project = folder / "project"
        self._project.mkdir()
        (self._project / "toy.py").write_text(dedent(PROJECT), encoding="utf-8")
        self._database = open_database(f"sqlite:///{folder}/towpath.db")
        self._database.migrate()
        keyring = FileKeyring(folder / "keys")
        ledger = open_ledger(self._database, keyring)
        blobs = open_blobs(f"file://{folder}/blobs")
        code = CodeStore(ledger, blobs, folder / "code")
        self._code = code.snapshot(self._project, "toy", "toy:project").ref
        self._runner = PipelineRunner(
            ledger,
            blobs,
            blobs_url=(folder / "blobs").as_uri(),
            datasets=ParquetDatasetStore(ledger, blobs, keyring),
            code=code,
            executor=executor,
            clock=SystemClock(),
            scratch=folder / "run",
        )
        sys.path.insert(0, str(self._project))
        import toy

        self._pipeline: Any = toy.search

    def search(self, trials: int, *, seed: int, alone: bool) -> float:
        """Run a search and return its seconds."""
        began = time.perf_counter()
        result = self._runner.run(
            self._pipeline,
            project="toy",
            code=self._code,
            params={"trials": trials, "seed": seed, "alone": alone},
        )
        if result.status != "finished":
            raise RuntimeError(f"the search {result.status}: {result.error}")
        return time.perf_counter() - began

    def close(self) -> None:
        """Give the database back."""
        sys.path.remove(str(self._project))
        self._database.close()


@contextmanager
def _home() -> Iterator[_Home]:
    with (
        tempfile.TemporaryDirectory(prefix="towpath-search-") as folder,
        LocalExecutor(cpus=2) as executor,
    ):
        home = _Home(Path(folder), executor)
        try:
            yield home
        finally:
            home.close()
