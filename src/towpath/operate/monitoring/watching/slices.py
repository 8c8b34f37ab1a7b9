"""Judges whether there are rows, alike in one or two inputs, on which a model got worse."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from towpath.assets.models.expectation import bins_of
from towpath.assets.models.losses import find_loss
from towpath.assets.models.reference import PREDICTION
from towpath.core.durations import parse_duration
from towpath.operate.monitoring.detector import discoveries, evidence_of
from towpath.operate.monitoring.findings import Finding, Suspect
from towpath.operate.monitoring.kinds.slices import Slices
from towpath.operate.monitoring.view import WEIGHT
from towpath.operate.monitoring.watching.slicing import cut, slices
from towpath.operate.monitoring.watching.telling import too_few

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    import numpy.typing as npt

    from towpath.assets.models.reference import ColumnReference, Reference
    from towpath.operate.monitoring.view import WindowView
    from towpath.operate.monitoring.watching.slicing import Slice

Floats: TypeAlias = "npt.NDArray[np.float64]"

_NAMED = 5


class SlicesWatcher:
    """Judges `Slices` monitors; see `Watcher`."""

    kind = Slices.kind
    declaration = Slices
    needs_reference = True

    def maturity(self, monitor: Slices, /) -> timedelta:
        """What the declaration waits for labels."""
        return parse_duration(monitor.maturity)

    def judge(self, monitor: Slices, view: WindowView, /) -> Finding:
        """Look at every slice of the window's labelled decisions.

        Evidence over windows is the global test that no slice is worse at all (Simes, Biometrika 73
        (1986) 751-754): one stream, however many slices there are.
        """
        columns = [one for one in view.reference.columns if one.name != PREDICTION]
        inputs = {view.input_column(one.name): one.name for one in columns}
        maturity = parse_duration(monitor.maturity)
        rows = view.labelled(
            [view.output_column, *inputs], matured_by=view.window.until + maturity
        ).filter(pl.col(view.output_column).is_not_null())
        if len(rows) < monitor.min_rows:
            return too_few(view.window, len(rows))
        score = rows[view.output_column].cast(pl.Float64).to_numpy()
        losses = find_loss(monitor.metric)(rows["label"].to_numpy(), score)
        values = {name: rows[column] for column, name in inputs.items()}
        beyond, promised = _beyond_promise(view.reference, monitor.metric, values, score, losses)
        weights = rows[WEIGHT].to_numpy()
        cuts = [cut(one, values[one.name]) for one in _chosen(monitor, columns)]
        found = list(
            slices(cuts, beyond, weights, depth=monitor.depth, min_rows=monitor.min_slice_rows)
        )
        if not found:
            return too_few(view.window, len(rows))
        worst = _named(found, monitor.fdr)
        overall = simes([one.p for one in found])
        excess = sum(max(0.0, one.mean - one.elsewhere) * one.rows for one in worst[:1])
        return Finding(
            window=view.window,
            rows=len(rows),
            judged=True,
            evidence={"slices": evidence_of(overall)},
            suspects=tuple(_suspect(one, monitor.metric) for one in worst[:_NAMED]),
            measured={
                "rows": float(len(rows)),
                "slices": float(len(found)),
                "slices.worse": float(len(worst)),
                "p": overall,
                monitor.metric: float(np.average(losses, weights=weights)),
            },
            summary=_summary(worst, monitor.metric, len(found), promised=promised),
            excess=excess if worst else None,
        )


def simes(p_values: list[float]) -> float:
    """Return the p-value that none of these hypotheses is false: min over k of m·p₍ₖ₎/k."""
    ordered = np.sort(np.array(p_values))
    return float(min(1.0, (ordered * len(ordered) / np.arange(1, len(ordered) + 1)).min()))


def _chosen(monitor: Slices, columns: list[ColumnReference]) -> list[ColumnReference]:
    if monitor.features == "all":
        return columns
    return [one for one in columns if one.name in monitor.features]


def _beyond_promise(
    reference: Reference,
    metric: str,
    values: Mapping[str, pl.Series],
    score: Floats,
    losses: Floats,
) -> tuple[Floats, bool]:
    """Return the losses minus what the test led to expect of such rows, and whether that is known.

    Some rows are harder than others, and were so in the test: only what came on top is news.
    """
    tree = None if reference.expectation is None else reference.expectation.loss(metric)
    if tree is None:
        return losses, False
    bins = bins_of(reference.columns, values, PREDICTION, score)
    return losses - tree.means()[tree.leaves(bins)], True


def _named(found: list[Slice], rate: float) -> list[Slice]:
    """Return the slices that stand out, most significant first; pairs that add nothing are left out.

    A pair is worth naming only where it is worse than either of its parts that is named as well.
    """
    p_values = {one.words: one.p for one in found}
    names = discoveries(p_values, rate)
    worse = sorted((one for one in found if one.words in names), key=lambda one: (one.p, one.words))
    single = {one.parts[0]: one.mean for one in worse if len(one.parts) == 1}

    def adds(one: Slice) -> bool:
        own = [single[part] for part in one.parts if part in single]
        return len(one.parts) == 1 or not own or one.mean > max(own) * 1.25

    return [one for one in worse if adds(one)]


def _suspect(one: Slice, metric: str) -> Suspect:
    return Suspect(
        name=one.words,
        statistic=metric,
        value=one.mean - one.elsewhere,
        p=one.p,
        what=f"{metric} in {one.rows:,.0f} decisions, and in all others",
        before=one.elsewhere,
        after=one.mean,
    )


def _summary(worst: list[Slice], metric: str, looked: int, *, promised: bool) -> str:
    if not worst:
        return f"none of {looked} slices stands out"
    first = worst[0]
    than = " beyond what the test promised" if promised else ""
    more = f"; {len(worst) - 1} more slices" if len(worst) > 1 else ""
    return (
        f"{metric} is {first.mean - first.elsewhere:.3g} higher{than} where {first.words} than "
        f"elsewhere, on {first.rows:,.0f} decisions{more}"
    )


__all__ = ["SlicesWatcher", "simes"]
