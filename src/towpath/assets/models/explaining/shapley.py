"""Shapley values of any function of columns, over all coalitions or over random orders of columns."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Masks = npt.NDArray[np.bool_]

EVALUATIONS_MOST: Final = 1 << 16
_SEED = 20130101
_ORDERS_MOST = 128


class Game(Protocol):
    """What a set of columns is worth for one row."""

    def __call__(self, masks: Masks) -> Floats:
        """Return `(m,) float64`: the mean answer with the columns of each of `(m, k)` sets taken from the
        row, and the others from the background.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """A row's contributions, `(k,)`, what they start from, and how far off they may be."""

    base: float
    contributions: Floats
    error: float
    orders: int


def is_small(columns: int, points: int) -> bool:
    """Tell whether all sets of so many columns can be tried on so many points."""
    return columns < 31 and (1 << columns) * points <= EVALUATIONS_MOST


def over_coalitions(game: Game, columns: int) -> Shares:
    """Try every set of columns: exact."""
    sets = np.arange(1 << columns)
    masks = (sets[:, None] >> np.arange(columns)) & 1 == 1
    worth = game(masks)
    sizes = masks.sum(axis=1)
    weights = np.array([1 / (columns * comb(columns - 1, size)) for size in range(columns)])
    shares = np.empty(columns)
    for column in range(columns):
        without = sets[~masks[:, column]]
        gains = worth[without | (1 << column)] - worth[without]
        shares[column] = weights[sizes[without]] @ gains
    return Shares(base=float(worth[0]), contributions=shares, error=0.0, orders=0)


def over_orders(game: Game, columns: int, points: int) -> Shares:
    """Add columns in random orders, each one forwards and backwards."""
    random = np.random.default_rng(_SEED)
    pairs = EVALUATIONS_MOST // (2 * (columns + 1) * points)
    pairs = int(np.clip(pairs, 1, _ORDERS_MOST))
    found = np.empty((pairs, columns))
    base = 0.0
    for at in range(pairs):
        order = random.permutation(columns)
        pair = np.zeros(columns)
        for one in (order, order[::-1]):
            masks = np.zeros((columns + 1, columns), dtype=np.bool_)
            for step, column in enumerate(one):
                masks[step + 1 :, column] = True
            worth = game(masks)
            base = float(worth[0])
            pair[one] += np.diff(worth) / 2
        found[at] = pair
    error = float((found.std(axis=0, ddof=1) / np.sqrt(pairs)).max()) if pairs > 1 else float("inf")
    return Shares(base=base, contributions=found.mean(axis=0), error=error, orders=2 * pairs)
