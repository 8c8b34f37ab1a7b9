"""A project of trivial steps, and a home to run it in: what the pipeline benchmarks measure with."""

from __future__ import annotations

import gc
import importlib
import shutil
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

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
    from collections.abc import Generator

    from towpath.build.pipelines import PipelineResult
    from towpath.core.refs import Ref

MODULE = "toy_of_the_benchmarks"
_CODE = '''
    import towpath as tp


    @tp.step
    def isolated(number: int) -> int:
        return number + 1


    @tp.step(inline=True)
    def inline(number: int) -> int:
        return number + 1


    @tp.step(inline=True)
    def total(numbers: list[int]) -> int:
        return sum(numbers)


    STEPS = {"isolated": isolated, "inline": inline}


    @tp.pipeline
    def chain(kind: str, steps: int, start: int):
        number = STEPS[kind](start)
        for _ in range(steps - 1):
            number = STEPS[kind](number)
        return number


    @tp.pipeline
    def fan(kind: str, steps: int, start: int):
        return total([STEPS[kind](start + n) for n in range(steps)])


    @tp.pipeline
    def layers(kind: str, steps: int, start: int):
        """Half of the steps in one chain, the others hanging on it: as many edges as nodes."""
        number, leaves = STEPS[kind](start), []
        for place in range((steps - 2) // 2):
            leaves.append(STEPS[kind](number))
            number = STEPS[kind](number)
        return total([number, *leaves])
'''


@dataclass
class Toy:
    """The project in a home of its own."""

    module: Any
    runner: PipelineRunner
    code: Ref
    database: Path

    def run(self, pipeline: str, **params: Any) -> PipelineResult:
        """Run one of its pipelines to its end; a failure is an error."""
        result = self.runner.run(
            getattr(self.module, pipeline), project="toy", code=self.code, params=params
        )
        if result.status != "finished":
            raise RuntimeError(str(result.error))
        return result


@contextmanager
def open_toy(*, cpus: int = 2) -> Generator[Toy]:
    """Make the project and its home, on disk, with everything that a user's has."""
    home = Path(tempfile.mkdtemp(prefix="towpath-bench-"))
    folder = home / "project"
    folder.mkdir()
    (folder / f"{MODULE}.py").write_text(dedent(_CODE), encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        keyring = FileKeyring(home / "keys")
        database = open_database(f"sqlite:///{home}/towpath.db")
        database.migrate()
        ledger = open_ledger(database, keyring)
        blobs = open_blobs((home / "blobs").as_uri())
        code = CodeStore(ledger, blobs, home / "code")
        # As the warm process does that a worker forks for each run: what is loaded stays, so the
        # collector of garbage need not go over it.
        gc.collect()
        gc.freeze()
        with LocalExecutor(cpus=cpus) as executor:
            yield Toy(
                module=importlib.import_module(MODULE),
                runner=PipelineRunner(
                    ledger,
                    blobs,
                    blobs_url=(home / "blobs").as_uri(),
                    datasets=ParquetDatasetStore(ledger, blobs, keyring),
                    code=code,
                    executor=executor,
                    clock=SystemClock(),
                    scratch=home / "run",
                ),
                code=code.snapshot(folder, "toy", f"{MODULE}:chain").ref,
                database=home / "towpath.db",
            )
        ledger.close()
    finally:
        gc.unfreeze()
        sys.path.remove(str(folder))
        sys.modules.pop(MODULE, None)
        shutil.rmtree(home, ignore_errors=True)
