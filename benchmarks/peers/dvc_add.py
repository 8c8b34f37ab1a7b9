"""Adds two states of a file with DVC and prints what the second one cost; runs outside our environment.

The cost is that of the command in this process, after its imports, so that DVC's start-up (over a
second) is not counted. `stored_bytes` is by how much its cache grew.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import time
from pathlib import Path

from dvc.repo import Repo


def main() -> None:
    before, after, folder = map(Path, sys.argv[1:])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.chdir(folder)
    repo = Repo.init(no_scm=True)
    shutil.copyfile(before, "table.parquet")
    repo.add("table.parquet")
    held = _cache_bytes()
    Path("table.parquet").unlink()
    shutil.copyfile(after, "table.parquet")
    began = _now()
    repo.add("table.parquet")
    wall, cpu = (after - before for before, after in zip(began, _now(), strict=True))
    stored = _cache_bytes() - held
    shutil.rmtree(folder)
    print(json.dumps({"wall_s": wall, "cpu_s": cpu, "stored_bytes": stored}))


def _cache_bytes() -> int:
    return sum(path.stat().st_size for path in Path(".dvc/cache").rglob("*") if path.is_file())


def _now() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
