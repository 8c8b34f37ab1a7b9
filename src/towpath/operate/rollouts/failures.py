"""By how much does the challenger fail more often? Exact, at every moment, for two random arms.

A confidence sequence of the difference of two failure rates: what is left of a grid of differences
when those are taken out that `contingency` has bet against with success. Failures are rare, so nothing
asymptotic would do.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Self

import msgspec
import numpy as np

from towpath.operate.rollouts.confidence import Interval
from towpath.operate.rollouts.contingency import log_payoff

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

BLOCK_ROWS: Final = 50
"""Answers that one bet is placed on, at least; a bet is placed on a hundredth of those seen before."""

_PRIOR_ROWS = 100.0
"""Answers that each arm's rate is drawn towards the common one by. Fewer bet on noise: with 20, half a
point more of 1% is found in 58% of 20,000 answers instead of 65%; more are slow where all breaks."""
_STEPS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075)
_STRIDES = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 0.95)


def grid(margins: Iterable[float] = ()) -> tuple[float, ...]:
    """Return the differences that are told apart: finest about zero, and every margin among them."""
    sides = {*_STEPS, *_STRIDES, *(margin for margin in margins if margin < 1)}
    return tuple(sorted({0.0, *sides, *(-side for side in sides)}))


class Failures(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of both arms, and the evidence against each difference between their failure rates.

    Attributes:
        differences: The grid, rising.
        more: Per difference d, ln of the e-process against "the challenger fails at most d more
            often". Under its null each is expected to stay at one or below, so that it ever reaches
            1/alpha with probability alpha at most (Ville's inequality).
        less: The same against "at least d more often".
        most_more: The most that `more` ever was, and `most_less` likewise.
    """

    differences: tuple[float, ...]
    champion_rows: int = 0
    champion_failed: int = 0
    challenger_rows: int = 0
    challenger_failed: int = 0
    more: tuple[float, ...]
    less: tuple[float, ...]
    most_more: tuple[float, ...]
    most_less: tuple[float, ...]

    @classmethod
    def start(cls, margins: Iterable[float] = ()) -> Self:
        """Return the evidence before the first answer.

        Args:
            margins: Differences that something will be decided by, so that they are on the grid.
        """
        differences = grid(margins)
        none = (0.0,) * len(differences)
        return cls(differences=differences, more=none, less=none, most_more=none, most_less=none)

    def observe(self, challenger: npt.NDArray[np.bool_], failed: npt.NDArray[np.bool_]) -> Failures:
        """Take in further answers, in the order of time.

        A bet is placed on block after block, on the failure rates seen before it. Blocks grow with
        what was seen, so that the cost is in the logarithm of the traffic.

        Args:
            challenger: Whether the challenger answered, `(n,)`.
            failed: Whether the answer was an error, `(n,)`.
        """
        state, start = self, 0
        while start < len(failed):
            size = max(BLOCK_ROWS, (state.champion_rows + state.challenger_rows) // 100)
            part = slice(start, start + size)
            of_challenger, broke = challenger[part], failed[part]
            rows_1 = int(of_challenger.sum())
            failed_1 = int(broke[of_challenger].sum())
            rows = (len(of_challenger) - rows_1, rows_1)
            state = state.bet(rows, (int(broke.sum()) - failed_1, failed_1))
            start += size
        return state

    def bet(self, rows: tuple[int, int], failed: tuple[int, int]) -> Failures:
        """Take in one block: answers and failures of champion and challenger."""
        more, less = gains(
            _as_floats(rows),
            _as_floats(failed),
            guesses(
                (self.champion_rows, self.challenger_rows),
                (self.champion_failed, self.challenger_failed),
            ),
            np.array(self.differences),
        )
        now_more, now_less = more + self.more, less + self.less
        return Failures(
            differences=self.differences,
            champion_rows=self.champion_rows + rows[0],
            champion_failed=self.champion_failed + failed[0],
            challenger_rows=self.challenger_rows + rows[1],
            challenger_failed=self.challenger_failed + failed[1],
            more=tuple(now_more.tolist()),
            less=tuple(now_less.tolist()),
            most_more=tuple(np.maximum(now_more, self.most_more).tolist()),
            most_less=tuple(np.maximum(now_less, self.most_less).tolist()),
        )

    @property
    def e_value(self) -> float:
        """The evidence that the challenger fails more often, capped where a float would overflow."""
        return math.exp(min(self.more[self.differences.index(0.0)], 700.0))

    def interval(self, lower: float, upper: float) -> Interval | None:
        """Bound the difference of the failure rates at every moment; None before both arms answered.

        An end is the last difference that is excluded together with all those beyond it, for only
        then must one particular bet have succeeded for the end to be wrong.

        Args:
            lower: Probability with which the lower end may ever be above the truth.
            upper: Likewise for the upper end.
        """
        if not self.champion_rows or not self.challenger_rows:
            return None
        estimate = self.challenger_failed / self.challenger_rows
        estimate -= self.champion_failed / self.champion_rows
        above = np.array(self.most_more) >= math.log(1 / lower)
        below = np.array(self.most_less)[::-1] >= math.log(1 / upper)
        excluded = int(np.argmin(above)) if not above.all() else len(above)
        beyond = int(np.argmin(below)) if not below.all() else len(below)
        return Interval(
            estimate=estimate,
            # What is excluded is the difference itself: the truth lies strictly beyond it.
            lower=math.nextafter(self.differences[excluded - 1], 2) if excluded else -1.0,
            upper=math.nextafter(self.differences[-beyond], -2) if beyond else 1.0,
        )


def guesses(
    rows: tuple[npt.ArrayLike, npt.ArrayLike], failed: tuple[npt.ArrayLike, npt.ArrayLike]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return both arms' failure rates so far, each drawn towards the common one; shapes broadcast."""
    rows_0, rows_1 = (np.asarray(one, dtype=np.float64) for one in rows)
    failed_0, failed_1 = (np.asarray(one, dtype=np.float64) for one in failed)
    drawn = (failed_0 + failed_1 + 0.18) / (rows_0 + rows_1 + 0.36) * _PRIOR_ROWS
    return (failed_0 + drawn) / (rows_0 + _PRIOR_ROWS), (failed_1 + drawn) / (rows_1 + _PRIOR_ROWS)


def gains(
    rows: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    failed: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    guess: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    differences: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return what a block adds to `more` and `less`; shapes broadcast against `differences`."""
    more = log_payoff(rows, failed, guess, differences)
    less = log_payoff(
        (rows[1], rows[0]), (failed[1], failed[0]), (guess[1], guess[0]), -differences
    )
    return more, less


def _as_floats(pair: tuple[int, int]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return np.asarray(pair[0], dtype=np.float64), np.asarray(pair[1], dtype=np.float64)
