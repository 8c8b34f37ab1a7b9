"""Materialising a view of five features: into files and into Redis, beside Feast into SQLite and Redis.

Each contestant works in a fresh process, so that its peak memory is its own. Ours is timed twice: from
a data set that nobody has read yet (`cold`: it is laid out, then materialised), which is what Feast is
compared with, and from a layout that is there, as after a pipeline has joined it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from benchmarks.feature_home import (
    FEAST,
    PROJECT,
    Views,
    opened,
    redis_server,
    scratch,
)
from benchmarks.harness import Result, run_peer

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = {"100k-rows": 100_000, "300k-rows": 300_000, "1m-rows": 1_000_000}
VIEWS = Views({"stats": tuple(f"stats_{n}" for n in range(5))})
ROUNDS = 3
_GROWN = 0.99
_PEER_S = 3600.0


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Materialise each size with each contestant."""
    ours: dict[str, Any] = {}
    peers: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    notes = list(NOTES)
    for size in sizes:
        with scratch("materialize") as folder, redis_server() as redis_url:
            VIEWS.generate(folder, SIZES[size])
            if redis_url is None:
                notes.append("redis-server is not installed: nothing was measured with Redis")
            for store, url in (("files", f"lmdb://{folder}/online"), ("redis", redis_url)):
                if url is None:
                    continue
                ours[f"{store}/{size}"] = mine = _fresh_process(folder / store, folder, url)
                where = "sqlite" if store == "files" else url.removeprefix("redis://")[:-2]
                theirs = run_peer(
                    "feast_online.py", FEAST, "fill", str(folder), where, timeout_s=_PEER_S
                )
                peer = f"feast-{'sqlite' if store == 'files' else 'redis'}/{size}"
                peers[peer] = theirs
                ratios[peer] = theirs["wall_s"] / mine["cold"]["wall_s"]
                ratios[f"{peer}-laid-out"] = theirs["wall_s"] / mine["whole"]["wall_s"]
                ratios[f"{peer}-memory"] = theirs["peak_gb"] / mine["peak_gb"]
    return Result(
        name="materialize",
        sizes=list(sizes),
        ours=ours,
        peers=peers,
        limit={},
        ratios=ratios,
        growth={key: one["cold"]["wall_s"] for key, one in ours.items()},
        notes=notes,
    )


NOTES = [
    "every row is of another entity: nothing is saved by keeping only the newest",
    "ours reads a committed data set, Feast a bare Parquet file; committing is not counted",
    "`cold` includes laying the source out; `whole` and `changed` find the layout there",
    "`changed`: one row in a hundred was appended to the source since",
    "Feast runs once, in a process of its own, as ours does; memory is the process's peak",
]


def _fresh_process(home: Path, rows: Path, url: str) -> dict[str, Any]:
    home.mkdir()
    command = [sys.executable, "-m", "benchmarks.materialize", str(home), str(rows), url]
    for verb in ("commit", "measure"):  # committing would raise the peak that is measured
        done = subprocess.run([*command, verb], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def child(home: Path, rows: Path, url: str, verb: str) -> None:
    """Do one contestant's work in this process, and print what it cost."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with opened(home, VIEWS, url) as feature_home:
        if verb == "commit":
            feature_home.commit(rows, keep=_GROWN)
            return
        view, online = VIEWS.view("stats"), feature_home.online

        def once(*, whole: bool) -> dict[str, float]:
            cpu, wall = time.process_time(), time.perf_counter()
            done = online.materialize(view, project=PROJECT, whole=whole)
            return {
                "wall_s": time.perf_counter() - wall,
                "cpu_s": time.process_time() - cpu,
                "rows": done.rows,
            }

        cold = once(whole=True)
        again = [once(whole=True) for _ in range(ROUNDS)]
        status = Path("/proc/self/status").read_text()
        peak_gb = int(status.partition("VmHWM:")[2].split()[0]) / (1 << 20)
        feature_home.commit(rows)
        feature_home.offline.build(view, project=PROJECT)
        changed = once(whole=False)
    whole = sorted(again, key=lambda one: one["wall_s"])[ROUNDS // 2]
    print(json.dumps({"cold": cold, "whole": whole, "changed": changed, "peak_gb": peak_gb}))


if __name__ == "__main__":
    child(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
