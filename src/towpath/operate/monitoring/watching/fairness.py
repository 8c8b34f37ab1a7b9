"""Judges whether groups fare too differently."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from towpath.assets.models.rates import find_rate
from towpath.core.durations import parse_duration
from towpath.operate.monitoring.findings import Suspect
from towpath.operate.monitoring.kinds.fairness import Fairness
from towpath.operate.monitoring.view import WEIGHT
from towpath.operate.monitoring.watching.proportions import effective, normal_tail
from towpath.operate.monitoring.watching.telling import Checks, too_few

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.models.rates import Rate
    from towpath.operate.monitoring.findings import Finding
    from towpath.operate.monitoring.view import WindowView

Floats: TypeAlias = "npt.NDArray[np.float64]"
Bools: TypeAlias = "npt.NDArray[np.bool_]"


class FairnessWatcher:
    """Judges `Fairness` monitors; see `Watcher`."""

    kind = Fairness.kind
    declaration = Fairness
    needs_reference = False

    def maturity(self, monitor: Fairness, /) -> timedelta:
        """What is waited for labels, where a metric needs them."""
        return parse_duration(monitor.maturity) if monitor.needs_labels else timedelta(0)

    def judge(self, monitor: Fairness, view: WindowView, /) -> Finding:
        """Compare every pair of groups by every metric, each on its own denominator."""
        column = view.input_column(monitor.by)
        wanted = [column, view.output_column]
        if monitor.needs_labels:
            matured = view.window.until + parse_duration(monitor.maturity)
            rows = view.labelled(wanted, matured_by=matured)
            outcome = rows["label"].to_numpy()
        else:
            rows = view.rows(wanted)
            outcome = np.full(len(rows), np.nan)
        answered = rows[view.output_column].is_not_null()
        rows, outcome = rows.filter(answered), outcome[answered.to_numpy()]
        groups = self._groups(monitor, view, rows[column])
        score = rows[view.output_column].cast(pl.Float64).to_numpy()
        weights = rows[WEIGHT].to_numpy()
        checks, compared = Checks(), 0
        for metric in monitor.metrics:
            rate = find_rate(metric)
            measured = [
                one
                for name, mine in groups.items()
                if (
                    one := _measure(name, rate, outcome[mine], score[mine], weights=weights[mine])
                ).rows
                >= monitor.min_rows
            ]
            for one in measured:
                checks.measured[f"{metric}.{one.name}"] = one.value
            if len(measured) > 1:
                compared += 1
                _compare(checks, monitor, rate, measured)
        return (
            checks.finding(view.window, len(rows)) if compared else too_few(view.window, len(rows))
        )

    def _groups(self, monitor: Fairness, view: WindowView, values: pl.Series) -> dict[str, Bools]:
        """Return which rows are in which group, by name: declared ones, else those of the training.

        Without either, levels that the window itself has; the smallest denominator keeps rare ones out.
        """
        text = values.cast(pl.String, strict=False)
        known = (
            view.known_reference.column(monitor.by) if view.known_reference is not None else None
        )
        levels = () if known is None or known.ordered else known.profile.items
        names = list(monitor.groups) or list(levels) or sorted(text.drop_nulls().unique().to_list())
        return {name: (text == name).fill_null(value=False).to_numpy() for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """A group's rate.

    Attributes:
        rows: Its denominator, as many rows of equal weight as say so much.
        value: The rate.
        variance: Of its estimate.
    """

    name: str
    rows: float
    value: float
    variance: float


def _measure(name: str, rate: Rate, outcome: Floats, score: Floats, *, weights: Floats) -> _Group:
    counted = rate.among(outcome, score)
    size = effective(weights[counted])
    if not size:
        return _Group(name=name, rows=0.0, value=math.nan, variance=math.nan)
    values = rate.values(outcome[counted], score[counted])
    mean = float(np.average(values, weights=weights[counted]))
    spread = float(np.average(np.square(values - mean), weights=weights[counted]))
    # A rate of 0 or 1 is not certain: one row more of each kind, as Agresti and Caffo (2000) count.
    most = float(values.max(initial=1.0))
    floor = most**2 * (size + 1) / (size + 2) ** 2
    return _Group(name=name, rows=size, value=mean, variance=max(spread, floor) / size)


def _compare(checks: Checks, monitor: Fairness, rate: Rate, groups: list[_Group]) -> None:
    """Weigh the pair that is the farthest apart, at the price of having looked at all (Bonferroni)."""
    pairs = [(_doubt(monitor, low, high), low, high) for low, high in permutations(groups, 2)]
    p, low, high = min(pairs, key=lambda one: one[0])
    p = min(1.0, p * len(pairs))
    gap = high.value - low.value
    checks.measured[f"{rate.name}.gap"] = gap
    bound = (
        f"a difference of {monitor.max_gap:g} at most"
        if monitor.max_gap is not None
        else f"{monitor.min_ratio:g} of the higher at least"
    )
    suspect = Suspect(
        name=f"{monitor.by} {low.name} against {high.name}",
        statistic=rate.name,
        value=gap if monitor.max_gap is not None else low.value / high.value if high.value else 1.0,
        p=p,
        what=f"{rate.name}, on {low.rows:,.0f} and {high.rows:,.0f} rows",
        before=high.value,
        after=low.value,
    )
    words = (
        f"the {rate.name} of {monitor.by} {low.name} is {low.value:.3g}, that of {high.name} "
        f"{high.value:.3g}; wanted {bound}"
    )
    checks.weigh(rate.name, suspect, words)


def _doubt(monitor: Fairness, low: _Group, high: _Group) -> float:
    """Return the probability of rates so far apart, if they were just within the bound (one-sided z)."""
    if monitor.max_gap is not None:
        away = high.value - low.value - monitor.max_gap
        variance = high.variance + low.variance
    else:
        ratio = monitor.min_ratio or 0.0
        away = ratio * high.value - low.value
        variance = ratio**2 * high.variance + low.variance
    return normal_tail(away / math.sqrt(variance))


__all__ = ["FairnessWatcher"]
