"""Write readings.parquet: pumps, some of which are about to fail. Always the same ones."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

ROWS = 6_000
SEED = 5


def readings() -> pl.DataFrame:
    """Return a reading a minute; one in thirty is of a pump that was found broken the day after."""
    draw = np.random.default_rng(SEED)
    broken = draw.random(ROWS) < 1 / 30
    speed = draw.normal(1450, 20, ROWS)
    warm = (
        40 + (speed - 1450) * 0.05 + draw.normal(0, 1.5, ROWS) + broken * draw.gamma(4, 1.5, ROWS)
    )
    shakes = draw.lognormal(0, 0.2, ROWS) * np.where(broken, draw.uniform(1, 3, ROWS), 1)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "reading": [f"m{at:05}" for at in range(ROWS)],
            "pump": [f"pump-{at % 40:02}" for at in range(ROWS)],
            "at": [start + timedelta(minutes=at) for at in range(ROWS)],
            "speed_rpm": speed,
            "warmth_c": warm,
            "shakes_mm_s": shakes,
            "broken": broken.astype(np.int64),
        }
    )


if __name__ == "__main__":
    readings().write_parquet(Path(__file__).with_name("readings.parquet"))
