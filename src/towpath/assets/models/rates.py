"""Rates by group: what share of some rows got an answer, or a right one.

Gates, rollouts and monitors mean the same thing by the same word. A rate has its own denominator (the
true-positive rate is a share of the *positive* rows), which is what a minimum number of rows is about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from towpath.assets.models.losses import LOSSES, find_loss
from towpath.core.errors import NotFound

if TYPE_CHECKING:
    import numpy.typing as npt

Floats: TypeAlias = "npt.NDArray[np.float64]"
Bools: TypeAlias = "npt.NDArray[np.bool_]"
Values: TypeAlias = Callable[[Floats, Floats], Floats]
Among: TypeAlias = Callable[[Floats, Floats], Bools]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The mean of a value over some of the rows.

    Attributes:
        name: What people call it.
        values: From outcome and score to each row's value.
        among: Which rows the mean is taken over: the denominator.
        needs_labels: Whether outcomes matter; where not, they may be NaN.
        definition: In words.
    """

    name: str
    values: Values
    among: Among
    needs_labels: bool
    definition: str


def _every(outcome: Floats, _: Floats) -> Bools:
    return np.ones(len(outcome), dtype=np.bool_)


def _positive(outcome: Floats, _: Floats) -> Bools:
    return outcome > 0.5


def _negative(outcome: Floats, _: Floats) -> Bools:
    return outcome <= 0.5


def _is_selected(_: Floats, score: Floats) -> Bools:
    return score >= 0.5


def _selected(outcome: Floats, score: Floats) -> Floats:
    return _is_selected(outcome, score).astype(np.float64)


def _right(outcome: Floats, score: Floats) -> Floats:
    return 1 - find_loss("error_rate")(outcome, score)


_KNOWN = (
    Rate(
        name="selection_rate", values=_selected, among=_every, needs_labels=False,
        definition="share of rows whose likelier class is positive (from 0.5 up)",
    ),
    Rate(
        name="true_positive_rate", values=_selected, among=_positive, needs_labels=True,
        definition="share of positive rows that were answered positive",
    ),
    Rate(
        name="false_positive_rate", values=_selected, among=_negative, needs_labels=True,
        definition="share of negative rows that were answered positive",
    ),
    Rate(
        name="precision", values=_right, among=_is_selected, needs_labels=True,
        definition="share of rows answered positive that are",
    ),
    Rate(
        name="accuracy", values=_right, among=_every, needs_labels=True,
        definition="share of rows whose likelier class was right",
    ),
)  # fmt: skip
RATES: dict[str, Rate] = {rate.name: rate for rate in _KNOWN}
"""Those that have a denominator or a direction of their own; each per-row loss is a rate besides."""


def find_rate(name: str) -> Rate:
    """Return a rate, or the mean of a per-row loss, by name.

    Raises:
        NotFound: There is none.
    """
    if name in RATES:
        return RATES[name]
    losses = [loss for by_task in LOSSES.values() for loss in by_task]
    if name not in losses:
        raise NotFound.named("rate", name, [*RATES, *losses])
    return Rate(
        name=name,
        values=find_loss(name),
        among=_every,
        needs_labels=True,
        definition=f"mean {name} over all rows",
    )


__all__ = ["RATES", "Rate", "find_rate"]
