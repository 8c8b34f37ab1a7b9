"""From windows' p-values to alarms that mean something: false discoveries and false alarms bounded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEAST_P = 1e-12
_MOST_EVIDENCE = 1e15
_LASTING = 200.0


def evidence_of(p: float) -> float:
    """Turn a p-value into an e-value: ∫₀¹ κ p^(κ−1) dκ = (1 − p + p ln p) / (p ln² p).

    The mixture calibrator of Vovk and Wang, "E-values: calibration, combination and applications"
    (Annals of Statistics 2021): its mean is at most one when p is valid. A window that could not be
    judged (NaN) is no evidence either way.
    """
    if math.isnan(p):
        return 1.0
    p = max(p, _LEAST_P)
    log = math.log(p)
    if log > -1e-3:  # the limit at p = 1 is ½; the formula loses all digits there
        return 0.5 - log / 6
    return (1 - p + p * log) / (p * log * log)


def lasting_evidence_of(p: float) -> float:
    """Return `evidence_of(p)`, cut off so that it takes two windows to alarm, and not one.

    For what is meant to notice changes that stay: one day of snow, on which half of the flights were
    cancelled, is like no day in training, and is over tomorrow. An e-value that is cut off is still one.
    """
    return min(evidence_of(p), _LASTING)


def accumulate(levels: Mapping[str, float], evidence: Mapping[str, float]) -> dict[str, float]:
    """Advance a Shiryaev–Roberts e-detector per stream by one window: M ← (M + 1) · e.

    From Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change
    detection", arXiv 2203.03532. While nothing has changed, a detector's level, and so the mean over
    several, grows by one a window at most in expectation; an alarm at level L therefore comes no
    sooner than every L windows on average, dependent streams or not.
    """
    return {
        name: min((levels.get(name, 0.0) + 1.0) * e, _MOST_EVIDENCE) for name, e in evidence.items()
    }


def level_of(levels: Mapping[str, float]) -> float:
    """Return the mean level over the streams, which is what an alarm goes by."""
    return sum(levels.values()) / len(levels) if levels else 0.0


def discoveries(p_values: Mapping[str, float], rate: float) -> set[str]:
    """Name the streams that stand out, false ones being a share of `rate` at most in expectation.

    Benjamini and Hochberg 1995, which holds for independent and positively dependent streams.
    """
    known = {name: p for name, p in p_values.items() if not math.isnan(p)}
    if not known:
        return set()
    ordered = np.sort(np.array(list(known.values())))
    below = ordered <= rate * np.arange(1, len(ordered) + 1) / len(ordered)
    if not below.any():
        return set()
    bar = float(ordered[np.flatnonzero(below)[-1]])
    return {name for name, p in known.items() if p <= bar}
