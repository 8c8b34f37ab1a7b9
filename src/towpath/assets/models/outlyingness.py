"""How strange a whole row is, all inputs taken together, against what a model was trained on.

The score is a robust Mahalanobis distance: each input as a number (a rare level is far from a frequent
one by how rare it is), minus the middle of the training rows, scaled by their covariance; both are
those of the half of the rows that lie closest together, so that a few strange training rows don't hide
the next ones. From P. Rousseeuw and K. Van Driessen, "A fast algorithm for the minimum covariance
determinant estimator", Technometrics 41 (1999) 212-223, by scikit-learn's `MinCovDet`.

Only means, covariances and quantiles are kept, never a row; the threshold is the training rows' own 99%
quantile, so nothing needs to be normally distributed for it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from towpath.assets.models.columns import ColumnReference

Floats: TypeAlias = "npt.NDArray[np.float64]"
Ints: TypeAlias = "npt.NDArray[np.int64]"

SHARE = 0.01
"""The share of training rows that are outliers by definition."""

_STARTING_ROWS = 500
_STEPS = 5
_LEAST_ROWS = 200
_MOST_ROWS = 50_000
_BLOCKS = 30
_MIN_BLOCK_ROWS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlyingness:
    """What it takes to score rows.

    Attributes:
        columns: The inputs that count, in order.
        levels: For each input, a number per group of a category's levels; empty for numbers.
        missing: What stands for a missing value of each input.
        center: `(d,)`, and `precision`, `(d, d)`: of the robust covariance.
        threshold: Squared distance that one training row in a hundred exceeded.
        shares: Share of outliers in each block of the training rows, in their order: how much it wobbles.
        rows: Training rows of a block.
    """

    columns: tuple[str, ...]
    levels: tuple[tuple[float, ...], ...]
    missing: tuple[float, ...]
    center: tuple[float, ...]
    precision: tuple[tuple[float, ...], ...]
    threshold: float
    shares: tuple[float, ...]
    rows: int

    def scores(self, columns: Mapping[str, ColumnReference], rows: pl.DataFrame) -> Floats:
        """Return the squared robust distance of each row, `(n,) float64`.

        Args:
            columns: The reference's columns by name: they know the levels.
            rows: The inputs, by their names.
        """
        parts = [
            _numbers(columns[name], rows[name], levels, missing)
            for name, levels, missing in zip(self.columns, self.levels, self.missing, strict=True)
        ]
        away = np.column_stack(parts) - np.array(self.center)
        return _squared(away, np.array(self.precision))


def learn_outlyingness(
    columns: Sequence[ColumnReference], frame: pl.DataFrame, *, prediction: str
) -> Outlyingness | None:
    """Learn from training rows; None where they, or the inputs that vary, are too few.

    Args:
        columns: The reference's columns; that of the prediction is left out.
        frame: The training rows, in the order of their time where they have one.
        prediction: Name of the prediction's column.
    """
    if len(frame) < _LEAST_ROWS:
        return None
    frame = frame.gather_every(-(-len(frame) // _MOST_ROWS))
    used: list[ColumnReference] = []
    levels: list[tuple[float, ...]] = []
    missing: list[float] = []
    parts: list[Floats] = []
    for column in columns:
        if column.name == prediction or column.name not in frame.columns:
            continue
        surprises = _surprises(column)
        known = _numbers(column, frame[column.name], surprises, float("nan"))
        if np.isnan(known).all():
            continue
        middle = float(np.nanmedian(known))
        values = np.where(np.isnan(known), middle, known)
        if np.quantile(values, 0.05) == np.quantile(values, 0.95):
            continue  # mostly one value: the closest half of the rows would have no spread at all
        used.append(column)
        levels.append(surprises)
        missing.append(middle)
        parts.append(values)
    if len(used) < 2:
        return None
    table = np.column_stack(parts)
    center, precision = _robust(table)
    bare = Outlyingness(
        columns=tuple(one.name for one in used),
        levels=tuple(levels),
        missing=tuple(missing),
        center=tuple(center.tolist()),
        precision=tuple(map(tuple, precision.tolist())),
        threshold=0.0,
        shares=(),
        rows=0,
    )
    away = table - center
    scores = _squared(away, precision)
    threshold = float(np.quantile(scores, 1 - SHARE))
    blocks = max(1, min(_BLOCKS, len(scores) // _MIN_BLOCK_ROWS))
    far = np.array_split(scores > threshold, blocks)
    return Outlyingness(
        columns=bare.columns,
        levels=bare.levels,
        missing=bare.missing,
        center=bare.center,
        precision=bare.precision,
        threshold=threshold,
        shares=tuple(float(one.mean()) for one in far),
        rows=len(scores) // blocks,
    )


def _robust(table: Floats) -> tuple[Floats, Floats]:
    """Return the middle and the inverse covariance of the half of the rows that lie closest together.

    `MinCovDet` on 500 rows finds where that half is, in hundredths of a second; the algorithm's own
    concentration steps (theorem 1 of the paper) on all rows then find it exactly enough.
    """
    from sklearn.covariance import MinCovDet  # noqa: PLC0415 - a gateway never needs it

    rng = np.random.default_rng(0)
    scale = table.std(axis=0)
    scale[scale == 0] = 1.0
    # A thousandth of each spread keeps columns that follow from others from making it singular.
    noisy = table / scale + rng.normal(0, 1e-3, table.shape)
    start = noisy[np.sort(rng.permutation(len(noisy))[: max(_STARTING_ROWS, 5 * table.shape[1])])]
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # it says where it stopped early; the steps go on from there
        found = MinCovDet(random_state=0).fit(start)
    center, precision = found.location_, np.linalg.pinv(found.covariance_)
    half = len(noisy) // 2 + 1
    for _ in range(_STEPS):
        away = noisy - center
        near = np.argpartition(_squared(away, precision), half - 1)[:half]
        center = noisy[near].mean(axis=0)
        precision = np.linalg.pinv(np.atleast_2d(np.cov(noisy[near], rowvar=False)))
    return center * scale, precision / np.outer(scale, scale)


def _squared(away: Floats, precision: Floats) -> Floats:
    """Return the squared distance of each row from the middle."""
    return ((away @ precision) * away).sum(axis=1)


def _surprises(column: ColumnReference) -> tuple[float, ...]:
    """Return −ln of the share of each group of levels; nothing for numbers."""
    if column.ordered:
        return ()
    counts = column.blocks.sum(axis=0)[:-1] + 0.5
    return tuple((-np.log(counts / counts.sum())).tolist())


def _numbers(
    column: ColumnReference, values: pl.Series, levels: tuple[float, ...], missing: float
) -> Floats:
    """Return a column as numbers, `missing` where there is none."""
    if not levels:
        physical = values.to_physical() if values.dtype.is_temporal() else values
        floats = physical.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
        return np.where(np.isfinite(floats), floats, missing)
    return np.array([*levels, missing])[column.group_of(values)]


__all__ = ["SHARE", "Outlyingness", "learn_outlyingness"]
