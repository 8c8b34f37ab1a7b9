"""One small table that every kind of model can learn from."""

import numpy as np
import polars as pl
import pytest


@pytest.fixture(scope="session")
def table() -> pl.DataFrame:
    """Return 600 rows of every type a model takes; `late` depends on all but `seats`."""
    random = np.random.default_rng(7)
    n = 600
    wind = random.gamma(2.0, 5.0, n)
    origin = random.choice(["EWR", "JFK", "LGA"], n)
    hour = random.integers(0, 24, n)
    push = 0.1 * (wind - 10) + (origin == "JFK") + 0.05 * (hour - 12)
    return pl.DataFrame(
        {
            "wind": [None if one > 25 else one for one in wind.tolist()],
            "hour": pl.Series(hour, dtype=pl.Int32),
            "origin": origin,
            "night": (hour < 6) | (hour > 21),
            "seats": pl.Series(random.integers(50, 300, n), dtype=pl.Float32),
            "late": pl.Series(push + random.normal(size=n) > 0.3).cast(pl.Int8),
            "delay": 10 * push + random.normal(size=n),
        }
    )
