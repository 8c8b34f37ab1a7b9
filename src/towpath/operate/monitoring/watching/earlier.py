"""The windows before a window: what a service's own past says is usual."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from towpath.operate.monitoring.calibration import exceedance
from towpath.operate.monitoring.findings import Window

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from towpath.operate.monitoring.view import WindowView

WINDOWS = 14
"""How many are looked back at: two weeks of days, so that each weekday is in them twice."""

_LEAST_WINDOWS = 7
_LEAST_SPREAD = 0.05  # five per cent: nothing is taken to be steadier than that


def shifted(view: WindowView, by: timedelta) -> WindowView:
    """Return the view of the window of the same length that lies so much earlier."""
    window = view.window
    moved = Window(since=window.since - by, until=window.until - by)
    return dataclasses.replace(view, window=moved)


def widened(view: WindowView, windows: int = WINDOWS) -> WindowView:
    """Return the view of a window together with so many before it, as one span."""
    window = view.window
    span = window.until - window.since
    return dataclasses.replace(
        view, window=Window(since=window.since - windows * span, until=window.until)
    )


def unusual(value: float, past: Sequence[float], *, least: float) -> float:
    """Return the probability of a value so high or higher after these; NaN after fewer than seven.

    Logarithms are taken to be normal with unknown mean and spread, so that the next value follows
    Student's t.

    Args:
        value: The newest.
        past: Those of the windows before.
        least: What is added to each, so that zero has a logarithm.
    """
    return _tail(value, past, least)[0]


def unusual_either_way(value: float, past: Sequence[float], *, least: float) -> float:
    """Return the probability of a value so far from these or farther, on either side; NaN likewise."""
    above, below = _tail(value, past, least)
    return min(1.0, 2 * min(above, below))


def _tail(value: float, past: Sequence[float], least: float) -> tuple[float, float]:
    if len(past) < _LEAST_WINDOWS:
        return math.nan, math.nan
    logs = np.log(np.asarray(past, dtype=np.float64) + least)
    spread = max(float(logs.std(ddof=1)), _LEAST_SPREAD) * math.sqrt(1 + 1 / len(logs))
    t = (math.log(value + least) - float(logs.mean())) / spread
    return exceedance(t, len(logs) - 1), exceedance(-t, len(logs) - 1)


__all__ = ["WINDOWS", "shifted", "unusual", "unusual_either_way", "widened"]
