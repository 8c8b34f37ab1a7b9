"""A rollout's spec and status, as the reconciler leaves them: through the real evidence and judge."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import msgspec
import numpy as np

from towpath.operate.rollouts import Errors, Latency, Rollout, Signal
from towpath.operate.rollouts.confidence import Moments
from towpath.operate.rollouts.evidence import Evidence
from towpath.operate.rollouts.judging import judge
from towpath.operate.rollouts.latencies import Latencies
from towpath.operate.rollouts.progress import Progress, status_of

PLAN = Rollout(
    metric="log_loss",
    margin=0.01,
    require=[Errors(margin=0.01), Signal(signal="rebooked", margin=0.06, better="lower")],
    guards=[Latency(quantile=0.99, margin="25ms")],
)
LOOKS = 40
ADVANCED_AT, PAUSED = 14, range(22, 28)


def plan_spec() -> dict[str, Any]:
    return msgspec.to_builtins(dataclasses.asdict(PLAN))


def seeded_status(rng: np.random.Generator, *, done: bool, start: datetime) -> dict[str, Any]:
    """Return the status after forty looks: one advance, one pause, and perhaps a promotion."""
    evidence = Evidence.start(PLAN)
    progress = Progress(
        compare="arms",
        stage=0,
        since=start,
        stage_since=start,
        answers=start,
        labels=start,
        evidence=evidence,
    )
    for number in range(LOOKS):
        now = start + timedelta(hours=6 * number)
        evidence = _more(rng, evidence, progress.stage, rows=2500 if number else 12_000)
        is_paused = number in PAUSED
        progress = msgspec.structs.replace(progress, evidence=evidence)
        progress = progress.ticking(now, is_paused=is_paused)
        look = judge(PLAN, evidence, stage=progress.stage, compare="arms")
        last = done and number == LOOKS - 1
        decision = "promote" if last else "advance" if number == ADVANCED_AT else "hold"
        look = msgspec.structs.replace(look, decision=decision)
        progress = progress.noting(look, now)
        if decision == "advance":
            progress = msgspec.structs.replace(progress, stage=1)
    status = status_of(PLAN, progress, look=look)
    if done:
        ended = (start + timedelta(days=10)).isoformat()
        status |= {"outcome": "promoted", "ended": ended, "weight": 1.0}
    return status


def _more(rng: np.random.Generator, evidence: Evidence, number: int, *, rows: int) -> Evidence:
    stage = evidence.stages[number]
    arm = rng.random(rows) < stage.weight
    failed = rng.random(rows) < 0.01

    def split(values: np.ndarray, before: tuple[Moments, Moments]) -> tuple[Moments, Moments]:
        return before[0].merge(Moments.of(values[~arm])), before[1].merge(Moments.of(values[arm]))

    champion, challenger = split(
        np.abs(rng.normal(0.45, 0.25, rows)), (stage.champion, stage.challenger)
    )
    micros = rng.lognormal(9, 0.4, rows)
    ones = np.ones(rows)
    signals = stage.signals.get("rebooked", (Moments(), Moments()))
    stage = msgspec.structs.replace(
        stage,
        champion=champion,
        challenger=challenger,
        failed=split(failed.astype(float), stage.failed),
        latencies=(
            stage.latencies[0].merge(Latencies.of(micros[~arm], ones[~arm])),
            stage.latencies[1].merge(Latencies.of(micros[arm], ones[arm])),
        ),
        signals={"rebooked": split((rng.random(rows) < 0.2).astype(float), signals)},
        answers=stage.answers + rows,
        callers=(stage.callers[0] + int((~arm).sum()), stage.callers[1] + int(arm.sum())),
    )
    evidence = evidence.at(number, stage)
    seen = evidence.failures.observe(arm, failed)
    return msgspec.structs.replace(evidence, failures=seen)
