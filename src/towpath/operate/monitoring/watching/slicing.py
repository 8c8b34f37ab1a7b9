"""Every slice of some rows by one or two inputs, from counts: how bad it was there, and elsewhere.

Each input is cut into a few groups along the reference's own groups of bins, so that slices are the same in every
window and no edge of one is a single person's value. A slice's rows, losses and squared losses are
sums, which are had for all pairs of inputs by counting, whatever the number of slices; so they merge.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import stdtr

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.reference import ColumnReference

Floats: TypeAlias = "npt.NDArray[np.float64]"
Ints: TypeAlias = "npt.NDArray[np.int64]"

_GROUPS = 6
_LEVELS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One input, cut into groups.

    Attributes:
        names: What each group is, in words.
        group: The group of each row, `(n,) int64`.
    """

    column: str
    names: tuple[str, ...]
    group: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Rows that have one or two things in common.

    Attributes:
        parts: Column and group of each thing.
        words: That, in words: `wind > 3.1 and kind is 'a'`.
        rows: How many they are; of equal weight, how many say as much.
        mean: Their mean loss; `elsewhere` that of all other rows.
        p: Probability of a difference so large or larger, were there none (Welch's t-test, one-sided).
    """

    parts: tuple[tuple[str, int], ...]
    words: str
    rows: float
    mean: float
    elsewhere: float
    p: float


def cut(column: ColumnReference, values: pl.Series) -> Cut:
    """Cut an input's values into groups along the reference's.

    Numbers: at most six groups of about as many training rows each; categories: the twelve most
    frequent levels and all others; missing values are a group of their own.
    """
    group, profile = column.group_of(values), column.profile
    known = len(profile.groups)
    if not column.ordered:
        # Of the groups, the last is what is left of the levels.
        kept = min(known - 1, len(profile.items), _LEVELS)
        of_group = np.minimum(np.arange(known + 1), kept)
        of_group[-1] = kept + 1
        names = [f"{column.name} is {level!r}" for level in profile.items[:kept]]
        names += [f"{column.name} is another", f"{column.name} is missing"]
        return Cut(column=column.name, names=tuple(names), group=of_group[group])
    counts = column.blocks.sum(axis=0)[:-1].astype(np.float64)
    reached = np.cumsum(counts) - counts / 2
    wanted = np.floor(reached / max(counts.sum(), 1.0) * _GROUPS).astype(np.int64)
    _, of_group = np.unique(np.minimum(wanted, _GROUPS - 1), return_inverse=True)
    tops = profile.edges[profile.groups[1:] - 1]
    last = int(of_group.max())
    names = [
        _between(column.name, tops, np.flatnonzero(of_group == one)) for one in range(last + 1)
    ]
    return Cut(
        column=column.name,
        names=(*names, f"{column.name} is missing"),
        group=np.append(of_group, last + 1)[group],
    )


def slices(
    cuts: Sequence[Cut], losses: Floats, weights: Floats, *, depth: int, min_rows: int
) -> Iterator[Slice]:
    """Yield every slice with enough rows, inside and outside.

    O(rows) for each input and, with `depth` 2, for each pair.
    """
    whole = _Sums.of(np.zeros(len(losses), dtype=np.int64), losses, weights, 1)
    for one in cuts:
        found = _Sums.of(one.group, losses, weights, len(one.names))
        yield from _worse(found, whole, [one], min_rows)
    if depth < 2:
        return
    for one, other in combinations(cuts, 2):
        both = one.group * len(other.names) + other.group
        found = _Sums.of(both, losses, weights, len(one.names) * len(other.names))
        yield from _worse(found, whole, [one, other], min_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """Sums over the rows of each group."""

    weight: Floats
    squared_weight: Floats
    loss: Floats
    squared_loss: Floats

    @classmethod
    def of(cls, group: Ints, losses: Floats, weights: Floats, count: int) -> _Sums:
        def summed(values: Floats) -> Floats:
            return np.bincount(group, values, minlength=count).astype(np.float64)

        return cls(
            weight=summed(weights),
            squared_weight=summed(np.square(weights)),
            loss=summed(weights * losses),
            squared_loss=summed(weights * np.square(losses)),
        )

    def without(self, whole: _Sums) -> _Sums:
        return _Sums(
            weight=whole.weight - self.weight,
            squared_weight=whole.squared_weight - self.squared_weight,
            loss=whole.loss - self.loss,
            squared_loss=whole.squared_loss - self.squared_loss,
        )

    def moments(self) -> tuple[Floats, Floats, Floats]:
        """Return each group's rows, as many of equal weight as say so much, its mean and variance."""
        with np.errstate(invalid="ignore", divide="ignore"):
            size = np.square(self.weight) / self.squared_weight
            mean = self.loss / self.weight
            spread = np.maximum(self.squared_loss / self.weight - np.square(mean), 0.0)
            return size, mean, spread * size / (size - 1)


def _worse(found: _Sums, whole: _Sums, cuts: Sequence[Cut], min_rows: int) -> Iterator[Slice]:
    size, mean, variance = found.moments()
    others, elsewhere, their_variance = found.without(whole).moments()
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = variance / size, their_variance / others
        t = (mean - elsewhere) / np.sqrt(a + b)
        freedom = np.square(a + b) / (np.square(a) / (size - 1) + np.square(b) / (others - 1))
        p = stdtr(freedom, -t)
    for place in np.flatnonzero((size >= min_rows) & (others >= min_rows) & np.isfinite(p)):
        groups = (
            [int(place)] if len(cuts) == 1 else list(map(int, divmod(place, len(cuts[1].names))))
        )
        yield Slice(
            parts=tuple((one.column, group) for one, group in zip(cuts, groups, strict=True)),
            words=" and ".join(one.names[group] for one, group in zip(cuts, groups, strict=True)),
            rows=float(size[place]),
            mean=float(mean[place]),
            elsewhere=float(elsewhere[place]),
            p=float(p[place]),
        )


def _between(name: str, edges: Floats, bins: Ints) -> str:
    low = edges[bins[0] - 1] if bins[0] > 0 else None
    high = edges[bins[-1]] if bins[-1] < len(edges) else None
    if low is None and high is None:
        return f"{name} is known"
    if low is None:
        return f"{name} ≤ {high:.4g}"
    return f"{name} > {low:.4g}" if high is None else f"{low:.4g} < {name} ≤ {high:.4g}"


__all__ = ["Cut", "Slice", "cut", "slices"]
