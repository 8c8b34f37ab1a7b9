"""How many rows repeat another one in everything but the key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from towpath.assets.datasets.profiles.drawing import lots

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from numpy.typing import NDArray

KEPT = 1_024
_ROUND = ~((1 << 32) - 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Repeats:
    """The contents of some drawn rows, as hashes, and how many rows share each.

    A content is kept if its hash is below a bound, so all rows that share it are, or none
    (Gibbons, "Distinct sampling", VLDB 2001): the share of repeats among those kept is that of the
    table, whatever the bound. Counts add up over pieces, and can be taken out again.

    Attributes:
        columns: The columns that make the content; all but the key.
        bound: Hashes below this are kept.
        hashes: `(n,) uint64`, ascending.
        counts: `(n,) int64`, above 0.
    """

    columns: tuple[str, ...]
    bound: int
    hashes: NDArray[np.uint64]
    counts: NDArray[np.int64]

    @property
    def share(self) -> float | None:
        """The estimated share of the rows that could go without losing a content; None of no rows."""
        rows = int(self.counts.sum())
        return None if rows == 0 else (rows - self.hashes.size) / rows

    def recount(self, drawn: pl.DataFrame) -> Repeats:
        """Count other drawn rows under the same bound."""
        found = lots(drawn, self.columns)
        hashes, counts = np.unique(found[found < np.uint64(self.bound)], return_counts=True)
        return Repeats(
            columns=self.columns,
            bound=self.bound,
            hashes=hashes,
            counts=counts.astype(np.int64),
        )

    def merge(self, other: Repeats) -> Repeats:
        """Return the counts of both sets of rows together."""
        return self._combined(other, 1)

    def without(self, other: Repeats) -> Repeats:
        """Return the counts of these rows but for `other`'s, which are among them."""
        return self._combined(other, -1)

    def has_bins_of(self, other: Repeats) -> bool:
        """Tell whether both keep the same contents."""
        return self.columns == other.columns and self.bound == other.bound

    def _combined(self, other: Repeats, sign: int) -> Repeats:
        hashes, places = np.unique(np.concatenate([self.hashes, other.hashes]), return_inverse=True)
        counts = np.bincount(
            places,
            weights=np.concatenate([self.counts, sign * other.counts]),
            minlength=hashes.size,
        ).astype(np.int64)
        left = counts > 0
        return Repeats(
            columns=self.columns, bound=self.bound, hashes=hashes[left], counts=counts[left]
        )


def choose_repeats(drawn: pl.DataFrame, columns: Sequence[str]) -> Repeats | None:
    """Choose the bound that keeps some 1,024 contents of the drawn rows, and count them."""
    if not columns:
        return None
    found = np.unique(lots(drawn, columns))
    # Rounded, so that the bound is no content's own hash.
    bound = int(found[KEPT]) & _ROUND if found.size > KEPT else (1 << 64) - 1
    empty = Repeats(
        columns=tuple(columns),
        bound=bound,
        hashes=np.empty(0, dtype=np.uint64),
        counts=np.empty(0, dtype=np.int64),
    )
    return empty.recount(drawn)
