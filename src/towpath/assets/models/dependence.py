"""How columns go together, apart from how each is spread: correlations of normal scores.

Each value is replaced by the score that its rank among the training rows would have in a normal
distribution (van der Waerden 1952), so a change of one column alone changes nothing here, and no value
can be read off. What is kept are sums over rows, which add up exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from towpath.assets.models.columns import group_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import polars as pl

    from towpath.assets.datasets.profiles import ColumnProfile
    from towpath.assets.models.blocks import Blocks
    from towpath.assets.models.columns import ColumnReference

    Floats: TypeAlias = "npt.NDArray[np.float64]"

COLUMNS_MOST = 32
_LEAST_BLOCK_ROWS = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """Sums over rows of normal scores `z`. Those of two sets of rows add up to those of both.

    Attributes:
        rows: Σ w: how many rows they stand for.
        drawn: How many were looked at: what sampling noise goes by.
        first: `(d,) float64`, Σ w z.
        second: `(d, d) float64`, Σ w z zᵀ.
    """

    rows: float
    drawn: float
    first: Floats
    second: Floats

    def merge(self, other: Moments) -> Moments:
        """Return the sums over both sets of rows."""
        return Moments(
            rows=self.rows + other.rows,
            drawn=self.drawn + other.drawn,
            first=self.first + other.first,
            second=self.second + other.second,
        )

    def correlations(self) -> Floats:
        """Return the `(d, d)` matrix of correlations; 0 where a column does not vary."""
        mean = self.first / max(self.rows, 1.0)
        covariance = self.second / max(self.rows, 1.0) - np.outer(mean, mean)
        sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        scale = np.where(sd > 1e-9, sd, np.inf)
        found = covariance / np.outer(scale, scale)
        np.fill_diagonal(found, 1.0)
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dependence:
    """The training rows' moments, block by block.

    Attributes:
        names: The columns, up to 32 that vary.
        blocks: One for each whole day (or slice, without time) of fifty rows or more, oldest first.
    """

    names: tuple[str, ...]
    blocks: tuple[Moments, ...]

    def moments(
        self, columns: Sequence[ColumnProfile], rows: pl.DataFrame, weights: Floats
    ) -> Moments:
        """Sum up over other rows; `rows` has the columns of `names`, as `columns` count them."""
        return _moments(scores_of(columns, rows, self.names), weights)


def learn_dependence(
    columns: Sequence[ColumnReference], rows: pl.DataFrame, blocks: Blocks
) -> Dependence | None:
    """Sum up over each day of the training rows; None where fewer than two columns vary."""
    names = tuple(one.name for one in columns if np.count_nonzero(one.blocks.sum(axis=0)[:-1]) > 1)[
        :COLUMNS_MOST
    ]
    if len(names) < 2:
        return None
    scores = scores_of([one.profile for one in columns], rows, names)
    starts = np.array(blocks.calendar.starts, dtype=np.int64)
    unit = starts // 24 if len(starts) else np.arange(blocks.count)
    of_row = np.where(blocks.of_row >= 0, unit[blocks.of_row], -1)
    found = [scores[of_row == one] for one in np.unique(unit)]
    return Dependence(
        names=names,
        blocks=tuple(_moments(one) for one in found if len(one) >= _LEAST_BLOCK_ROWS),
    )


def scores_of(columns: Sequence[ColumnProfile], rows: pl.DataFrame, names: Sequence[str]) -> Floats:
    """Return `(rows, names) float64`: the normal score of each value's group, 0 where missing."""
    from scipy.special import ndtri  # noqa: PLC0415 - most commands compute nothing, and start sooner

    by_name = {one.name: one for one in columns}
    found = np.zeros((rows.height, len(names)))
    for place, name in enumerate(names):
        profile = by_name[name]
        counts = np.add.reduceat(profile.counts, profile.groups)
        ranks = (np.cumsum(counts) - counts / 2) / max(1, counts.sum())
        scores = np.append(ndtri(np.clip(ranks, 1e-4, 1 - 1e-4)), 0.0)
        found[:, place] = scores[group_of(profile, rows.get_column(name))]
    return found


def _moments(scores: Floats, weights: Floats | None = None) -> Moments:
    weighed = scores if weights is None else scores * weights[:, None]
    return Moments(
        rows=float(len(scores) if weights is None else weights.sum()),
        drawn=float(len(scores)),
        first=weighed.sum(axis=0),
        second=scores.T @ weighed,
    )
