"""Rides with rules: some that refuse, some that set rows aside, some that warn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from towpath.assets.checks import rules
from towpath.assets.datasets import Dataset, Schema

BEGAN = datetime(2024, 5, 1, tzinfo=UTC)
FAR = 100


class Ride(Schema):
    """A ride, as its meter says it was."""

    ride_id: str
    began: datetime
    rider: str | None
    km: float | None
    receipt: str | None
    zone: str


RULES = (
    rules.Between("km", 0, FAR, policy="quarantine"),
    rules.Unique("receipt", policy="quarantine"),
    rules.Present("km", at_least=0.8, policy="warn"),
    rules.OneOf("zone", ["north", "south"]),
)


def rides(*declared: rules.Between, **options: object) -> Dataset:
    """Return the data set, under these rules or the ones above."""
    return Dataset(
        "rides",
        schema=Ride,
        key="ride_id",
        time="began",
        subject="rider",
        buckets=2,
        rules=declared or RULES,
        **options,
    )


def rows(first: int, count: int, **changes: object) -> pl.DataFrame:
    """Return good rides, numbered on from `first`; `changes` replace whole columns."""
    numbers = range(first, first + count)
    good = pl.DataFrame(
        {
            "ride_id": [f"r{number:03}" for number in numbers],
            "began": [BEGAN + timedelta(hours=number) for number in numbers],
            "rider": [f"rider-{number % 5}" for number in numbers],
            "km": [float(number % 50) for number in numbers],
            "receipt": [f"receipt {number}" for number in numbers],
            "zone": ["north", "south"] * (count // 2) + ["north"] * (count % 2),
        },
        schema=Ride.polars_schema(),
    )
    columns = (
        pl.Series(name, values, dtype=good.schema[name])
        if isinstance(values, list)
        else pl.lit(values, dtype=good.schema[name]).alias(name)
        for name, values in changes.items()
    )
    return good.with_columns(columns)
