"""Did each arm get the callers it should have? If not, their answers can't be compared.

From Lindon and Malek, "Anytime-valid inference for multinomial count data", arXiv 2011.03567: the
Bayes factor of a Dirichlet prior around the intended shares is an e-process.
"""

from __future__ import annotations

import math

_PRIOR_CALLERS = 100.0


def sample_ratio_e_value(champion: int, challenger: int, weight: float) -> float:
    """Return the evidence against "each caller joined the challenger with probability `weight`".

    Args:
        champion: *Different* callers whom the champion answered; a caller stays in its arm, so its
            requests are one draw and not many.
        challenger: Different callers whom the challenger answered.
        weight: The challenger's intended share, above 0 and below 1.
    """
    a, b = _PRIOR_CALLERS * weight, _PRIOR_CALLERS * (1 - weight)
    log_e = (
        _log_beta(a + challenger, b + champion)
        - _log_beta(a, b)
        - challenger * math.log(weight)
        - champion * math.log(1 - weight)
    )
    return math.exp(min(log_e, 700.0))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
