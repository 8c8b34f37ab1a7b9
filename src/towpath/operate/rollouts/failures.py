"""Does the challenger fail more often? An exact e-process on two streams of successes and failures.

From Turner, Ly and Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for
optional stopping", arXiv 2106.02693. Failures are rare, so nothing asymptotic would do.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_BLOCK = 50
_PRIOR_ROWS = 20.0


class Failures(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of both arms, and the evidence against "the challenger fails no more often".

    Attributes:
        log_e: Natural logarithm of the e-process. Under the null it is expected to stay at one or
            below, so it ever reaches 1/alpha with probability alpha at most (Ville's inequality).
    """

    champion_rows: int = 0
    champion_failed: int = 0
    challenger_rows: int = 0
    challenger_failed: int = 0
    log_e: float = 0.0

    @property
    def e_value(self) -> float:
        """The evidence, capped where a float would overflow."""
        return math.exp(min(self.log_e, 700.0))

    def observe(self, challenger: npt.NDArray[np.bool_], failed: npt.NDArray[np.bool_]) -> Failures:
        """Take in further answers, in the order of time.

        Each block of fifty bets, at odds fair under the null, on the failure rates seen before it; a
        block bets nothing when the challenger has not failed more often so far.

        Args:
            challenger: Whether the challenger answered, `(n,)`.
            failed: Whether the answer was an error, `(n,)`.
        """
        state = self
        for start in range(0, len(failed), _BLOCK):
            part = slice(start, start + _BLOCK)
            state = state._bet(challenger[part], failed[part])
        return state

    def _bet(self, challenger: npt.NDArray[np.bool_], failed: npt.NDArray[np.bool_]) -> Failures:
        rows_b = int(challenger.sum())
        rows_a = len(challenger) - rows_b
        failed_b = int(failed[challenger].sum())
        failed_a = int(failed.sum()) - failed_b
        rate_a, rate_b = self._rates()
        gain = 0.0
        if rate_b > rate_a:
            null = (rows_a * rate_a + rows_b * rate_b) / (rows_a + rows_b)
            gain = (
                failed_a * math.log(rate_a / null)
                + (rows_a - failed_a) * math.log((1 - rate_a) / (1 - null))
                + failed_b * math.log(rate_b / null)
                + (rows_b - failed_b) * math.log((1 - rate_b) / (1 - null))
            )
        return Failures(
            champion_rows=self.champion_rows + rows_a,
            champion_failed=self.champion_failed + failed_a,
            challenger_rows=self.challenger_rows + rows_b,
            challenger_failed=self.challenger_failed + failed_b,
            log_e=self.log_e + gain,
        )

    def _rates(self) -> tuple[float, float]:
        """Return both arms' failure rates so far, each drawn towards the common one."""
        rows = self.champion_rows + self.challenger_rows
        common = (self.champion_failed + self.challenger_failed + 0.18) / (rows + 0.36)
        drawn = common * _PRIOR_ROWS
        return (
            (self.champion_failed + drawn) / (self.champion_rows + _PRIOR_ROWS),
            (self.challenger_failed + drawn) / (self.challenger_rows + _PRIOR_ROWS),
        )
