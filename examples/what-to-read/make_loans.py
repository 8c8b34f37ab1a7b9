"""Write loans.parquet: what readers with tastes of their own took home. Always the same ones."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

READERS, BOOKS, TASTES, LOANS = 150, 60, 5, 6_000
SEED = 3


def loans() -> pl.DataFrame:
    """Return loans, and as many books that were on the table and stayed there."""
    draw = np.random.default_rng(SEED)
    reader = draw.integers(0, READERS, LOANS)
    own = (reader % TASTES) + TASTES * draw.integers(0, BOOKS // TASTES, LOANS)
    book = np.where(draw.random(LOANS) < 0.85, own, draw.integers(0, BOOKS, LOANS))
    passed = draw.integers(0, BOOKS, LOANS)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    when = [start + timedelta(minutes=10 * at) for at in range(LOANS)]
    both = {
        "loan": [f"l{at:05}" for at in range(LOANS)] + [f"p{at:05}" for at in range(LOANS)],
        "reader": [f"r{one:03}" for one in [*reader, *reader]],
        "book": [*book.tolist(), *passed.tolist()],
        "at": when + when,
        "taken": [1.0] * LOANS + [0.0] * LOANS,
    }
    return pl.DataFrame(both)


if __name__ == "__main__":
    loans().write_parquet(Path(__file__).with_name("loans.parquet"))
