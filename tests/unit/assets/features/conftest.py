"""Observations of airports' weather, and what lays them out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, Schema
from towpath.assets.features import FeatureView

START = datetime(2026, 1, 1, tzinfo=UTC)


class Report(Schema):
    """What a station reported."""

    report: int
    origin: str
    observed: datetime
    made: datetime | None
    wind: float | None
    sky: str


class Weather:
    """A data set, its views, and rows for both."""

    source = Dataset("weather", schema=Report, key="report", time="observed")

    @staticmethod
    def at(minute: int) -> datetime:
        return START + timedelta(minutes=minute)

    def view(self, **changes: Any) -> FeatureView:
        values = {"entity": "origin", "time": "observed", "features": ["wind", "sky"]}
        return FeatureView("seen", source=self.source, **(values | changes))

    def reports(self, *rows: tuple[int, str | None, int | None, int | None]) -> pl.DataFrame:
        """Return reports: number, origin, minute, and minute it was made in."""
        data = [
            (
                number,
                origin,
                None if at is None else self.at(at),
                None if made is None else self.at(made),
                float(number),
                f"sky {number}",
            )
            for number, origin, at, made in rows
        ]
        return pl.DataFrame(data, schema=Report.polars_schema(), orient="row")

    def askers(self, *rows: tuple[str | None, int | None]) -> pl.DataFrame:
        data = [(origin, None if at is None else self.at(at)) for origin, at in rows]
        schema = {"origin": pl.String, "when": pl.Datetime("us", "UTC")}
        return pl.DataFrame(data, schema=schema, orient="row")


@pytest.fixture(scope="session")
def weather() -> Weather:
    return Weather()
