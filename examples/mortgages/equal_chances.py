"""A gate of our own: may a model serve that turns one group away more often than another?"""

from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist

import numpy as np

from towpath.build.gates import Finding, Trial


@dataclass(frozen=True)
class EqualChances:
    """Compares how often groups are granted what those who decided before had granted them.

    Of the people whom the bank granted a mortgage, the model must not refuse one group much more often
    than the other: the smaller share is at least `at_least` of the larger, which with 0.8 is the
    four-fifths rule. It is the lower confidence bound that must be, so few people prove nothing.

    The people whom the bank refused are left out on purpose. Where it refused unfairly, their outcome
    says what the bank did, not what they deserved, and no gate on these rows can tell.

    Attributes:
        by: The column of the test rows that says which group somebody is in. It is no input of the
            model, and nobody has to send it.
        threshold: From which answer on a mortgage is granted.
        at_least: The smallest quotient that is put up with.
        confidence: Of the one-sided bound.
        min_rows: How many people a group must have to be compared.
    """

    by: str
    threshold: float = 0.5
    at_least: float = 0.8
    confidence: float = 0.95
    min_rows: int = 50

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"equal-chances:{self.by}"

    def judge(self, trial: Trial) -> Finding:
        """Bound the quotient of shares, in logarithms (Katz, Baptista, Azen and Pike, 1978)."""
        assert trial.rows is not None
        groups = trial.rows[self.by].to_numpy()
        granted = trial.challenger >= self.threshold
        shares: dict[str, tuple[float, int]] = {}
        for group in np.unique(groups):
            theirs = granted[(groups == group) & (trial.outcome == 1)]
            if len(theirs) >= self.min_rows:
                # One half more on either side: a share of 1 is not certain.
                shares[str(group)] = ((theirs.sum() + 0.5) / (len(theirs) + 1), len(theirs))
        if len(shares) < 2:
            words = f"fewer than two groups of {self.min_rows} people to compare"
            return Finding(gate=self.name, verdict="inconclusive", summary=words, evidence={})
        low, high = min(shares, key=shares.get), max(shares, key=shares.get)
        (lower_share, few), (higher_share, many) = shares[low], shares[high]
        quotient = lower_share / higher_share
        spread = sqrt(
            (1 - lower_share) / (lower_share * few) + (1 - higher_share) / (higher_share * many)
        )
        wide = NormalDist().inv_cdf(trial.shared(self.confidence)) * spread
        lower, upper = exp(log(quotient) - wide), exp(log(quotient) + wide)
        verdict = "pass" if lower >= self.at_least else "inconclusive"
        if upper < self.at_least:
            verdict = "fail"
        return Finding(
            gate=self.name,
            verdict=verdict,
            summary=f"of those whom the bank granted one, {lower_share:.1%} of {low} and "
            f"{higher_share:.1%} of {high} applicants get one: a quotient of {quotient:.3f}, at least "
            f"{lower:.3f}; wanted at least {self.at_least:g}",
            evidence={
                "metric": "share granted, the lower by the higher",
                "estimate": quotient,
                "lower": lower,
                "upper": upper,
                "confidence": self.confidence,
                "threshold": self.at_least,
                "direction": "at_least",
                "rows": few,
                "shares": {group: share for group, (share, _) in shares.items()},
            },
        )
