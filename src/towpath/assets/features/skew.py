"""Whether a transformation gives a row the same answer alone, as when served, as among many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.errors import SchemaViolation

if TYPE_CHECKING:
    import polars as pl

    from towpath.assets.features.on_demand import OnDemand
    from towpath.assets.features.service import FeatureService

_SAMPLED_ROWS = 16


def compute_checked(service: FeatureService, rows: pl.DataFrame) -> pl.DataFrame:
    """Add a service's on-demand features, as `FeatureService.compute` does, and check them for skew.

    Raises:
        SchemaViolation: A transformation's result for a row depends on the other rows.
    """
    for one in service.on_demand:
        rows = add_checked(one, rows)
    return rows


def add_checked(transformation: OnDemand, rows: pl.DataFrame) -> pl.DataFrame:
    """Add a transformation's columns, and check on a sample that each row stands alone.

    Up to 16 rows, spread evenly, are computed one by one as serving would. Floats may differ in their
    last digits, since a column of one may be summed in another order.

    Raises:
        SchemaViolation: A row alone comes out otherwise.
    """
    together = transformation.add_to(rows)
    names = [column.name for column in transformation.returns]
    for place in _sample(rows.height):
        alone = transformation.add_to(rows[place]).select(names)
        among = together[place].select(names)
        for name in names:
            if not _alike(alone[name], among[name]):
                raise SchemaViolation(
                    f"on-demand transformation {transformation.name!r} gives a row another "
                    f"{name!r} alone than among others",
                    remedy="Compute each row from that row only; what needs many rows, such as a "
                    "mean, belongs in a feature view.",
                    column=name,
                )
    return together


def _sample(height: int) -> list[int]:
    step = max(1, height // _SAMPLED_ROWS)
    return list(range(0, height, step))[:_SAMPLED_ROWS]


def _alike(one: pl.Series, other: pl.Series) -> bool:
    if not one.dtype.is_float():
        return one.equals(other, null_equal=True)
    left, right = one.item(), other.item()
    if left is None or right is None or left != left or right != right:  # noqa: PLR0124 - NaN
        return one.equals(other, null_equal=True)
    return left == right or abs(left - right) <= 1e-9 * max(abs(left), abs(right))
