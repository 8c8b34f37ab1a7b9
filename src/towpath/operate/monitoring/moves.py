"""What moved in a column, in words and in the column's own unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from towpath.assets.datasets.profiles import ColumnProfile

_QUANTILES = {"median": 0.5, "10th percentile": 0.1, "90th percentile": 0.9}
_NAMED_SHARE = 0.01  # a level that one row in a hundred shares is nobody's own
_SAYS_MORE = 2.0  # a tail must have moved that much more than the median to be named instead


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The quantity of a column that moved the most.

    Attributes:
        what: `median`, `share missing`, `share of 'JFK'`.
        before: What it was over the training rows.
        after: What it is in the window.
    """

    what: str
    before: float
    after: float


def describe_move(
    reference: ColumnProfile, current: ColumnProfile, *, personal: bool = False
) -> Move | None:
    """Say what moved the most; None where either side has no rows.

    Args:
        reference: The training rows' counts.
        current: The window's, on the same bins.
        personal: Whether the column's levels name people, so that they are told by rank alone.
    """
    if not reference.rows or not current.rows:
        return None
    missing = Move(
        what="share missing",
        before=reference.nulls / reference.rows,
        after=current.nulls / current.rows,
    )
    if not reference.count or not current.count:
        return missing
    p, q = reference.counts / reference.count, current.counts / current.count
    moved = float(np.abs(np.cumsum(p - q)).max() if reference.edges.size else np.abs(p - q).max())
    if abs(missing.after - missing.before) > moved:
        return missing
    if reference.kind == "category":
        return _share(reference, current, personal=personal)
    return _quantile(reference, current)


def _share(reference: ColumnProfile, current: ColumnProfile, *, personal: bool) -> Move:
    p, q = reference.counts / reference.count, current.counts / current.count
    place = int(np.abs(p - q).argmax())
    if place == len(reference.items):
        what = "share of levels that training hardly saw"
    elif personal or p[place] < _NAMED_SHARE:
        what = f"share of the {place + 1}. most frequent level"
    else:
        what = f"share of {reference.items[place]!r}"
    return Move(what=what, before=float(p[place]), after=float(q[place]))


def _quantile(reference: ColumnProfile, current: ColumnProfile) -> Move | None:
    found = [
        Move(what=what, before=before, after=after)
        for what, share in _QUANTILES.items()
        if (before := reference.quantile(share)) is not None
        and (after := current.quantile(share)) is not None
    ]
    if not found:
        return None
    away = [abs(one.after - one.before) for one in found]
    tail = 1 + int(np.argmax(away[1:]))
    return found[tail] if away[tail] > _SAYS_MORE * away[0] else found[0]
