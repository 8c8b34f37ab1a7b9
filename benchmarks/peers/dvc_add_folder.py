"""Adds a folder with DVC and prints what it cost; runs outside our environment.

`setup` makes a repository around the folder and adds it; `add` adds it again, in a process of its own,
timed after DVC's imports. `stored_bytes` is by how much the cache grew.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

from dvc.repo import Repo


def main() -> None:
    verb, folder = sys.argv[1:]
    os.chdir(folder)
    repo = Repo.init(no_scm=True) if verb == "setup" else Repo()
    held = _cache_bytes()
    began = _now()
    repo.add("data")
    wall, cpu = (after - before for before, after in zip(began, _now(), strict=True))
    print(json.dumps({"wall_s": wall, "cpu_s": cpu, "stored_bytes": _cache_bytes() - held}))


def _cache_bytes() -> int:
    return sum(path.stat().st_size for path in Path(".dvc/cache").rglob("*") if path.is_file())


def _now() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
