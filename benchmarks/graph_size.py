"""Planning and bookkeeping of graphs of 100, 1,000 and 10,000 steps: how the cost grows.

The graph is half a chain and half leaves that hang on it, with as many edges as nodes, which is the
shape in which a scheduler that looks through everything at every turn is at its worst. `plan` builds
the graph, `first` executes every step (inline: nothing but bookkeeping and a trivial function),
`again` takes all of them from the cache.
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import structlog

from benchmarks.harness import Result
from benchmarks.toy_project import open_toy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.toy_project import Toy

SIZES = {"100": 100, "1k": 1_000, "10k": 10_000}
ROUNDS = 1


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Measure each size in turn, smallest first."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with open_toy() as toy:
        starts = itertools.count(1_000_000, 1_000_000)
        toy.run("layers", kind="inline", steps=10, start=next(starts))
        ours = {size: _measured(toy, SIZES[size], next(starts)) for size in sizes}
    small, large = sizes[0], sizes[-1]
    factor = SIZES[large] / SIZES[small]
    ratios = {
        f"linear/{small}-{large}-{phase}": round(
            factor / (ours[large][f"{phase}_cpu_s"] / ours[small][f"{phase}_cpu_s"]), 2
        )
        for phase in ("plan", "first", "again")
    }
    return Result(
        name="graph-size",
        sizes=sizes,
        ours=ours,
        peers={},
        limit={},
        ratios=ratios,
        growth={
            phase: {size: ours[size][f"{phase}_us_per_step"] for size in sizes}
            for phase in ("plan", "first", "again")
        },
        notes=(
            (
                "ratios compare with a cost that grows exactly with the number of steps: 1 is linear, "
                "above 1 is better, because fixed costs spread"
            ),
            (
                "processor time of this process, once each; the wall time beside it includes waiting "
                "for the disk on a shared machine"
            ),
            "the heap of what is loaded is frozen, as in the warm process that a worker forks",
            "`first` records each step's run, lineage, result and event in the signed log",
        ),
    )


def _measured(toy: Toy, steps: int, start: int) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def note(phase: str, work: Any) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        costs = {
            f"{phase}_wall_s": time.perf_counter() - wall,
            f"{phase}_cpu_s": time.process_time() - cpu,
        }
        for key, value in costs.items():
            found[key] = round(min(value, found.get(key, value)), 5)
        found[f"{phase}_us_per_step"] = round(found[f"{phase}_cpu_s"] / steps * 1e6, 1)

    for turn in range(ROUNDS):
        asked = {"kind": "inline", "steps": steps, "start": start + turn * steps * 2}
        note("plan", lambda asked=asked: toy.module.layers.graph(**asked))
        note("first", lambda asked=asked: toy.run("layers", **asked))
        note("again", lambda asked=asked: toy.run("layers", **asked))
    return found
