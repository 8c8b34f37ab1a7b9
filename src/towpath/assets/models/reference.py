"""What a model was trained and tested on, small enough to keep and compare live traffic with.

A reference holds no rows and no extremes: per column the counts of the training rows on fixed bins,
per day of training the same counts (so that a monitor knows how much a quiet day wobbles), and per
day of the test the mean of each loss (so that it knows what quality was promised).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import Task

    Counts = npt.NDArray[np.int64]

PREDICTION = "prediction"
"""The name under which the model's own output is watched beside its inputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnReference:
    """The distribution of one column, on bins that never change.

    Attributes:
        name: The column, or `prediction`.
        kind: `number` bins on `edges`; `category` counts `levels`.
        edges: Ascending upper bounds, inclusive, of all number bins but the last, which is open.
        levels: The levels that have a bin of their own; every other value shares one.
        blocks: One row of counts per block, oldest first. A block is a day of event time, or an equal
            slice of the rows when there was no time column. The last bin counts missing values.
    """

    name: str
    kind: Literal["number", "category"]
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    blocks: tuple[tuple[int, ...], ...]

    def count(self, values: pl.Series) -> Counts:
        """Count live values on the bins, in one pass; `(bins,) int64`, the last for missing ones."""
        ...

    def matrix(self) -> Counts:
        """Return the counts as `(blocks, bins) int64`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LossReference:
    """What one loss was on the test rows, by block."""

    name: str
    rows: tuple[int, ...]
    means: tuple[float, ...]
    variances: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What monitors compare a model's live traffic with.

    Attributes:
        columns: The model's inputs and, last, its `prediction` where scores were given.
        losses: Each loss that fits the task, where outcomes were given.
        rows: Training rows that were counted.
        days: Whether blocks are days of event time.
    """

    format: int = 1
    columns: tuple[ColumnReference, ...]
    losses: tuple[LossReference, ...] = ()
    rows: int
    days: bool

    def column(self, name: str) -> ColumnReference | None:
        """Return the reference of a column, or None."""
        ...

    def loss(self, name: str) -> LossReference | None:
        """Return the reference of a loss, or None."""
        ...

    def encode(self) -> bytes:
        """Return the canonical JSON that `decode` reads."""
        ...

    @classmethod
    def decode(cls, data: bytes) -> Reference:
        """Read what `encode` wrote.

        Raises:
            IntegrityError: The bytes are not a reference, or of a format this program doesn't know.
        """
        ...


def build_reference(
    frame: pl.DataFrame,
    *,
    columns: Sequence[str],
    time: str | None = None,
    scores: pl.DataFrame | None = None,
    task: Task = "binary",
) -> Reference:
    """Count the training rows and, if given, the scored test rows.

    Args:
        frame: Training rows. Other columns than `columns` and `time` are not looked at.
        columns: The model's inputs, in the signature's order.
        time: The column of `frame` with event time (`datetime[us, UTC]`), if it has one.
        scores: Test rows as columns `score` and, where known, `outcome` (number; 0 or 1 for a binary
            task) and `time` (event time).
        task: Decides which losses are kept.
    """
    ...


__all__ = ["PREDICTION", "ColumnReference", "LossReference", "Reference", "build_reference"]
