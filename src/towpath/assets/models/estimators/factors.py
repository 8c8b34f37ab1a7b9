"""A recommender: users and items as vectors whose product says how well they go together.

Implicit feedback by alternating least squares: what was never seen counts as a weak no, and what was
seen as a yes that is the surer the more often. Source: Y. Hu, Y. Koren, C. Volinsky, "Collaborative
filtering for implicit feedback datasets", ICDM 2008.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from towpath.core.errors import UsageError

if TYPE_CHECKING:
    import numpy.typing as npt


class Factors:
    """An estimator over two columns, user and item, in this order; text or whole numbers.

    A user that training never saw is answered like the average one, which puts items in the order of
    their popularity; an item that it never saw scores 0.

    Args:
        size: Length of the vectors.
        confidence: How much surer one unit of the outcome makes a yes (α in the paper).
        regularization: Keeps vectors small (λ in the paper).
        rounds: How often users and items take turns.
        seed: What the item vectors start from.

    Attributes:
        users: Ids of the users that were seen, ascending, `(u,) float64`.
        items: Likewise of the items, `(i,)`.
        user_vectors: `(u, size)`.
        item_vectors: `(i, size)`.

    Raises:
        UsageError: A setting can't be meant.
    """

    def __init__(
        self,
        *,
        size: int = 16,
        confidence: float = 10.0,
        regularization: float = 0.1,
        rounds: int = 10,
        seed: int = 0,
    ) -> None:
        if size < 1 or rounds < 1 or confidence <= 0 or regularization <= 0:
            raise UsageError(
                f"factors of size {size} can't be learned in {rounds} rounds with confidence "
                f"{confidence} and regularization {regularization}",
                remedy="Each must be above zero.",
            )
        self.size = size
        self.confidence = confidence
        self.regularization = regularization
        self.rounds = rounds
        self.seed = seed
        self.users: npt.NDArray[np.float64] = np.empty(0)
        self.items: npt.NDArray[np.float64] = np.empty(0)
        self.user_vectors: npt.NDArray[np.float64] = np.empty((0, size))
        self.item_vectors: npt.NDArray[np.float64] = np.empty((0, size))

    @property
    def is_fitted(self) -> bool:
        """Whether there is anything to answer from."""
        return self.users.size > 0 and self.items.size > 0

    def fit(self, pairs: npt.NDArray[np.float64], strength: npt.NDArray[Any]) -> Self:
        """Learn from pairs `(n, 2)` of user and item, and how strongly each was seen, `(n,)`.

        Pairs of strength 0 or less say nothing; pairs that repeat add up. Continuing: item vectors of
        an earlier fit are where the next one starts, for the items that it knows.

        Raises:
            UsageError: No pair has a strength above 0.
        """
        seen = (np.asarray(strength, dtype=np.float64) > 0) & ~np.isnan(pairs).any(axis=1)
        if not seen.any():
            raise UsageError(
                "no pair of user and item was seen",
                remedy="The outcome is how strongly a pair was seen: above 0 for some.",
            )
        weights = np.asarray(strength, dtype=np.float64)[seen] * self.confidence
        before = self.items, self.item_vectors
        self.users, user = np.unique(pairs[seen, 0], return_inverse=True)
        self.items, item = np.unique(pairs[seen, 1], return_inverse=True)
        random = np.random.default_rng(self.seed)
        self.item_vectors = random.normal(0.0, 0.1, (self.items.size, self.size))
        kept = np.isin(self.items, before[0])
        if kept.any() and before[1].shape[1] == self.size:
            self.item_vectors[kept] = before[1][np.searchsorted(before[0], self.items[kept])]
        for _ in range(self.rounds):
            self.user_vectors = self._solve(user, item, weights, self.item_vectors, self.users.size)
            self.item_vectors = self._solve(item, user, weights, self.user_vectors, self.items.size)
        return self

    def predict(self, pairs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return how well each pair `(n, 2)` goes together, `(n,) float64`; row by row."""
        average = self.user_vectors.mean(axis=0)
        user, known_user = _find(self.users, pairs[:, 0])
        item, known_item = _find(self.items, pairs[:, 1])
        left = np.where(known_user[:, None], self.user_vectors[user], average)
        right = np.where(known_item[:, None], self.item_vectors[item], 0.0)
        return np.einsum("ij,ij->i", left, right)

    def _solve(
        self,
        mine: npt.NDArray[np.intp],
        other: npt.NDArray[np.intp],
        weights: npt.NDArray[np.float64],
        vectors: npt.NDArray[np.float64],
        count: int,
    ) -> npt.NDArray[np.float64]:
        """Return the best vectors of one side, the other side's given (equation 4 of the paper)."""
        order = np.argsort(mine, kind="stable")
        ends = np.searchsorted(mine[order], np.arange(count + 1))
        common = vectors.T @ vectors + self.regularization * np.eye(self.size)
        found = np.empty((count, self.size))
        for at in range(count):
            rows = order[ends[at] : ends[at + 1]]
            near, sure = vectors[other[rows]], weights[rows]
            system = common + (near * sure[:, None]).T @ near
            found[at] = np.linalg.solve(system, near.T @ (1.0 + sure))
        return found


def _find(
    known: npt.NDArray[np.float64], asked: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Return the place of each id, and whether it has one."""
    place = np.minimum(np.searchsorted(known, asked), known.size - 1)
    return place, known[place] == asked
