"""Judges the share of rows that are unlike anything in training."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from towpath.operate.monitoring.examples import Example
from towpath.operate.monitoring.findings import Suspect
from towpath.operate.monitoring.kinds.outliers import Outliers
from towpath.operate.monitoring.view import WEIGHT
from towpath.operate.monitoring.watching.proportions import (
    above_reference,
    dispersion_of,
    effective,
)
from towpath.operate.monitoring.watching.telling import Checks, too_few

if TYPE_CHECKING:
    from towpath.operate.monitoring.findings import Finding
    from towpath.operate.monitoring.view import WindowView


class OutliersWatcher:
    """Judges `Outliers` monitors; see `Watcher`."""

    kind = Outliers.kind
    declaration = Outliers
    needs_reference = True

    def maturity(self, _monitor: Outliers, /) -> timedelta:
        """Nothing is waited for."""
        return timedelta(0)

    def judge(self, monitor: Outliers, view: WindowView, /) -> Finding:
        """Score every row, and compare the share beyond the threshold with the training data's."""
        strange = view.reference.outlyingness
        if strange is None:  # too few training rows, or fewer than two inputs that vary
            return too_few(view.window, 0)
        names = {name: view.input_column(name) for name in strange.columns}
        rows = view.rows(["decision_id", "subject", *names.values()])
        if len(rows) < monitor.min_rows:
            return too_few(view.window, len(rows))
        columns = {one.name: one for one in view.reference.columns}
        inputs = rows.rename({column: name for name, column in names.items()})
        scores = strange.scores(columns, inputs)
        weights = rows[WEIGHT].to_numpy()
        far = scores > strange.threshold
        share = float(weights[far].sum() / weights.sum())
        blocks = np.full(len(strange.shares), float(strange.rows))
        hits = np.array(strange.shares) * blocks
        size = effective(weights)
        p = above_reference(
            share * size,
            size,
            known_hits=float(hits.sum()),
            known_rows=float(blocks.sum()),
            dispersion=dispersion_of(hits, blocks),
        )
        before = float(hits.sum() / blocks.sum())
        checks = Checks()
        checks.measured["outliers"] = share
        checks.measured["outliers.in_training"] = before
        count = float(weights[far].sum())
        suspect = Suspect(
            name="outliers",
            statistic="share",
            value=share,
            p=p,
            what=f"share of rows, {count:,.0f} of them",
            before=before,
            after=share,
        )
        words = f"{share:.1%} of the rows are unlike any in training, where {before:.1%} were"
        checks.weigh("outliers", suspect, words)
        farthest = np.argsort(-scores, kind="stable")[: monitor.examples]
        picked = [int(place) for place in farthest if far[place]]
        shown = rows.select("decision_id", "subject")[picked]
        examples = tuple(Example(decision=one, subject=who) for one, who in shown.iter_rows())
        return checks.finding(view.window, len(rows), examples=examples)


__all__ = ["OutliersWatcher"]
