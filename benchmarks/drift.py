"""How far 30 columns have moved: 100,000 rows of today against 100,000 of training, in every distance.

Ours counts today's rows on the edges that the reference chose once, and takes all distances from the
counts; counts of two windows add up to those of both. The peers look at all values of both sides again.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from benchmarks.harness import Result, interleave, measure, run_peer
from towpath.assets.datasets.profiles import Profile, compare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

SIZES = {"10k": 10_000, "30k": 30_000, "100k": 100_000}
NUMBERS, CATEGORIES, LEVELS = 20, 10, 12
EDGES = 1024
MOVED_SD = 0.05
PEERS: Mapping[str, tuple[str, ...]] = {
    "evidently": ("evidently==0.7.*", "pandas<3"),
    "nannyml": ("nannyml==0.13.*", "statsmodels"),
    "alibi-detect": ("alibi-detect==0.13.*", "pandas<3", "pyarrow<19"),
}
ROUNDS = 5


def run(sizes: Sequence[str] = tuple(SIZES), peers: Sequence[str] = tuple(PEERS)) -> Result:
    """Measure each size, the peers on the same rows."""
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    limit: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    for size in sizes:
        ours[size], limit[size], found = _measured(SIZES[size], peers)
        ratios[f"sorting/{size}-cpu"] = limit[size]["cpu_s"] / ours[size]["cpu_s"]
        for name, one in found.items():
            theirs[f"{name}/{size}"] = one
            ratios[f"{name}/{size}"] = one["wall_s"] / ours[size]["wall_s"]
            ratios[f"{name}/{size}-cpu"] = one["cpu_s"] / ours[size]["cpu_s"]
    return Result(
        name="drift",
        sizes=sizes,
        ours=ours,
        peers=theirs,
        limit=limit,
        ratios={key: round(value, 2) for key, value in ratios.items()},
        growth={"cpu_s": {size: ours[size]["cpu_s"] for size in sizes}},
        notes=NOTES,
    )


def _measured(
    rows: int, peers: Sequence[str]
) -> tuple[dict[str, float], dict[str, float], dict[str, Any]]:
    """Return our figures, those of sorting everything, and the peers'."""
    before, now = drawn(rows, seed=1), drawn(rows, seed=2, moved=MOVED_SD)
    reference = Profile.of(before, edges=EDGES, distinct=False)
    costs = interleave(
        {
            "ours": lambda: measure(lambda: judged(reference, now)),
            "exact": lambda: measure(lambda: exact(before, now)),
        },
        ROUNDS,
    )
    with tempfile.TemporaryDirectory(prefix="towpath-drift-") as folder:
        before.write_parquet(Path(folder) / "before.parquet")
        now.write_parquet(Path(folder) / "now.parquet")
        found = {
            name: run_peer(
                f"{name.replace('-', '_')}_drift.py", PEERS[name], folder, timeout_s=1800
            )
            for name in peers
        }
    return costs["ours"] | errors(reference, before, now), costs["exact"], found


NOTES = (
    f"{NUMBERS} columns of numbers, {CATEGORIES} of {LEVELS} categories; numbers moved by {MOVED_SD} sd",
    (
        f"ours counts the new rows on {EDGES} edges of the reference and takes Kolmogorov-Smirnov, PSI, "
        "Jensen-Shannon, Wasserstein and chi-squared from the counts; the reference is counted once, at "
        "training, and is no part of it"
    ),
    "peers with their defaults, their own fit included only where it can't be kept; imports are not counted",
    "ks_error and wasserstein_sd_error: the largest difference to the exact distance, over the columns",
    "psi_error: to the index of the very same bins, counted from the values",
    "state_bytes_most: the largest column's counts of a window, as 64-bit integers",
    "sorting: the exact distances of the numbers alone, by sorting both sides, as SciPy does",
)


def drawn(rows: int, *, seed: int, moved: float = 0.0) -> pl.DataFrame:
    """Return rows of columns that differ in shape: normal, skewed, heavy-tailed, rounded."""
    dice = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    for at in range(NUMBERS):
        shapes = (
            dice.normal(size=rows),
            dice.gamma(2.0, size=rows) / np.sqrt(2.0),
            dice.standard_t(5, size=rows) / np.sqrt(5 / 3),
            np.round(dice.normal(size=rows), 2),
        )
        columns[f"n{at}"] = shapes[at % len(shapes)] + moved * (at % 2)
    weights = 1 / np.arange(1, LEVELS + 1)
    for at in range(CATEGORIES):
        turned = np.roll(weights, 1 if moved and at == 0 else 0)
        levels = dice.choice(LEVELS, rows, p=turned / turned.sum())
        columns[f"c{at}"] = [f"level {level}" for level in levels]
    return pl.DataFrame(columns)


def judged(reference: Profile, now: pl.DataFrame) -> list[Any]:
    """Count a window in the reference's bins and compare every column."""
    window = reference.recount(now)
    return [compare(p, q) for p, q in zip(reference.columns, window.columns, strict=True)]


def exact(before: pl.DataFrame, now: pl.DataFrame) -> dict[str, tuple[float, float]]:
    """Return each number column's Kolmogorov-Smirnov and Wasserstein distance, from all values."""
    names = [f"n{at}" for at in range(NUMBERS)]
    return {name: _exact(before[name].to_numpy(), now[name].to_numpy()) for name in names}


def _exact(before: NDArray[np.float64], now: NDArray[np.float64]) -> tuple[float, float]:
    both = np.concatenate([before, now])
    both.sort()
    p = np.searchsorted(np.sort(before), both, side="right") / len(before)
    q = np.searchsorted(np.sort(now), both, side="right") / len(now)
    apart = np.abs(p - q)
    return float(apart.max()), float((apart[:-1] * np.diff(both)).sum())


def errors(reference: Profile, before: pl.DataFrame, now: pl.DataFrame) -> dict[str, float]:
    """Return how far our distances are from the exact ones, at most."""
    window = reference.recount(now)
    truth = exact(before, now)
    ks, wasserstein, psi = 0.0, 0.0, 0.0
    for p, q in zip(reference.columns, window.columns, strict=True):
        ours = compare(p, q)
        if p.name in truth:
            true_ks, true_distance = truth[p.name]
            sd = float(before[p.name].to_numpy().std())
            ks = max(ks, abs(ours.ks - true_ks))
            wasserstein = max(wasserstein, abs(ours.wasserstein_sd - true_distance / sd))
            edges = p.coarsened(10).edges
            psi = max(psi, abs(ours.psi - _psi(edges, before[p.name], now[p.name])))
    return {
        "ks_error": ks,
        "wasserstein_sd_error": wasserstein,
        "psi_error": psi,
        "state_bytes_most": float(max(one.counts.nbytes for one in window.columns)),
    }


def _psi(edges: NDArray[np.float64], before: pl.Series, now: pl.Series) -> float:
    """Return the population stability index of values counted on edges, half a row added to each."""

    def shares(values: pl.Series) -> NDArray[np.float64]:
        places = np.searchsorted(edges, values.to_numpy(), side="left")
        counts = np.bincount(places, minlength=len(edges) + 1) + 0.5
        return counts / counts.sum()

    p, q = shares(before), shares(now)
    return float(((q - p) * np.log(q / p)).sum())
