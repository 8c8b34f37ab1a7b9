"""The measures that gates know, each with its definition, direction and denominators.

A measure that is the mean of a per-row loss takes the loss from `towpath.assets.models.losses`, and
one that is a rate from `towpath.assets.models.rates`, so that gates, rollouts and monitors mean the same
thing by the same word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import numpy as np

from towpath.assets.models.losses import LOSSES, PROBABILITY_FLOOR
from towpath.assets.models.rates import find_rate
from towpath.build.gates.bounds import Estimate
from towpath.build.gates.lists import ndcg, recall, relevant_lists
from towpath.build.gates.ranking import average_precision, roc_auc
from towpath.build.gates.within import ALONE, Within
from towpath.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.assets.models import Task
    from towpath.assets.models.losses import Loss
    from towpath.build.gates.bounds import Floats

Better: TypeAlias = Literal["higher", "lower"]
Denominator: TypeAlias = Literal["rows", "positives", "classes", "lists", "scaled"]

_REACH = {"brier": 1.0, "error_rate": 1.0}
_LARGEST = {"log_loss": -float(np.log(PROBABILITY_FLOOR)), **_REACH}
_UNBOUNDED = (0.0, float("inf"))
_AT = re.compile(r"(ndcg|recall)@([1-9][0-9]{0,3})")
_USUAL_PLACES = (5, 10)


class Measure(Protocol):
    """From answers and truth to an estimate."""

    def __call__(self, outcome: Floats, score: Floats, within: Within = ALONE, /) -> Estimate:
        """Measure rows.

        Args:
            outcome: What happened, `(n,) float64`.
            score: The model's answers, `(n,) float64`.
            within: How the rows hang together.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricKind:
    """One measure of how good scores were.

    Attributes:
        name: What people and gates call it.
        tasks: What the scores may mean.
        better: Which direction is good.
        limits: Smallest and largest value it can take.
        denominator: What its mean is taken over: all rows, the positive ones, each class by itself,
            the lists in which anything is relevant, or the rows that have a scale.
        measure: From outcome, score and how the rows hang together to the estimate.
        definition: In words.
    """

    name: str
    tasks: tuple[Task, ...]
    better: Better
    limits: tuple[float, float]
    denominator: Denominator
    measure: Measure
    definition: str

    @property
    def task(self) -> Task:
        """The task that it is mostly for."""
        return self.tasks[0]

    def rows(self, outcome: Floats, within: Within = ALONE) -> int:
        """Return the size of the smallest group that the measure is a mean over."""
        if self.denominator == "lists":
            return relevant_lists(outcome, within)
        if self.denominator in ("rows", "scaled"):
            scaled = within.scale if self.denominator == "scaled" else None
            return outcome.size if scaled is None else int(np.count_nonzero(scaled > 0))
        positives = int(np.count_nonzero(outcome > 0.5))
        return (
            positives
            if self.denominator == "positives"
            else min(positives, outcome.size - positives)
        )


def find_metric(name: str) -> MetricKind:
    """Return the measure of that name; `ndcg@K` and `recall@K` take any K.

    Raises:
        NotFound: There is none; suggests the nearest.
    """
    if name in METRICS:
        return METRICS[name]
    if found := _AT.fullmatch(name):
        return _at(found[1], int(found[2]))
    raise NotFound.named("metric", name, METRICS)


def measure_all(
    task: Task, outcome: Floats, score: Floats, within: Within = ALONE
) -> dict[str, float]:
    """Return every measure of a task that these rows define, by name."""
    return {
        kind.name: kind.measure(outcome, score, within).value
        for kind in METRICS.values()
        if task in kind.tasks and _is_defined(kind, outcome, within)
    }


def _is_defined(kind: MetricKind, outcome: Floats, within: Within) -> bool:
    if kind.denominator == "scaled" and within.scale is None:
        return False
    return kind.rows(outcome, within) > 0


def _mean(loss: Loss, reach: float | None = None) -> Measure:
    """Return the measure that is the mean of a loss."""

    def measure(outcome: Floats, score: Floats, within: Within = ALONE, /) -> Estimate:
        values = loss(outcome, score)
        most = reach if reach is not None else float(np.max(values, initial=0.0))
        parts = (within.batched(values),)
        return Estimate(value=float(values.mean()), parts=parts, reach=most)

    return measure


def _accuracy(outcome: Floats, score: Floats, within: Within = ALONE, /) -> Estimate:
    right = find_rate("accuracy").values(outcome, score)
    return Estimate(value=float(right.mean()), parts=(within.batched(right),), reach=1.0)


def _rmse(outcome: Floats, score: Floats, within: Within = ALONE, /) -> Estimate:
    """Return the root of the mean squared error; contributions by the delta method."""
    squares = LOSSES["regression"]["mse"](outcome, score)
    value = float(np.sqrt(squares.mean()))
    parts = value + (squares - squares.mean()) / (2 * value) if value else squares
    reach = float(np.sqrt(squares.max(initial=0.0)))
    return Estimate(value=value, parts=(within.batched(parts),), reach=reach)


def _r2(outcome: Floats, score: Floats, within: Within = ALONE, /) -> Estimate:
    """Return 1 − (squared error) / (squared distance from the mean); by the delta method.

    Where every outcome is the same there is nothing to explain, and the value is 0.
    """
    squares = np.square(outcome - score)
    around = np.square(outcome - outcome.mean())
    total = float(around.mean())
    if total == 0:
        parts, value = np.zeros_like(squares), 0.0
    else:
        value = 1 - float(squares.mean()) / total
        parts = value - (squares - (1 - value) * around) / total
    reach = float(np.max(np.abs(parts), initial=1.0))
    return Estimate(value=value, parts=(within.batched(parts),), reach=reach)


def _mase(outcome: Floats, score: Floats, within: Within = ALONE, /) -> Estimate:
    """Return the mean of |outcome − score| over the row's scale; rows without a scale don't count."""
    scale = np.ones_like(outcome) if within.scale is None else within.scale
    known = scale > 0
    values = np.abs(outcome[known] - score[known]) / scale[known]
    period = None if within.period is None else within.period[known]
    inner = Within(period=None if period is None else np.unique(period, return_inverse=True)[1])
    most = float(np.max(values, initial=0.0))
    return Estimate(value=float(values.mean()), parts=(inner.batched(values),), reach=most)


def _alone(measure: Callable[[Floats, Floats], Estimate]) -> Measure:
    """Return a measure of rows that stand alone in the form that all have."""
    return lambda outcome, score, _=ALONE, /: measure(outcome, score)


def _at(what: str, k: int) -> MetricKind:
    """Return the measure of the first k rows of each list."""
    ratio = {
        "ndcg": (ndcg, "gain 2^outcome − 1, discounted by log2(place + 1), over the best possible"),
        "recall": (recall, "share of the rows with an outcome above 0"),
    }
    function, definition = ratio[what]
    return MetricKind(
        name=f"{what}@{k}",
        tasks=("ranking",),
        better="higher",
        limits=(0.0, 1.0),
        denominator="lists",
        measure=partial(function, k),
        definition=f"mean over lists of the {definition}, among the first {k}",
    )


_DEFINITIONS = {
    "log_loss": "mean of −ln of the probability given to what happened, clipped at 1e-6 (nats)",
    "brier": "mean squared distance of the probability from 0 or 1",
    "error_rate": "share of rows whose likelier class was wrong (from 0.5 up: positive)",
    "mae": "mean of |outcome − score|",
    "mse": "mean of (outcome − score)²",
}


def _known() -> dict[str, MetricKind]:
    means = [
        MetricKind(
            name=name,
            tasks=tuple(one for one, theirs in LOSSES.items() if name in theirs),
            better="lower",
            limits=(0.0, _LARGEST.get(name, float("inf"))),
            denominator="rows",
            measure=_mean(loss, _REACH.get(name)),
            definition=_DEFINITIONS[name],
        )
        for losses in LOSSES.values()
        for name, loss in losses.items()
    ]
    others = [
        MetricKind(
            name="roc_auc", tasks=("binary", "anomaly"), better="higher", limits=(0.0, 1.0),
            denominator="classes", measure=_alone(roc_auc),
            definition="chance that a positive row scores above a negative one, ties counted half",
        ),
        MetricKind(
            name="average_precision", tasks=("binary", "anomaly"), better="higher",
            limits=(0.0, 1.0), denominator="positives", measure=_alone(average_precision),
            definition="mean, over positive rows, of the precision at their score",
        ),
        MetricKind(
            name="accuracy", tasks=("binary",), better="higher", limits=(0.0, 1.0),
            denominator="rows", measure=_accuracy,
            definition="share of rows whose likelier class was right (from 0.5 up: positive)",
        ),
        MetricKind(
            name="rmse", tasks=("regression", "forecast"), better="lower", limits=_UNBOUNDED,
            denominator="rows", measure=_rmse,
            definition="root of the mean of (outcome − score)²",
        ),
        MetricKind(
            name="r2", tasks=("regression",), better="higher", limits=(float("-inf"), 1.0),
            denominator="rows", measure=_r2,
            definition="1 − the mean of (outcome − score)² over the outcome's variance",
        ),
        MetricKind(
            name="mase", tasks=("forecast",), better="lower", limits=_UNBOUNDED,
            denominator="scaled", measure=_mase,
            definition="mean of |outcome − score| over the same of last season's value in training",
        ),
        *(_at(what, k) for what in ("ndcg", "recall") for k in _USUAL_PLACES),
    ]  # fmt: skip
    return {kind.name: kind for kind in (*others, *means)}


METRICS = _known()
