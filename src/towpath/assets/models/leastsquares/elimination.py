"""Linear systems of whole numbers, solved without rounding."""

from __future__ import annotations

from fractions import Fraction


def solve(system: list[list[int]], right: list[int]) -> list[Fraction]:
    """Solve a symmetric positive semidefinite system exactly.

    Where a row depends on the ones before it, its unknown is 0 (the rule of R's `lm`): so columns that say
    the same, such as all the levels of a category beside an intercept, need no care, and there is one
    answer. Elimination is free of fractions: every division below comes out even, and numbers stay as
    small as the minors that they are.

    Cost: a third of the cube of the size, in products of long integers; see the ADR for seconds.

    Source: E. H. Bareiss, "Sylvester's identity and multistep integer-preserving Gaussian elimination",
    Mathematics of Computation 22 (1968).
    """
    size = len(right)
    rows = [[*line, value] for line, value in zip(system, right, strict=True)]
    before, kept = 1, list[int]()
    for at, chosen in enumerate(rows):
        pivot = chosen[at]
        if pivot == 0:  # of a semidefinite system: all of the row is 0 then
            continue
        for other in range(at + 1, size):  # below the diagonal stands what stands above it
            factor, row = chosen[other], rows[other]
            row[other:] = [
                (pivot * mine - factor * theirs) // before
                for mine, theirs in zip(row[other:], chosen[other:], strict=True)
            ]
        before = pivot
        kept.append(at)
    numerators = [0] * size  # of the unknowns, over the last pivot: whole, by Cramer's rule
    for at in reversed(kept):
        row = rows[at]
        rest = sum(row[other] * numerators[other] for other in range(at + 1, size))
        numerators[at] = (before * row[size] - rest) // row[at]
    return [Fraction(one, before) for one in numerators]
