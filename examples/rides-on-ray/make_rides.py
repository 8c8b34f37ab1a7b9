"""Write rides.parquet: made-up rides through a city whose evenings are slow. Always the same ones."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

ROWS = 20_000
SEED = 7


def rides() -> pl.DataFrame:
    """Return the rides, one a minute."""
    draw = np.random.default_rng(SEED)
    minute = np.arange(ROWS)
    hour = (minute // 60) % 24
    distance_km = draw.gamma(2.0, 2.5, ROWS)
    rain_mm = np.maximum(0, draw.normal(-1, 2, ROWS))
    slow = (hour >= 16) & (hour <= 19)
    expected = 3 * distance_km * (1 + 0.6 * slow + 0.1 * rain_mm)
    duration_min = expected * draw.lognormal(0, 0.15, ROWS)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "ride": [f"r{number:06}" for number in minute],
            "rider": [f"p{number % 500:03}" for number in minute],
            "began": pl.datetime_range(
                start,
                interval="1m",
                time_zone="UTC",
                end=start + pl.duration(minutes=ROWS - 1),
                eager=True,
            ),
            "hour": hour,
            "distance_km": distance_km,
            "rain_mm": rain_mm,
            "duration_min": duration_min,
        }
    )


if __name__ == "__main__":
    rides().write_parquet(Path(__file__).with_name("rides.parquet"))
