"""A pipeline with a search, run in children that die at the n-th time that they touch the world.

`python killed_searches.py` is the nursery: for each line on standard input it forks a child, which has
everything imported and nothing started, and answers with how the child ended.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any, Self

import structlog
from dying_parts import Mortality

from towpath.assets.code import CodeStore
from towpath.assets.datasets import ParquetDatasetStore
from towpath.build.compute import InlineExecutor
from towpath.build.pipelines import PipelineRunner
from towpath.build.tuning import SearchReader
from towpath.core.clock import SystemClock
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from towpath.build.pipelines import PipelineResult

NEVER = 1 << 30
PROJECT = """
    import os
    from pathlib import Path

    import towpath as tp


    def note(folder: str, word: str) -> None:
        with (Path(folder) / "notes").open("a") as notes:
            notes.write(word + "\\n")


    @tp.step
    def rows() -> float:
        return 1.0


    @tp.step
    def fit(base: float, x: float, folder: str) -> float:
        note(folder, f"began {x}")
        deadly = Path(folder) / f"deadly-{x}"
        if deadly.exists():
            deadly.unlink()
            os.kill(os.getpid(), 9)
        tp.report(0, x)
        if x > 0.95:
            raise ValueError("too large")
        tp.log_metric("m", x)
        note(folder, f"ended {x}")
        return x


    @tp.step
    def use(best: float) -> float:
        return best


    @tp.pipeline
    def train(folder: str, trials: int = 4):
        points = [{"x": 0.5}, {"x": 0.99}, {"x": 0.25}]
        best = tp.search(
            fit, rows(), folder=folder, x=(0.0, 1.0), trials=trials, maximize="m", enqueue=points,
            prune="median",
        )
        return use(best)
"""


class SearchHome:
    """An embedded home with the project in it, opened anew by whoever works in it.

    Args:
        home: Its folder; the project's is below.
        moment: The touch of the world at which this process dies.
    """

    def __init__(self, home: Path, moment: int = NEVER) -> None:
        life = Mortality(moment, for_real=True)
        self.home, self.life = home, life
        self.project = home / "project"
        self.project.mkdir(parents=True, exist_ok=True)
        (self.project / "toy.py").write_text(dedent(PROJECT), encoding="utf-8")
        self._database = open_database(f"sqlite:///{home}/towpath.db")
        self._database.migrate()
        self._keyring = FileKeyring(home / "keys")
        self.ledger = life.ledger(open_ledger(self._database, self._keyring))
        self.blobs = life.blobs(open_blobs(f"file://{home}/blobs"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def run(self) -> PipelineResult:
        """Run the pipeline, as `towpath run` does, with steps in this process."""
        code = CodeStore(self.ledger, self.blobs, self.home / "code")
        sys.path.insert(0, str(self.project))
        sys.modules.pop("toy", None)
        try:
            import toy

            return PipelineRunner(
                self.ledger,
                self.blobs,
                blobs_url=(self.home / "blobs").as_uri(),
                datasets=ParquetDatasetStore(self.ledger, self.blobs, self._keyring),
                code=code,
                executor=InlineExecutor(cpus=2),
                clock=SystemClock(),
                scratch=self.home / "run",
            ).run(
                toy.train,
                project="toy",
                code=code.snapshot(self.project, "toy", "toy:project").ref,
                params={"folder": str(self.home)},
            )
        finally:
            sys.path.remove(str(self.project))

    def notes(self) -> list[str]:
        """Return what trials wrote down: that they began, and that they ended."""
        path = self.home / "notes"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def over(self) -> dict[int, Any]:
        """Return the trials that the ledger knows to be over, by number."""
        reader = SearchReader(self.ledger, self.blobs)
        found: dict[int, Any] = {}
        for one in reader.list():
            for trial in reader.show(one.id).trials:
                if trial.state in ("done", "failed", "pruned"):
                    found[trial.number] = trial
        return found


class Nursery:
    """Where children are born that run the pipeline until they die."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, home: Path, moment: int) -> int:
        """Run the pipeline in a child; return its exit status, negative for a signal."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([str(home), moment]), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _be_a_nursery() -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    import optuna  # noqa: F401  children need not import it each

    for line in sys.stdin:
        home, moment = json.loads(line)
        child = os.fork()
        if not child:
            status = 1
            try:
                with SearchHome(Path(home), moment) as parts:
                    status = 0 if parts.run().status == "finished" else 3
            finally:
                os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    _be_a_nursery()
