"""Two searches on top of the seeded home: one that is over, and one after two objectives under way."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from seeded_rows import START

from towpath.build.pipelines.authoring.reporting import PROGRESS
from towpath.build.tuning import Choice, Interval, Objective, SearchSpec
from towpath.build.tuning.identity import describe
from towpath.build.tuning.journal import KIND, PRUNED, tags_of
from towpath.ledger import Metric

if TYPE_CHECKING:
    from seeded_home import SeededHome

_SPACE = {
    "boosting": Choice(values=("gbdt", "dart", "goss")),
    "leaves": Interval(low=15, high=255, whole=True),
    "rate": Interval(low=0.01, high=0.3, log=True),
    "rows": Interval(low=0.4, high=1.0),
}
_STEPS = 24


def seed_searches(home: SeededHome) -> tuple[str, str]:
    """Add them; return the ids of their own runs, the one that is over first."""
    rng = np.random.default_rng(11)
    one = SearchSpec(
        space=_SPACE,
        objectives=(Objective(metric="roc_auc", direction="maximize"),),
        trials=40,
        prune="median",
    )
    several = SearchSpec(
        space=_SPACE,
        objectives=(
            Objective(metric="roc_auc", direction="maximize"),
            Objective(metric="latency_ms", direction="minimize"),
        ),
        trials=60,
        parallel=4,
    )
    return _search(home, rng, one, over=True), _search(home, rng, several, over=False)


def _search(home: SeededHome, rng: np.random.Generator, spec: SearchSpec, *, over: bool) -> str:
    asked = {**describe(spec), "trials": spec.trials, "parallel": spec.parallel, "keep": spec.keep}
    params = {name: msgspec.json.encode(value).decode() for name, value in asked.items()}
    with home.ledger.write() as tx:
        run = tx.runs.start(kind="pipeline", name="tune", project="flights")
        search = tx.runs.start(
            kind=KIND,
            name="search-fit",
            project="flights",
            parent=run.id,
            params=params,
            tags={"search": "5" * 64},
        )
    count = spec.trials if over else spec.trials * 3 // 5
    for number in range(count):
        going = not over and number >= count - spec.parallel
        _trial(home, rng, run.id, number, spec, going=going)
    if over:
        with home.ledger.write() as tx:
            tx.runs.finish(search.id, "finished")
            tx.runs.finish(run.id, "finished")
    return search.id


def _trial(
    home: SeededHome,
    rng: np.random.Generator,
    parent: str,
    number: int,
    spec: SearchSpec,
    *,
    going: bool,
) -> None:
    point = _point(rng, number)
    score, latency = _worth(point, rng)
    pruned = spec.prune is not None and score < 0.722 and number > 4
    failed = number == 7
    steps = _STEPS // 3 if pruned or going else _STEPS
    with home.ledger.write() as tx:
        trial = tx.runs.start(
            kind="step",
            name=f"search-fit/trial-{number}",
            project="flights",
            parent=parent,
            params={name: str(value) for name, value in point.items()},
            tags=tags_of("5" * 64, number, point),
        )
        curve = [
            Metric(
                key=PROGRESS,
                value=score - 0.16 * math.exp(-step / 5) + float(rng.normal(0, 0.0015)),
                step=step,
                at=START + timedelta(seconds=step),
            )
            for step in range(steps)
        ]
        tx.runs.log_metrics(trial.id, curve)
        if going:
            return
        if failed:
            tx.runs.finish(trial.id, "failed", error="step 'fit' failed: MemoryError")
        elif pruned:
            why = f"worse at step {steps - 1} than half of the trials before it"
            tx.runs.finish(trial.id, "killed", error=PRUNED + why)
        else:
            last = {"roc_auc": score, "latency_ms": latency}
            tx.runs.log_metrics(
                trial.id, [Metric(key=key, value=value, at=START) for key, value in last.items()]
            )
            tx.runs.finish(trial.id, "finished")


def _point(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """Propose something, nearer to what is good the later it is."""
    spread = 1.0 / (1.0 + number / 12)
    rate = math.log(0.06) + spread * float(rng.normal(0, 0.9))
    return {
        "boosting": ("gbdt", "dart", "goss")[int(rng.integers(0, 3)) if spread > 0.4 else 0],
        "leaves": int(np.clip(95 + spread * rng.normal(0, 70), 15, 255)),
        "rate": float(np.clip(math.exp(rate), 0.01, 0.3)),
        "rows": float(np.clip(0.8 + spread * rng.normal(0, 0.2), 0.4, 1.0)),
    }


def _worth(point: dict[str, Any], rng: np.random.Generator) -> tuple[float, float]:
    score = 0.742
    score -= 0.012 * (math.log(point["rate"] / 0.06)) ** 2
    score -= 0.00001 * abs(point["leaves"] - 95) ** 1.5
    score -= {"gbdt": 0.0, "dart": 0.006, "goss": 0.014}[point["boosting"]]
    latency = (
        1.4 + point["leaves"] / 60 + {"gbdt": 0.0, "dart": 1.1, "goss": 0.2}[point["boosting"]]
    )
    return score + float(rng.normal(0, 0.002)), latency + float(rng.normal(0, 0.08))
