"""How many bicycles will be hired? A forecast per station, held to beating the same day last week."""

from datetime import datetime

import polars as pl

import towpath as tp


class Hire(tp.Schema):
    """One station's day."""

    entry: str
    station: str
    at: datetime
    hired: float


hires = tp.Dataset("hires", schema=Hire, key="entry", time="at")


@tp.step
def number_days(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Give each day a number: models take numbers, and a forecast is asked for by its day's."""
    return rows.with_columns(day=pl.col("at").dt.epoch("d"))


@tp.step
def fit(past: pl.DataFrame) -> tp.Model:
    """Fit one model per station. What is kept is its settings, parameters and observations, as JSON."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    fitted, last = {}, {}
    for (station,), rows in past.sort("day").group_by("station", maintain_order=True):
        model = ETSModel(rows["hired"].to_numpy(), seasonal="mul", seasonal_periods=7)
        fitted[station] = model.fit(disp=False)
        last[station] = rows["day"][-1]
    forecast = tp.Forecast(fitted, last=last, horizon=60)
    return tp.Model(
        forecast,
        inputs=past.select("station", "day"),
        outcome="hired",
        group="station",
        time="day",
        season=7,
    )


@tp.pipeline
def train():
    past, recent = tp.split(number_days(hires.all()), by="at", last="8 weeks")
    return tp.candidate("demand", fit(past), test=recent)


project = tp.Project(
    "bicycles",
    owner="planning@example.com",
    datasets=[hires],
    pipelines=[train],
    gates=[
        # Below 1 it beats the same day last week; errors of neighbouring days count as one.
        tp.gates.Quality("mase", at_most=1.0, min_rows=50),
    ],
    services=[tp.Service("tomorrow", model="demand")],
    rollout=tp.Rollout(metric="mae", margin=1.0),
)
