"""Bets on two streams of failures: the arithmetic of exact sequential tests of a 2×2 table.

From Turner, Ly and Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for
optional stopping", arXiv 2106.02693, and, for differences other than zero, Turner and Grünwald, "Exact
anytime-valid confidence intervals for contingency tables and beyond", arXiv 2203.09785. A bet pays the
likelihood of a guess over that of the closest member of the null, which is expected to pay at most its
stake whatever member is true: no member needs to be known, and nothing is asymptotic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

_EDGE = 1e-12


def log_payoff(
    rows: tuple[Floats, Floats],
    failed: tuple[Floats, Floats],
    guess: tuple[Floats, Floats],
    difference: Floats,
) -> Floats:
    """Return what a bet against "arm 1 fails at most `difference` more often than arm 0" pays, as ln.

    All arguments broadcast. Where the guess is itself a member of the null, nothing is bet.

    Args:
        rows: How many answers of each arm are bet on.
        failed: How many of them failed.
        guess: The failure rates that the bet is placed on, strictly between 0 and 1, fixed before
            the answers were seen.
        difference: The null's bound on rate 1 − rate 0, above −1 and below 1.
    """
    null_0, null_1 = closest(rows, guess, difference)
    pays = (
        failed[0] * np.log(guess[0] / null_0)
        + (rows[0] - failed[0]) * np.log((1 - guess[0]) / (1 - null_0))
        + failed[1] * np.log(guess[1] / null_1)
        + (rows[1] - failed[1]) * np.log((1 - guess[1]) / (1 - null_1))
    )
    return np.where(guess[1] - guess[0] > difference, pays, 0.0)


def closest(
    rows: tuple[Floats, Floats], guess: tuple[Floats, Floats], difference: Floats
) -> tuple[Floats, Floats]:
    """Return the pair of rates with rate 1 − rate 0 = `difference` that is closest to the guess.

    Closest in Kullback–Leibler divergence over as many answers of each arm as there are. It is the
    root of a cubic in rate 1, in closed form by Farrington and Manning (Statistics in Medicine 1990),
    who needed it as the maximum-likelihood estimate under a given difference.
    """
    share = rows[1] / np.maximum(rows[0] + rows[1], 1)
    p0, p1, d = guess[0], guess[1], difference
    mixed = share * p1 + (1 - share) * p0
    b = -(1 + mixed + d * (1 + share)) / 3
    c = share * d * d + d * (2 * share * p1 + 1) + mixed
    constant = -share * p1 * d * (1 + d)
    v = b**3 - b * c / 2 + constant / 2
    root = np.sqrt(np.maximum(b * b - c / 3, _EDGE**2))
    u = np.where(v < 0, -root, root)
    angle = (np.pi + np.arccos(np.clip(v / u**3, -1.0, 1.0))) / 3
    rate_1 = 2 * u * np.cos(angle) - b
    low, high = np.maximum(d, 0.0) + _EDGE, np.minimum(1 + d, 1.0) - _EDGE
    rate_1 = np.clip(rate_1, low, high)
    return rate_1 - d, rate_1
