"""Will this flight land more than fifteen minutes late?

Everything about it is in this one file: what the data look like, how a model is made, what it must
prove before it may serve, and what is watched once it does.
"""

from datetime import datetime
from typing import Annotated

import polars as pl

import towpath as tp

AIRPORTS = tp.Values("EWR", "JFK", "LGA")
LATE_MINUTES = 15


class Flight(tp.Schema):
    """A flight that left New York and has landed."""

    flight_id: str
    scheduled: datetime
    landed: datetime
    tailnum: str
    carrier: str
    origin: Annotated[str, AIRPORTS]
    dest: str
    distance: Annotated[int, tp.Range(1, 6000)]
    minute_of_day: Annotated[int, tp.Range(0, 1439)]
    weekday: Annotated[int, tp.Range(1, 7)]
    arr_delay: int


class Observation(tp.Schema):
    """The weather at one of the three airports, each hour."""

    observation_id: str
    origin: Annotated[str, AIRPORTS]
    observed: datetime
    temp: float | None
    dewp: float | None
    humid: float | None
    wind_speed: float | None
    precip: float | None
    pressure: float | None
    visib: float | None


class Plane(tp.Schema):
    """What is painted on, or bolted into, an aeroplane."""

    tailnum: str
    built: int | None
    manufacturer: str
    model: str
    engines: int
    seats: int


flights = tp.Dataset("flights", schema=Flight, key="flight_id", time="scheduled", subject="tailnum")
observations = tp.Dataset("weather", schema=Observation, key="observation_id", time="observed")
planes = tp.Dataset("planes", schema=Plane, key="tailnum", subject="tailnum", buckets=4)

weather = tp.FeatureView(
    "weather",
    source=observations,
    entity="origin",
    time="observed",
    ttl="2h",
    features=["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"],
)

FLIGHT = ["carrier", "origin", "dest", "distance", "minute_of_day", "weekday", "built", "seats"]
FEATURES = [*FLIGHT, *weather.features]
MAY_BE_MISSING = ["built", "seats", *weather.features]


def describe(rows: pl.DataFrame, fleet: pl.DataFrame) -> pl.DataFrame:
    """Put a flight's features together: the same code for training and for live requests."""
    known = fleet.select("tailnum", "built", "seats")
    return rows.join(known, on="tailnum", how="left").with_columns(
        pl.col(name).cast(pl.Float64)
        for name in ("distance", "minute_of_day", "weekday", "built", "seats")
    )


@tp.step
def prepare(rows: pl.DataFrame, fleet: pl.DataFrame) -> pl.DataFrame:
    """Features, the outcome, and the times that split past from recent."""
    late = (pl.col("arr_delay") > LATE_MINUTES).cast(pl.Int8).alias("late")
    return describe(rows, fleet).select("scheduled", *FEATURES, late)


@tp.step(cpus=2, memory="2GiB", timeout="5m")
def fit(rows: pl.DataFrame, *, trees: int = 80, leaves: int = 15) -> tp.Model:
    """Boosted trees on everything but the holdout."""
    import lightgbm  # here, because it takes seconds to load and only this step needs it

    forest = lightgbm.LGBMClassifier(
        n_estimators=trees,
        num_leaves=leaves,
        learning_rate=0.05,
        min_child_samples=200,
        deterministic=True,
        force_row_wise=True,
        random_state=0,
        n_jobs=2,
        verbose=-1,
    )
    return tp.Model.fit(forest, rows.select(FEATURES), rows["late"], nullable=MAY_BE_MISSING)


@tp.pipeline
def train(window: str = "26 weeks", holdout: str = "7d"):
    """Learn from the last half year, and keep its last week to be judged by."""
    rows = prepare(tp.join(flights.last(window), weather), planes.all())
    past, recent = tp.split(rows, by="scheduled", last=holdout)
    return tp.candidate("late", fit(past), test=recent)


project = tp.Project(
    "flights",
    owner="ops@example.org",
    risk="limited",
    description="Predicts late arrivals for the delay board.",
    datasets=[flights, observations, planes],
    features=[weather],
    pipelines=[train],
    gates=[
        tp.gates.Quality("roc_auc", at_least=0.55),
        tp.gates.NonInferior("log_loss", margin=0.01),
    ],
    services=[tp.Service("delay-board", model="late", subject="tailnum")],
    # A flight lands when it lands, whatever the board said: both models can be judged by each flight.
    rollout=tp.Rollout(
        stages=[0.2, 0.5],
        metric="log_loss",
        margin=0.02,
        compare="paired",
        maturity="1d",
        max_duration="28d",
    ),
    monitors=[tp.Drift(), tp.Performance("log_loss", maturity="1d")],
    triggers=[tp.Retrain(on=["drift", "performance"], cooldown="28d")],
)
