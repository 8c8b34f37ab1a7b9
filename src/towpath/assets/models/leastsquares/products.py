"""Sums of products without any rounding, at the speed of matrix multiplication.

Every number is cut into slices of 20 bits on one fixed grid, the same for all numbers there are. A product of
two slices has 40 bits, and 8,192 of them add up within the 53 bits that a double holds exactly: so the
product of two matrices of slices is exact in floating point, in whatever order and with whatever fused
operations a BLAS carries it out. What the slices give is put together in Python's integers, which have no
end. The sum of the same rows is therefore the same number in any order, and taking rows out again leaves
exactly what the others give: floating-point sums have neither property.

Source: K. Ozaki, T. Ogita, S. Oishi, S. M. Rump, "Error-free transformations of matrix multiplication by
using fast routines of matrix multiplication", Numerical Algorithms 59 (2012); here with a fixed grid, so
that blocks and shards of rows can be added up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

_SLICE_BITS = 20
_LARGEST_BITS = 1_000  # below a double's largest exponent, where multiplying is quicker than ldexp
BLOCK_ROWS = 8_192
"""2 × 20 bits of a product and 13 bits of its sum fill a double's 53."""


@dataclass(frozen=True, slots=True)
class ExactMatrix:
    """A symmetric matrix of numbers `cells[i][j] · 2**exponent`, each exact.

    In lowest terms: some cell is odd, or all are 0 and the exponent is 0. So equal matrices are equal objects.
    """

    cells: tuple[tuple[int, ...], ...]
    exponent: int

    @classmethod
    def of(cls, cells: list[list[int]], exponent: int) -> Self:
        """Bring a matrix to lowest terms."""
        together = 0
        for row in cells:
            for cell in row:
                together |= cell if cell >= 0 else -cell
        if together == 0:
            return cls(tuple(tuple(row) for row in cells), 0)
        shift = (together & -together).bit_length() - 1
        return cls(tuple(tuple(cell >> shift for cell in row) for row in cells), exponent + shift)

    def combined(self, other: ExactMatrix, *, sign: int) -> ExactMatrix:
        """Return this plus `sign` times the other; both are of one size."""
        low = min(self.exponent, other.exponent)
        mine, theirs = self.exponent - low, other.exponent - low
        return ExactMatrix.of(
            [
                [(one << mine) + sign * (two << theirs) for one, two in zip(a, b, strict=True)]
                for a, b in zip(self.cells, other.cells, strict=True)
            ],
            low,
        )

    def placed(self, places: list[int], size: int) -> ExactMatrix:
        """Return a matrix of another size, in which row and column `i` are at `places[i]`; -1 drops them."""
        cells = [[0] * size for _ in range(size)]
        for row, to in zip(self.cells, places, strict=True):
            for cell, at in zip(row, places, strict=True):
                if to >= 0 and at >= 0:
                    cells[to][at] = cell
        return ExactMatrix.of(cells, self.exponent)


def gram(blocks: Iterator[npt.NDArray[np.float64]], width: int) -> ExactMatrix:
    """Return the exact sum of `block.T @ block`.

    Args:
        blocks: `(at most BLOCK_ROWS, width)` each, finite.
        width: How many columns they have.

    Cost: for numbers of a common range some four slices, so ten small matrix products for the one of
    floating point; a column whose numbers span 300 decimal places has fifty slices and pays for it.
    """
    totals: dict[int, npt.NDArray[np.object_]] = {}
    for block in blocks:
        slices = list(_sliced(block))
        if not slices:
            continue
        side_by_side = np.hstack([part for _, part in slices])
        products = (side_by_side.T @ side_by_side).astype(np.int64)  # exact: all below 2**53
        for row, (grade, _) in enumerate(slices):
            for column, (other, _) in enumerate(slices):
                product = products[row * width :, column * width :][:width, :width].astype(object)
                known = totals.get(grade + other)
                totals[grade + other] = product if known is None else known + product
    if not totals:
        return ExactMatrix.of([[0] * width for _ in range(width)], 0)
    low = min(totals)
    whole = sum(
        (np.left_shift(total, _SLICE_BITS * (key - low)) for key, total in sorted(totals.items())),
        start=np.zeros((width, width), dtype=object),
    )
    return ExactMatrix.of([[int(cell) for cell in row] for row in whole], _SLICE_BITS * low)


def _sliced(
    block: npt.NDArray[np.float64],
) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
    """Yield the slices that are not all 0: number `s` times `2**(20 s)`, whole numbers below 2**20."""
    left = block.copy()
    largest = float(np.abs(left).max(initial=0.0))
    grade = (int(np.frexp(largest)[1]) - 1) // _SLICE_BITS
    while left.any():
        part = np.trunc(_scaled(left, -_SLICE_BITS * grade))
        if part.any():
            yield grade, part
            left -= _scaled(part, _SLICE_BITS * grade)  # exact: it only takes leading bits away
        grade -= 1


def _scaled(matrix: npt.NDArray[np.float64], bits: int) -> npt.NDArray[np.float64]:
    """Return a matrix times a power of two; times one that no double holds only where there must be."""
    return matrix * 2.0**bits if abs(bits) < _LARGEST_BITS else np.ldexp(matrix, bits)
