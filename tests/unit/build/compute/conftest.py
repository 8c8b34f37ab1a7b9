from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TASKS = """
    import os, subprocess, sys, time

    def pid(payload, emit):
        return {"pid": os.getpid(), "parent": os.getppid()}

    def wait_for(payload, emit):
        emit({"pid": os.getpid()})
        while not os.path.exists(payload["path"]):
            time.sleep(0.01)
        return {"at": time.monotonic()}

    def for_ever(payload, emit):
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
        emit({"pids": [os.getpid(), child.pid]})
        while True:
            time.sleep(1)

    def obey(payload, emit):
        import signal
        told = []
        signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
        emit({"pid": os.getpid()})
        while not told:
            time.sleep(0.01)
        if payload["fails"]:
            raise KeyError("interrupted")
        return {"told": len(told)}

    def be_deaf(payload, emit):
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        emit({"pid": os.getpid()})
        while True:
            time.sleep(1)

    def leave_one_behind(payload, emit):
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
        return {"pid": child.pid}

    def allocate(payload, emit):
        block = bytearray(payload["bytes"])
        block[::4096] = b"x" * len(block[::4096])
        if payload.get("stay"):
            time.sleep(600)
        return {}

    def die(payload, emit):
        os.kill(os.getpid(), payload["signal"])

    def draw(payload, emit):
        import random
        import numpy
        return {"numbers": [random.random(), float(numpy.random.random())]}

    def threads(payload, emit):
        import polars
        return {"polars": polars.thread_pool_size(), "omp": os.environ["OMP_NUM_THREADS"]}

    def crunch(payload, emit):
        import io
        import lightgbm
        import numpy
        import polars
        import pyarrow.compute
        from sklearn.linear_model import LogisticRegression
        generator = numpy.random.default_rng(payload["seed"])
        frame = polars.DataFrame({"x": generator.random(20_000), "k": numpy.arange(20_000) % 97})
        lazy = frame.lazy()
        grouped = lazy.group_by("k").agg(polars.col("x").mean()).sort("k").collect()
        streamed = lazy.sort("x").join(lazy, on="k", how="semi").collect(engine="streaming")
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        pyarrow.compute.sum(frame.to_arrow()["x"])
        square = generator.random((200, 200))
        square @ square
        matrix, outcome = generator.random((1_000, 5)), generator.integers(0, 2, 1_000)
        lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(matrix, outcome), 3)
        LogisticRegression().fit(matrix, outcome)
        return {"rows": grouped.height + streamed.height}
"""


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a module of task functions, on the path of the processes to come."""
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "local_tasks.py").write_text(dedent(TASKS), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        yield folder
