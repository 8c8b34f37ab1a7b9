"""How often rollouts are wrong, and how many samples they need, beside the rules of other tools.

Everything ours goes through the code that production runs: `judge` over `Evidence`, look after look. Three
questions, each over rollouts that are looked at all the time:

- A/A: a challenger that is no worse is rolled back, and one that is worse by just the margin is promoted,
  how often, by the time so many rows were seen? The bar is 5% at any stopping time.
- Planted: after how many samples is a loss of quality found, beside what a fixed-horizon test needs?
- Failures at 1% against 1%, 1.5% and 2%: how often is a challenger rolled back, and after how many samples,
  by a z-test at each look, by thresholds as Argo Rollouts and Flagger use them, by an mSPRT, and by us?
"""

from __future__ import annotations

import math
import statistics
import time
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from scipy.stats import norm

from benchmarks.harness import Result
from towpath.operate.rollouts import Errors, Latency, Rollout, Signal
from towpath.operate.rollouts.confidence import Moments
from towpath.operate.rollouts.evidence import Evidence
from towpath.operate.rollouts.judging import Look, judge
from towpath.operate.rollouts.latencies import Latencies

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

ROLLOUTS = 2000
SIZES = {"4k-rows": 4_000, "16k-rows": 16_000, "64k-rows": 64_000}
LOOKS = np.unique(np.geomspace(500, 64_000, 25).astype(int))
EFFECTS = {"2.5-points": 0.025, "5-points": 0.05, "10-points": 0.10}
PLANTED = 400
FAILING = {"equal": 0.01, "half-a-point": 0.015, "one-point": 0.02}
FAILING_ROLLOUTS = 300
FAILING_LOOKS = np.arange(500, 20_001, 500)  # rows of both arms together
BLOCK_ROWS = 125
ALPHA = 0.05

_EDGES = Latencies.of(np.random.default_rng(0).lognormal(9, 0.4, 20_000), np.ones(20_000))
_QUANTILE = 0.9


class Traffic:
    """Draws what a rollout's arms do, in sums as the reconciler would have taken them from the log.

    Args:
        plan: The rollout.
        block_rows: How many answers a bet on failures is placed on; None: all of a look.
        worse: By which measure the challenger is worse, and by how much.
    """

    def __init__(
        self,
        plan: Rollout,
        rng: np.random.Generator,
        *,
        block_rows: int | None = None,
        **worse: float,
    ) -> None:
        self._rng = rng
        self._block_rows = block_rows
        self._worse = worse
        signals = [one for one in (*plan.required, *plan.guarding) if isinstance(one, Signal)]
        self._signal = signals[0].signal if signals else None
        watched = (*plan.required, *plan.guarding)
        self._has_latency = any(isinstance(one, Latency) for one in watched)

    def add(self, evidence: Evidence, number: int, rows: int) -> Evidence:
        """Take in so many rows at a stage."""
        stage, rng, worse = evidence.stages[number], self._rng, self._worse
        joined = int(rng.binomial(rows, stage.weight))
        sizes = (rows - joined, joined)
        wrong = [
            _binary(rng, n, 0.2 + worse.get("quality", 0.0) * arm) for arm, n in enumerate(sizes)
        ]
        failed = tuple(
            int(rng.binomial(n, 0.01 + worse.get("errors", 0.0) * arm))
            for arm, n in enumerate(sizes)
        )
        changes: dict[str, Any] = {
            "champion": stage.champion.merge(wrong[0]),
            "challenger": stage.challenger.merge(wrong[1]),
            "failed": tuple(
                old.merge(_counted(n, hits))
                for old, n, hits in zip(stage.failed, sizes, failed, strict=True)
            ),
            "callers": (stage.callers[0] + sizes[0], stage.callers[1] + sizes[1]),
        }
        if self._has_latency:
            changes["latencies"] = tuple(
                old.merge(_durations(rng, n)) for old, n in zip(stage.latencies, sizes, strict=True)
            )
        if self._signal is not None:
            old = stage.signals.get(self._signal, (Moments(), Moments()))
            new = [
                _binary(rng, n, 0.3 - worse.get("signal", 0.0) * arm, -1.0)
                for arm, n in enumerate(sizes)
            ]
            changes["signals"] = {
                self._signal: tuple(one.merge(two) for one, two in zip(old, new, strict=True))
            }
        evidence = evidence.at(number, msgspec.structs.replace(stage, **changes))
        failures = evidence.failures
        for rows_bet, failed_bet in self._blocks(sizes, failed):
            failures = failures.bet(rows_bet, failed_bet)
        return msgspec.structs.replace(evidence, failures=failures)

    def _blocks(
        self, sizes: tuple[int, int], failed: Sequence[int]
    ) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Deal answers and failures out over blocks of bets, as chance has them fall."""
        count = 1 if self._block_rows is None else max(1, sum(sizes) // self._block_rows)
        even = np.full(count, 1 / count)
        rows = [self._rng.multinomial(one, even) for one in sizes]
        hits = [
            self._rng.multivariate_hypergeometric(of, broke)
            for of, broke in zip(rows, failed, strict=True)
        ]
        for block in range(count):
            yield (
                (int(rows[0][block]), int(rows[1][block])),
                (int(hits[0][block]), int(hits[1][block])),
            )


def looks(
    plan: Rollout,
    rng: np.random.Generator,
    at: Sequence[int],
    *,
    block_rows: int | None = None,
    **worse: float,
) -> Iterator[tuple[int, Look]]:
    """Carry a rollout out; yield the rows seen, and the look, until it ends."""
    traffic = Traffic(plan, rng, block_rows=block_rows, **worse)
    evidence = Evidence.start(plan)
    stage = seen = 0
    for rows in at:
        evidence = traffic.add(evidence, stage, int(rows) - seen)
        seen = int(rows)
        look = judge(plan, evidence, stage=stage, compare="arms")
        yield seen, look
        if look.decision == "advance":
            stage += 1
        elif look.decision != "hold":
            return


def wrong_ends() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how often A/A rollouts go back, and those at the margin are promoted, by rows seen."""
    measures = [Errors(margin=0.01), Signal(signal="paid", margin=0.05)]
    guards = [Latency(quantile=_QUANTILE, margin="5ms")]
    common = {"metric": "error_rate", "require": measures, "guards": guards, "stages": (0.1, 0.5)}
    # A margin that can't be met keeps an A/A rollout going to the end, where it can go wrong longest.
    endless = Rollout(**{**common, "margin": 1e-6})
    rng = np.random.default_rng(1)
    began = time.process_time()
    backs = [_ended(looks(endless, rng, LOOKS), "roll_back") for _ in range(ROLLOUTS)]
    cpu_s = time.process_time() - began
    lenient = [Errors(margin=0.5), Signal(signal="paid", margin=0.9)]
    at_margin = Rollout(**{**common, "stages": (0.5,), "margin": 0.03, "require": lenient})
    rng = np.random.default_rng(2)
    ahead = [_ended(looks(at_margin, rng, LOOKS, quality=0.03), "promote") for _ in range(ROLLOUTS)]
    figures = {
        size: {
            "false_rollbacks": _share(backs, rows),
            "false_promotions": _share(ahead, rows),
        }
        for size, rows in SIZES.items()
    }
    judged = sum(1 for _ in LOOKS) * ROLLOUTS
    return figures, {"judge_us_cpu_per_look": 1e6 * cpu_s / judged}


def planted() -> dict[str, Any]:
    """Return after how many rows a planted loss of quality is found, beside a fixed-horizon test."""
    found: dict[str, Any] = {}
    plan = Rollout(metric="error_rate", margin=0.01, stages=(0.5,))
    for name, effect in EFFECTS.items():
        needed = fixed_horizon(0.2, 0.2 + effect)
        step = max(20, needed // 40)
        at = np.arange(step, 8 * needed, step)
        rng = np.random.default_rng(3)
        ends = [_ended(looks(plan, rng, at, quality=effect), "roll_back") for _ in range(PLANTED)]
        caught = [rows for rows in ends if rows is not None]
        found[name] = {
            "fixed_horizon_rows": needed,
            "median_rows": int(statistics.median(caught)),
            "rows_p90": int(np.quantile(caught, 0.9)),
            "rolled_back": len(caught) / PLANTED,
        }
    return found


def fixed_horizon(one: float, two: float, *, power: float = 0.8) -> int:
    """Return the rows of both arms that a two-sided z-test at 5% needs, looked at once (Fleiss 1981)."""
    z_alpha, z_power = norm.ppf(1 - ALPHA / 2), norm.ppf(power)
    mean = (one + two) / 2
    spread = z_alpha * math.sqrt(2 * mean * (1 - mean))
    spread += z_power * math.sqrt(one * (1 - one) + two * (1 - two))
    return 2 * math.ceil((spread / (two - one)) ** 2)


def failing() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how often a challenger that fails more is rolled back, by us and by the rules of others."""
    plan = Rollout(metric=None, require=[Errors(margin=0.002)], stages=(0.5,))
    ours: dict[str, Any] = {}
    peers: dict[str, dict[str, Any]] = {name: {} for name in RULES}
    for case, rate in FAILING.items():
        rng = np.random.default_rng(4)
        ends = [
            _ended(
                looks(plan, rng, FAILING_LOOKS, block_rows=BLOCK_ROWS, errors=rate - 0.01),
                "roll_back",
            )
            for _ in range(FAILING_ROLLOUTS)
        ]
        ours[case] = _told(ends)
        steps = np.diff(FAILING_LOOKS, prepend=0) // 2
        failed = [rng.binomial(steps, one, (ROLLOUTS, len(steps))) for one in (0.01, rate)]
        for name, rule in RULES.items():
            stops = rule(failed[0], failed[1], steps)
            first = np.where(stops.any(axis=1), FAILING_LOOKS[stops.argmax(axis=1)], 0)
            peers[name][case] = _told([int(rows) or None for rows in first])
    return ours, peers


def _peeked_z(champion: Floats, challenger: Floats, steps: Floats) -> npt.NDArray[np.bool_]:
    rows = np.cumsum(steps)
    one, two = np.cumsum(champion, axis=1) / rows, np.cumsum(challenger, axis=1) / rows
    mean = (one + two) / 2
    return two - one > norm.ppf(1 - ALPHA / 2) * np.sqrt(2 * mean * (1 - mean) / rows + 1e-12)


def _argo(champion: Floats, challenger: Floats, steps: Floats) -> npt.NDArray[np.bool_]:
    """An AnalysisTemplate's `successCondition: result >= 0.95` with `failureLimit: 0`."""
    del champion
    return 1 - challenger / steps < 0.95


def _flagger(champion: Floats, challenger: Floats, steps: Floats) -> npt.NDArray[np.bool_]:
    """`request-success-rate` of at least 99%, with `threshold: 1`: the second failed check aborts."""
    del champion
    return np.cumsum(1 - challenger / steps < 0.99, axis=1) > 1


def _msprt(champion: Floats, challenger: Floats, steps: Floats) -> npt.NDArray[np.bool_]:
    """Johari, Pekelis and Walsh (arXiv 1512.04922): a normal mixture, here with τ = one point."""
    rows = np.cumsum(steps)
    one, two = np.cumsum(champion, axis=1) / rows, np.cumsum(challenger, axis=1) / rows
    noise = np.maximum((one * (1 - one) + two * (1 - two)) / rows, 1e-9)
    tau = 0.01**2
    log = 0.5 * np.log(noise / (noise + tau)) + (two - one) ** 2 * tau / (2 * noise * (noise + tau))
    return (log > math.log(1 / ALPHA)) & (two > one)


RULES = {
    "z-test-at-each-look": _peeked_z,
    "argo-threshold-95": _argo,
    "flagger-threshold-99": _flagger,
    "msprt": _msprt,
}


def _binary(rng: np.random.Generator, rows: int, rate: float, value: float = 1.0) -> Moments:
    return _counted(rows, int(rng.binomial(rows, rate)), value)


def _counted(rows: int, hits: int, value: float = 1.0) -> Moments:
    """Return the moments of `hits` times a value among zeros."""
    if not rows:
        return Moments()
    mean = hits / rows
    return Moments(
        rows=rows,
        mean=value * mean,
        deviations=rows * mean * (1 - mean) * value**2,
        weight=rows,
        squares=rows,
    )


def _durations(rng: np.random.Generator, rows: int) -> Latencies:
    counts = np.array(_EDGES.counts)
    drawn = rng.multinomial(rows, counts / counts.sum()).astype(float)
    return Latencies(
        buckets=_EDGES.buckets, counts=tuple(drawn.tolist()), rows=rows, squares=float(rows)
    )


def _ended(rollout: Iterator[tuple[int, Look]], decision: str) -> int | None:
    """Return after how many rows a rollout ended so; None where it did not."""
    for rows, look in rollout:
        if look.decision == decision:
            return rows
    return None


def _share(ends: Sequence[int | None], by: int) -> float:
    return sum(1 for rows in ends if rows is not None and rows <= by) / len(ends)


def _told(ends: Sequence[int | None]) -> dict[str, Any]:
    caught = [rows for rows in ends if rows is not None]
    return {
        "rolled_back": round(len(caught) / len(ends), 4),
        "median_rows": int(statistics.median(caught)) if caught else None,
    }


def run() -> Result:
    """Simulate."""
    wrong, growth = wrong_ends()
    losses = planted()
    ours, peers = failing()
    worst = max(max(one.values()) for one in wrong.values())
    ratios = {"bar/5%-over-worst-false-end": ALPHA / max(worst, 1 / ROLLOUTS)}
    ratios |= {
        f"fixed-horizon/{name}-rows": one["fixed_horizon_rows"] / one["median_rows"]
        for name, one in losses.items()
    }
    z = peers["z-test-at-each-look"]["equal"]["rolled_back"]
    ratios["z-test/false-rollbacks"] = z / max(ours["equal"]["rolled_back"], 1 / FAILING_ROLLOUTS)
    if ours["one-point"]["median_rows"] and peers["msprt"]["one-point"]["median_rows"]:
        ratios["msprt/one-point-rows"] = (
            peers["msprt"]["one-point"]["median_rows"] / ours["one-point"]["median_rows"]
        )
    return Result(
        name="rollout-errors",
        sizes=[*SIZES, *EFFECTS, *FAILING],
        ours={"wrong_ends": wrong, "planted": losses, "failing": ours},
        peers=peers,
        limit={"bar": {"wrong_ends_at_most": ALPHA}},
        ratios=ratios,
        growth=growth | {name: one["median_rows"] for name, one in losses.items()},
        notes=[
            (
                f"{ROLLOUTS} rollouts per kind of mistake, {len(LOOKS)} looks each, through `judge`: quality, "
                "errors, a signal and a latency quantile share alpha. A false rollback is that of a challenger "
                "that differs in nothing, where no promotion ends the rollout earlier; a false promotion that "
                "of one whose harm in quality is the margin, with the other margins too wide to stop it."
            ),
            (
                "Planted: 0/1 losses of 20% against 20% plus the effect, half of the traffic each, two "
                "metrics. The fixed-horizon test has a two-sided 5% and 80% power and may be looked at once; "
                "a sequence finds nearly all, a fifth of which that test would never find."
            ),
            (
                "Failing: rows of both arms together, looked at every 500. Thresholds know nothing of the "
                "champion: at other rates than 1% they would do quite differently, in either direction."
            ),
            (
                f"Bets on failures are placed on {BLOCK_ROWS} answers there and on all of a look elsewhere; "
                "in production on 50, or a hundredth of those seen."
            ),
            "Rules are written after the tools' documentation, not run by the tools, which ask Prometheus.",
        ],
    )
