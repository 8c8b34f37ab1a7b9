"""Write demand.parquet: bicycles hired a day at three made-up stations. Always the same ones."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

DAYS = 300
SEED = 11
FIRST = date(2026, 1, 5)
STATIONS = {"harbour": 40.0, "market": 90.0, "station": 160.0}


def demand() -> pl.DataFrame:
    """Return one row per station and day: a level that drifts, a week's shape, and noise."""
    draw = np.random.default_rng(SEED)
    week = np.array([1.0, 1.05, 1.1, 1.05, 1.2, 0.7, 0.5])
    parts = []
    for name, level in STATIONS.items():
        drift = level + np.cumsum(draw.normal(0, 0.002 * level, DAYS))
        hired = drift * week[np.arange(DAYS) % 7] * draw.normal(1, 0.06, DAYS)
        days = [FIRST + timedelta(days=at) for at in range(DAYS)]
        parts.append(
            pl.DataFrame(
                {
                    "entry": [f"{name}-{day}" for day in days],
                    "station": name,
                    "at": [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days],
                    "hired": np.round(hired, 1),
                }
            )
        )
    return pl.concat(parts)


if __name__ == "__main__":
    demand().write_parquet(Path(__file__).with_name("demand.parquet"))
