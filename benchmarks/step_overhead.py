"""What a trivial step costs: isolated, inline and cached, in a chain and a fan-out, beside four peers.

Every step of ours is durable when the run ends: claimed, executed, its result synced to disk, its run,
lineage and events in the ledger, signed log included. Dagster, Prefect, Metaflow and ZenML run the
same shapes with their local defaults in environments of their own, in the same sitting.
"""

from __future__ import annotations

import itertools
import statistics
import time
from typing import TYPE_CHECKING, Any

import structlog

from benchmarks.harness import Result, run_peer
from benchmarks.toy_project import open_toy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.toy_project import Toy

SIZES = {"chain-20+fan-50": (20, 50), "chain-40+fan-100": (40, 100), "chain-80+fan-200": (80, 200)}
PEERS: Mapping[str, tuple[str, ...]] = {
    "dagster": ("dagster",),
    "prefect": ("prefect>=3.4,<3.9", "fastapi<0.118"),
    "zenml": ("zenml[local]",),
    "metaflow": ("metaflow",),
}
ROUNDS = 3
KINDS = ("isolated", "inline")
MS = 1000.0


def run(sizes: Sequence[str] = tuple(SIZES), peers: Sequence[str] = tuple(PEERS)) -> Result:
    """Measure each size; the peers at the first size alone, which is the bar's."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours: dict[str, Any] = {}
    growth: dict[str, Any] = {}
    with open_toy() as toy:
        starts = itertools.count(1_000_000, 1_000_000)
        toy.run("chain", kind="isolated", steps=2, start=next(starts))
        for size in sizes:
            ours[size] = _ours(toy, SIZES[size], starts)
            growth[size] = {key: value for key, value in ours[size].items() if "ms" in key}
        ours["reuse"] = {size: _reuse(toy, size, starts) for size in (100, 300, 1000)}
    chain, fan = SIZES[sizes[0]]
    theirs = {name: _theirs(name, chain, fan) for name in peers}
    ratios = {
        f"{name}/{sizes[0]}-{shape}-{kind}": _ratio(theirs[name], shape, ours[sizes[0]], kind)
        for name in theirs
        for shape in ("chain", "fan")
        for kind in KINDS
    }
    return Result(
        name="step-overhead",
        sizes=sizes,
        ours=ours,
        peers=theirs,
        limit={},
        ratios={key: round(value, 2) for key, value in ratios.items()},
        growth={**growth, "reuse_ms_per_step": ours["reuse"]},
        notes=(
            (
                "figures are milliseconds per step: the whole run divided by its steps, planning and the "
                "pipeline's own records included; `cached` is the same run again; `reuse` is a graph of so "
                "many steps run again, where the run's own cost (some 30 ms) spreads over more of them"
            ),
            (
                f"ours are medians of {ROUNDS} runs, peers one run after a warm-up of the same process; "
                "all in turn on one machine, which is shared"
            ),
            (
                "the heap of what is loaded is frozen (gc.freeze), as in the warm process that a worker "
                "forks for each run; `towpath run` does without"
            ),
            (
                "isolated: a forked process per step. Metaflow does the same; Dagster (in-process), Prefect "
                "and ZenML run steps in the process of the flow, which is what our inline steps do"
            ),
            "Prefect's server start is not counted (it is in `start_s`); its results are persisted",
            (
                "inline steps become durable in groups of up to 50 ms of work, each group in one "
                "transaction: a crash redoes at most that much, and nothing that was recorded"
            ),
        ),
    )


def _ours(toy: Toy, size: tuple[int, int], starts: itertools.count[int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for shape, steps in zip(("chain", "fan"), size, strict=True):
        for kind in KINDS:
            fresh, cached = [], []
            for _ in range(ROUNDS):
                start = next(starts)
                fresh.append(_seconds(toy, shape, kind, steps, start))
                cached.append(_seconds(toy, shape, kind, steps, start))
            found[f"{shape}-{kind}_ms_per_step"] = _per_step(fresh, steps)
            found[f"{shape}-{kind}-cached_ms_per_step"] = _per_step(cached, steps)
    return found


def _reuse(toy: Toy, steps: int, starts: itertools.count[int]) -> dict[str, float]:
    """Run a graph of so many steps again, all of them cached."""
    start = next(starts)
    toy.run("layers", kind="inline", steps=steps, start=start)
    again = [_seconds(toy, "layers", "inline", steps, start) for _ in range(ROUNDS)]
    whole = statistics.median(again)
    return {"whole_s": round(whole, 4), "ms_per_step": _per_step(again, steps)}


def _seconds(toy: Toy, shape: str, kind: str, steps: int, start: int) -> float:
    began = time.perf_counter()
    toy.run(shape, kind=kind, steps=steps, start=start)
    return time.perf_counter() - began


def _per_step(seconds: Sequence[float], steps: int) -> float:
    return round(statistics.median(seconds) / steps * MS, 4)


def _theirs(name: str, chain: int, fan: int) -> dict[str, Any]:
    found = run_peer(f"{name}_steps.py", PEERS[name], str(chain), str(fan), timeout_s=1200)
    steps = {"chain": chain, "fan": fan}
    result: dict[str, Any] = {
        f"{shape}_ms_per_step": round(found[shape] / count * MS, 2)
        for shape, count in steps.items()
    }
    if "start" in found:
        result["start_s"] = round(found["start"], 2)
    return result


def _ratio(theirs: Mapping[str, Any], shape: str, ours: Mapping[str, Any], kind: str) -> float:
    return theirs[f"{shape}_ms_per_step"] / ours[f"{shape}-{kind}_ms_per_step"]
