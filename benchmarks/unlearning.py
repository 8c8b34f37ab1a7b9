"""What it costs a model to forget one person: all of it again, one shard of SISA, one shard's sums.

The same recipe as after a withdrawal: a version of a data set is redacted, and the pipeline runs again on it
through the real runner, with its cache, its processes and its store. For 5, 10 and 20 shards of trees
(`tp.ensemble`), and of exact sums (`tp.least_squares`), beside the same learner on everything.

In the literature SISA is 4.63 times quicker on Purchase and 2.45 times on SVHN than training again
(Bourtoule et al., IEEE S&P 2021, at accuracies within two points): with several requests, of images or
baskets, on a GPU. Here it is one request of one person, of rows of a table.
"""

from __future__ import annotations

import importlib
import os
import statistics
import sys
import time
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import structlog

from benchmarks.erase import folder
from benchmarks.harness import Result
from towpath.assets.code import CodeStore
from towpath.assets.datasets import ParquetDatasetStore
from towpath.build.compute import LocalExecutor
from towpath.build.compute.procfs import with_descendants
from towpath.build.pipelines import PipelineRunner, load_artifact
from towpath.core.clock import SystemClock
from towpath.core.refs import Ref
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
from towpath.trace.erasure.derived import derived_from
from towpath.trace.erasure.phases.purge import forget_executions
from towpath.trace.erasure.sparing import spared_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SIZES = {"5": 5, "10": 10, "20": 20}
ROWS = 200_000
PEOPLE = 5_000
ROUNDS = 3
_TESTED = 20_000
MODULE = "rides_of_the_benchmark"
NOTES = """\
size: how many shards; 200,000 rows of 5,000 people, eight numbers each, 20 buckets
cpu_s are those of the run and of the processes of its steps, which are forked with the numeric libraries \
loaded; medians of three withdrawals of other people
the ensemble of n shards is read and packaged anew as well: eight trees a shard, which is what the saving of \
twenty shards is lost to first
steps_computed says that of n shards one was made again, and what puts them together
rmse is on 20,000 rows that nobody learnt from: what trees of shards loses against one on everything
starting a process, its libraries and the store cost the same however few rows a step reads: where training is \
cheap, as the sums of so few rows are, shards save little, and what sums give is exactness
line: the model of 5, 10 or 20 shards has the same bytes as that of all rows at once; a run in which it \
has not, fails
redaction and verification are not in it: `erase` measures those\
""".splitlines()
_CODE = """
    from datetime import datetime

    import polars as pl
    from sklearn.ensemble import RandomForestRegressor

    import towpath as tp

    X = [f"x{n}" for n in range(8)]


    class Ride(tp.Schema):
        ride: int
        rider: str
        at: datetime
        y: float
        x0: float
        x1: float
        x2: float
        x3: float
        x4: float
        x5: float
        x6: float
        x7: float


    rides = tp.Dataset("rides", schema=Ride, key="ride", time="at", subject="rider", buckets=20)


    @tp.step
    def learn(rows: pl.DataFrame) -> tp.Model:
        rows = rows.sort("ride")
        forest = RandomForestRegressor(8, min_samples_leaf=20, random_state=0, n_jobs=1)
        return tp.Model.fit(forest, rows.select(X), rows["y"])


    @tp.step
    def together(parts: list[tp.Model]) -> tp.Model:
        return tp.ensemble(parts)


    @tp.step
    def count(rows: pl.DataFrame) -> tp.Moments:
        return tp.Moments.of(rows.select(X), rows["y"])


    @tp.step
    def solve(parts: list[tp.Moments]) -> tp.Model:
        return tp.least_squares(parts)


    @tp.pipeline
    def trees_whole():
        return {"model": learn(rides.all())}


    @tp.pipeline
    def trees(shards: int):
        return {"model": together([learn(rides.shard(k, of=shards)) for k in range(shards)])}


    @tp.pipeline
    def line_whole():
        return {"model": solve([count(rides.all())])}


    @tp.pipeline
    def line(shards: int):
        return {"model": solve([count(rides.shard(k, of=shards)) for k in range(shards)])}
"""


def run(sizes: Sequence[str] = tuple(SIZES), *, count: int = ROWS) -> Result:
    """Withdraw a few people, and make all models again after each."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with folder() as place, open_rides(place, count) as home:
        asked: list[tuple[str, str, dict[str, int]]] = [
            ("trees/whole", "trees_whole", {}),
            ("line/whole", "line_whole", {}),
        ]
        for size in sizes:
            asked += [
                (f"{kind}/{size}", kind, {"shards": SIZES[size]}) for kind in ("trees", "line")
            ]
        for _, pipeline, params in asked:
            home.train(pipeline, params)
        found: dict[str, list[dict[str, float]]] = {name: [] for name, *_ in asked}
        for turn in range(ROUNDS):
            home.withdraw(f"rider-{turn * 977 + 5:05}")
            for name, pipeline, params in asked:
                found[name].append(home.train(pipeline, params))
        if len(home.lines) != ROUNDS + 1:
            raise RuntimeError(f"{len(home.lines)} lines for {ROUNDS + 1} states of the rows")
    ours = {name: _median(costs) for name, costs in found.items()}
    return Result(
        name="unlearning",
        sizes=list(sizes),
        ours={name: cost for name, cost in ours.items() if not name.endswith("/whole")},
        peers={name: cost for name, cost in ours.items() if name.endswith("/whole")},
        limit={"sisa-paper": {"purchase": 4.63, "svhn": 2.45}},
        ratios={
            f"{kind}-whole/{size}-cpu": ours[f"{kind}/whole"]["cpu_s"]
            / ours[f"{kind}/{size}"]["cpu_s"]
            for kind in ("trees", "line")
            for size in sizes
        },
        growth={
            what: {size: ours[f"{kind}/{size}"][figure] for size in sizes}
            for what, kind, figure in (
                ("trees_cpu_s", "trees", "cpu_s"),
                ("trees_rmse", "trees", "rmse"),
                ("line_cpu_s", "line", "cpu_s"),
            )
        },
        notes=NOTES,
    )


def rows(count: int, seed: int) -> pl.DataFrame:
    """Return rides whose price depends on their numbers, not in a straight line, and on chance."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 8))
    y = 3 * x[:, 0] + np.sin(2 * x[:, 1]) * 2 + x[:, 2] * x[:, 3] + rng.normal(size=count)
    numbers = np.arange(count)
    return pl.DataFrame(
        {
            "ride": numbers,
            "rider": np.char.mod("rider-%05d", rng.integers(0, PEOPLE, count)),
            "at": pl.Series([datetime(2026, 1, 1)] * count),
            "y": y,
            **{f"x{place}": x[:, place] for place in range(8)},
        }
    ).with_columns(pl.col("at").dt.replace_time_zone("UTC").cast(pl.Datetime("us", "UTC")))


class Home:
    """A home with one data set and its pipelines."""

    def __init__(self, place: Path, count: int, executor: LocalExecutor) -> None:
        keyring = FileKeyring(place / "keys")
        database = open_database(f"sqlite:///{place}/towpath.db")
        database.migrate()
        self._ledger = open_ledger(database, keyring)
        self._blobs = open_blobs((place / "blobs").as_uri())
        self._datasets = ParquetDatasetStore(self._ledger, self._blobs, keyring)
        code = CodeStore(self._ledger, self._blobs, place / "code")
        self._module: Any = importlib.import_module(MODULE)
        self._runner = PipelineRunner(
            self._ledger,
            self._blobs,
            blobs_url=(place / "blobs").as_uri(),
            datasets=self._datasets,
            code=code,
            executor=executor,
            clock=SystemClock(),
            scratch=place / "run",
        )
        self._code = code.snapshot(place / "project", "taxi", f"{MODULE}:line").ref
        self._datasets.commit(self._module.rides, rows(count, 1), project="taxi")
        self._tested = rows(_TESTED, 2)
        self.lines: set[str] = set()

    def train(self, pipeline: str, params: dict[str, int]) -> dict[str, float]:
        """Run a pipeline on the version as it is now; return what its steps cost."""
        began, spent_s = time.perf_counter(), _cpu_s()
        result = self._runner.run(
            getattr(self._module, pipeline),
            project="taxi",
            code=self._code,
            params=params,
            pins={"rides": 1},
        )
        wall_s, cpu_s = time.perf_counter() - began, _cpu_s() - spent_s
        if result.status != "finished":
            raise RuntimeError(str(result.error))
        artifact = result.outputs["model"]
        if pipeline.startswith("line"):
            self.lines.add(artifact.digest)
        model = load_artifact(artifact, self._blobs)
        with self._ledger.read() as tx:
            steps = [one for one in tx.runs.list(parent=result.run_id) if one.kind == "step"]
        ran = [one for one in steps if one.tags.get("cached") != "true"]
        away = model.predict(self._tested) - self._tested["y"].to_numpy()
        return {
            "cpu_s": cpu_s,
            "wall_s": wall_s,
            "steps_computed": len(ran),
            "steps": len(steps),
            "rmse": float(np.sqrt(np.mean(away**2))),
        }

    def withdraw(self, who: str) -> None:
        """Redact, and forget what followed from it, as an erasure does."""
        erased = self._datasets.erase(who, "rides")
        sources = [one.ref for one in erased.versions]
        if sources != [Ref("dataset", "rides", 1)]:
            raise RuntimeError(f"{who} was in {sources}")
        spared = spared_steps(self._ledger, self._blobs, sources)
        with self._ledger.write(actor="bench") as tx:
            derived = derived_from(tx, sources, spared=spared)
            forget_executions(tx, derived.artefacts)
        for digest in derived.artefacts:
            self._blobs.delete(digest)


@contextmanager
def open_rides(place: Path, count: int) -> Iterator[Home]:
    """Make the project and its home."""
    (place / "project").mkdir()
    (place / "project" / f"{MODULE}.py").write_text(dedent(_CODE), encoding="utf-8")
    sys.path.insert(0, str(place / "project"))
    try:
        with LocalExecutor(cpus=2) as executor:
            yield Home(place, count, executor)
    finally:
        sys.path.remove(str(place / "project"))
        sys.modules.pop(MODULE, None)


def _cpu_s() -> float:
    """Return the processor time of this process and of all below it, those that have ended included.

    Steps are children of a server that forks them and waits for them, which the usual count leaves out.
    """
    ticks = 0
    for pid in with_descendants(os.getpid()):
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(one) for one in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _median(costs: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(cost[key] for cost in costs) for key in costs[0]}
