"""How near two rows are in a model's own terms, or, where it has none to read, as numbers on one scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

import numpy as np
import polars as pl

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.models import Package
    from towpath.assets.models.explaining import TreeStructure

    Floats = npt.NDArray[np.float64]

_ROWS_AT_ONCE: Final = 1 << 16


class Nearness(Protocol):
    """Compares a row with many."""

    @property
    def by(self) -> Literal["leaves", "distance"]:
        """What is compared."""
        ...

    def to(self, row: pl.DataFrame, rows: pl.DataFrame) -> Floats:
        """Return how near each of many rows is to one, `(n,)`: see `best_first` for which way."""
        ...

    def best_first(self, nearness: Floats) -> npt.NDArray[np.int64]:
        """Return positions, nearest first; of equals the earlier row first."""
        ...


class SharedLeaves:
    """The share of trees in which two rows end in the same leaf.

    Breiman and Cutler's proximity ("Random Forests", manual v4, 2003): the rows that an ensemble can't tell
    apart in most of its trees are those from which its answer comes.
    """

    by: Literal["leaves"] = "leaves"

    def __init__(self, package: Package, structure: TreeStructure) -> None:
        inputs = package.inputs
        self._lay_out = inputs.matrix if package.form == "matrix" else inputs.frame
        self._structure = structure

    def to(self, row: pl.DataFrame, rows: pl.DataFrame) -> Floats:
        """Return the share of shared leaves, 0 to 1. Memory: the leaves of 65,536 rows at a time."""
        mine = self._structure.leaves(self._lay_out(row))
        parts = [
            (self._structure.leaves(self._lay_out(some)) == mine).mean(axis=1)
            for some in rows.iter_slices(_ROWS_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def best_first(self, nearness: Floats) -> npt.NDArray[np.int64]:
        """The largest share first."""
        return np.argsort(-nearness, kind="stable")


class StandardisedDistance:
    """The root of the mean squared difference over columns, each in standard deviations of the rows.

    A text that is another one, and a value that is missing in one of the two, count as one deviation.
    """

    by: Literal["distance"] = "distance"

    def __init__(self, package: Package) -> None:
        self._names = package.inputs.names

    def to(self, row: pl.DataFrame, rows: pl.DataFrame) -> Floats:
        """Return the distances, 0 and up."""
        total = np.zeros(rows.height)
        for name in self._names:
            mine, theirs = row.get_column(name), rows.get_column(name)
            if isinstance(theirs.dtype, pl.String | pl.Categorical | pl.Enum):
                apart = theirs.cast(pl.String).ne_missing(mine.cast(pl.String).item())
                total += apart.cast(pl.Float64).to_numpy()
                continue
            numbers = theirs.cast(pl.Float64).to_numpy()
            value = mine.cast(pl.Float64).fill_null(float("nan")).item()
            spread = np.nanstd(numbers) if np.isfinite(numbers).any() else 0.0
            squares = ((numbers - value) / (spread or 1.0)) ** 2
            unknown = np.isnan(numbers) != np.isnan(value)
            total += np.where(unknown, 1.0, np.nan_to_num(squares))
        return np.sqrt(total / len(self._names))

    def best_first(self, nearness: Floats) -> npt.NDArray[np.int64]:
        """The smallest distance first."""
        return np.argsort(nearness, kind="stable")
