"""What every benchmark shares: a result's shape, honest timing, and peers in throw-away environments."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PEERS = Path(__file__).resolve().parent / "peers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a benchmark found.

    Attributes:
        name: The benchmark's name on the command line.
        sizes: The sizes measured, in the words of the benchmark.
        ours: Our figures by size and quantity, units last in the key.
        peers: The same figures by peer.
        limit: The same for the physical limit or a bare prototype.
        ratios: Flat `peer/size-quantity` to how many times we are ahead: above 1 is better.
        growth: Our cost at three or more sizes, to see how it grows.
        notes: What a reader must know to believe the figures.
    """

    name: str
    sizes: Sequence[str]
    ours: Mapping[str, Any]
    peers: Mapping[str, Any]
    limit: Mapping[str, Any]
    ratios: Mapping[str, float]
    growth: Mapping[str, Any]
    notes: Sequence[str] = field(default=())

    def to_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps(asdict(self), default=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds on the wall and on the processors, children included."""

    wall_s: float
    cpu_s: float


def measure(work: Callable[[], object]) -> Cost:
    """Run `work` once and return what it cost, child processes included."""
    cpu, wall = _cpu_s(), time.perf_counter()
    work()
    return Cost(wall_s=time.perf_counter() - wall, cpu_s=_cpu_s() - cpu)


def interleave(
    contestants: Mapping[str, Callable[[], Cost]], rounds: int = 5
) -> dict[str, dict[str, float]]:
    """Run all contestants in turn, `rounds` times after one warm-up; return medians by name.

    Taking turns spreads the noise of a shared machine evenly over everybody.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, run in contestants.items():
            cost = run()
            if turn:
                costs[name].append(cost)
    return {
        name: {
            "wall_s": statistics.median(cost.wall_s for cost in runs),
            "cpu_s": statistics.median(cost.cpu_s for cost in runs),
        }
        for name, runs in costs.items()
    }


def run_peer(script: str, packages: Sequence[str], *args: str, timeout_s: float = 900) -> Any:
    """Run `benchmarks/peers/SCRIPT` in an environment of its own and return the JSON it prints last.

    The environment is made from cached packages and thrown away; the peer never shares ours.
    """
    command = ["uv", "run", "--isolated", "--no-project", "--quiet", "--python", sys.executable]
    for package in packages:
        command += ["--with", package]
    command += ["python", str(PEERS / script), *args]
    environ = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=timeout_s, env=environ
    )
    if done.returncode:
        raise RuntimeError(f"peer {script} failed: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _cpu_s() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
