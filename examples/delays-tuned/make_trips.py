"""Write trips.parquet: buses whose delays change when the timetable does. Always the same ones."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

ROWS = 8_000
SEED = 2
NEW_TIMETABLE = 6_000


def trips() -> pl.DataFrame:
    """Return trips, one every ten minutes; the last quarter drives by the new timetable."""
    draw = np.random.default_rng(SEED)
    at = np.arange(ROWS)
    hour = (at // 6) % 24
    rain_mm = np.maximum(0, draw.normal(-1, 2, ROWS))
    line = draw.choice(["12", "41", "N3"], ROWS)
    rush = ((hour >= 7) & (hour <= 9)) | ((hour >= 16) & (hour <= 18))
    delay = 2 + 5 * rush + 1.5 * rain_mm + 3 * (line == "41") + draw.gamma(2, 1, ROWS)
    delay += np.where(at >= NEW_TIMETABLE, np.where(line == "N3", 6, -2), 0)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "trip": [f"t{one:05}" for one in at],
            "driver": [f"d{one % 60:02}" for one in at],
            "at": [start + timedelta(minutes=10 * int(one)) for one in at],
            "hour": hour,
            "line": line,
            "rain_mm": rain_mm,
            "delay_min": delay,
        }
    )


if __name__ == "__main__":
    trips().write_parquet(Path(__file__).with_name("trips.parquet"))
