"""p-values of many looks, as the false-discovery rates at which each would be found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Return each p-value adjusted for all of them: min over larger ranks k of m·p₍ₖ₎/k, at most 1.

    Benjamini and Hochberg, "Controlling the false discovery rate", JRSS B 57 (1995) 289-300, as
    adjusted p-values (Yekutieli and Benjamini 1999). NaN, which nothing was looked at for, stays.
    """
    values = np.asarray(p_values, dtype=np.float64)
    known = ~np.isnan(values)
    order = np.argsort(values[known], kind="stable")
    count = len(order)
    if not count:
        return values.tolist()
    scaled = values[known][order] * count / np.arange(1, count + 1)
    least = np.minimum.accumulate(scaled[::-1])[::-1]
    back = np.empty(count)
    back[order] = np.minimum(least, 1.0)
    values = values.copy()
    values[known] = back
    return values.tolist()


__all__ = ["adjusted"]
