"""What differs between two versions, as pages show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.server.resources.diffs import ColumnChange, ColumnShift, DatasetDiff, RowChanges
from towpath.server.views.values import number

if TYPE_CHECKING:
    from towpath.assets.datasets.history.contract import Diff


def diff_of(diff: Diff) -> DatasetDiff:
    """Return a comparison; distances that make no sense are None."""
    rows = diff.rows
    return DatasetDiff(
        before=str(diff.before),
        after=str(diff.after),
        columns=[
            ColumnChange(name=one.name, before=one.before, after=one.after) for one in diff.schema
        ],
        rows=None
        if rows is None
        else RowChanges(
            added=rows.added,
            removed=rows.removed,
            changed=rows.changed,
            unchanged=rows.unchanged,
            columns=dict(rows.columns),
            files_shared=rows.files_shared,
            files_compared=rows.files_compared,
        ),
        shifts=[
            ColumnShift(
                column=one.column,
                js=number(one.js),
                psi=number(one.psi),
                ks=number(one.ks),
                wasserstein_sd=number(one.wasserstein_sd),
                nulls=number(one.nulls),
            )
            for one in diff.shifts
        ],
    )
