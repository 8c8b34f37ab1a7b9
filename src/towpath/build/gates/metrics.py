"""The measures that gates know, each with its definition, direction and denominators.

A measure that is the mean of a per-row loss takes the loss from `towpath.assets.models.losses`, so
that gates, rollouts and monitors mean the same thing by the same word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from towpath.assets.models.losses import LOSSES, PROBABILITY_FLOOR
from towpath.build.gates.bounds import Estimate
from towpath.build.gates.ranking import average_precision, roc_auc
from towpath.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.assets.models import Task
    from towpath.assets.models.losses import Loss
    from towpath.build.gates.bounds import Floats

Better: TypeAlias = Literal["higher", "lower"]
Measure: TypeAlias = "Callable[[Floats, Floats], Estimate]"
Denominator: TypeAlias = Literal["rows", "positives", "classes"]

_REACH = {"brier": 1.0, "error_rate": 1.0}
_LARGEST = {"log_loss": -float(np.log(PROBABILITY_FLOOR)), **_REACH}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricKind:
    """One measure of how good scores were.

    Attributes:
        name: What people and gates call it.
        task: What the scores must mean.
        better: Which direction is good.
        limits: Smallest and largest value it can take.
        denominator: What its mean is taken over: all rows, the positive ones, or each class by itself.
        measure: From `(outcome, score)`, each `(n,) float64`, to the estimate.
        definition: In words.
    """

    name: str
    task: Task
    better: Better
    limits: tuple[float, float]
    denominator: Denominator
    measure: Measure
    definition: str

    def rows(self, outcome: Floats) -> int:
        """Return the size of the smallest group that the measure is a mean over."""
        if self.denominator == "rows":
            return outcome.size
        positives = int(np.count_nonzero(outcome > 0.5))
        return (
            positives
            if self.denominator == "positives"
            else min(positives, outcome.size - positives)
        )


def find_metric(name: str) -> MetricKind:
    """Return the measure of that name.

    Raises:
        NotFound: There is none; suggests the nearest.
    """
    if name not in METRICS:
        raise NotFound.named("metric", name, METRICS)
    return METRICS[name]


def measure_all(task: Task, outcome: Floats, score: Floats) -> dict[str, float]:
    """Return every measure of a task that these rows define, by name."""
    return {
        kind.name: kind.measure(outcome, score).value
        for kind in METRICS.values()
        if kind.task == task and kind.rows(outcome) > 0
    }


def _mean(loss: Loss, reach: float | None = None) -> Measure:
    """Return the measure that is the mean of a loss."""

    def measure(outcome: Floats, score: Floats) -> Estimate:
        values = loss(outcome, score)
        most = reach if reach is not None else float(np.max(values, initial=0.0))
        return Estimate(value=float(values.mean()), parts=(values,), reach=most)

    return measure


def _accuracy(outcome: Floats, score: Floats) -> Estimate:
    right = 1 - LOSSES["binary"]["error_rate"](outcome, score)
    return Estimate(value=float(right.mean()), parts=(right,), reach=1.0)


def _rmse(outcome: Floats, score: Floats) -> Estimate:
    """Return the root of the mean squared error; contributions by the delta method."""
    squares = LOSSES["regression"]["mse"](outcome, score)
    value = float(np.sqrt(squares.mean()))
    parts = value + (squares - squares.mean()) / (2 * value) if value else squares
    return Estimate(value=value, parts=(parts,), reach=float(np.sqrt(squares.max(initial=0.0))))


_DEFINITIONS = {
    "log_loss": "mean of −ln of the probability given to what happened, clipped at 1e-6 (nats)",
    "brier": "mean squared distance of the probability from 0 or 1",
    "error_rate": "share of rows whose likelier class was wrong (from 0.5 up: positive)",
    "mae": "mean of |outcome − score|",
    "mse": "mean of (outcome − score)²",
}
_UNBOUNDED = (0.0, float("inf"))


def _known() -> dict[str, MetricKind]:
    means = [
        MetricKind(
            name=name,
            task=task,
            better="lower",
            limits=(0.0, _LARGEST.get(name, float("inf"))),
            denominator="rows",
            measure=_mean(loss, _REACH.get(name)),
            definition=_DEFINITIONS[name],
        )
        for task, losses in LOSSES.items()
        for name, loss in losses.items()
    ]
    others = [
        MetricKind(
            name="roc_auc", task="binary", better="higher", limits=(0.0, 1.0),
            denominator="classes", measure=roc_auc,
            definition="chance that a positive row scores above a negative one, ties counted half",
        ),
        MetricKind(
            name="average_precision", task="binary", better="higher", limits=(0.0, 1.0),
            denominator="positives", measure=average_precision,
            definition="mean, over positive rows, of the precision at their score",
        ),
        MetricKind(
            name="accuracy", task="binary", better="higher", limits=(0.0, 1.0),
            denominator="rows", measure=_accuracy,
            definition="share of rows whose likelier class was right (from 0.5 up: positive)",
        ),
        MetricKind(
            name="rmse", task="regression", better="lower", limits=_UNBOUNDED,
            denominator="rows", measure=_rmse,
            definition="root of the mean of (outcome − score)²",
        ),
    ]  # fmt: skip
    return {kind.name: kind for kind in (*others, *means)}


METRICS = _known()
