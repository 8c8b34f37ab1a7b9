"""How late will the bus be? Trees for a year of trips, and a few more of them for the new timetable.

towpath run train
towpath run tune --at 2026-02-25T14:00:00Z   # goes on from the newest approved version, its parent
towpath model show delay
"""

from datetime import datetime

import polars as pl

import towpath as tp

FEATURES = ["hour", "line", "rain_mm"]
SETTINGS = {"objective": "reg:squarederror", "max_depth": 4, "eta": 0.2, "nthread": 1}


class Trip(tp.Schema):
    """One trip of a bus."""

    trip: str
    driver: str
    at: datetime
    hour: int
    line: str
    rain_mm: float
    delay_min: float


trips = tp.Dataset("trips", schema=Trip, key="trip", time="at", subject="driver")


@tp.step
def fit(rows: pl.DataFrame) -> tp.Model:
    """Train from scratch."""
    from xgboost import XGBRegressor

    estimator = XGBRegressor(n_estimators=60, max_depth=4, learning_rate=0.2, n_jobs=1)
    return tp.Model.fit(estimator, rows.select(FEATURES), rows["delay_min"])


@tp.step
def carry_on(parent: tp.Model, rows: pl.DataFrame, *, trees: int = 40) -> tp.Model:
    """Add trees to the parent's. Its inputs are kept: levels of text have the codes that it learned."""
    import xgboost

    kinds = ["c" if one.datatype == "BYTES" else "q" for one in parent.inputs.columns]
    matrix = xgboost.DMatrix(
        parent.inputs.matrix(rows),
        label=rows["delay_min"].to_numpy(),
        feature_types=kinds,
        enable_categorical=True,
    )
    booster = xgboost.train(SETTINGS, matrix, num_boost_round=trees, xgb_model=parent.estimator)
    return tp.Model(booster, inputs=parent.inputs, outcome=parent.outcome)


@tp.pipeline
def train():
    past, recent = tp.split(trips.all(), by="at", last="14d")
    return tp.candidate("delay", fit(past), test=recent)


@tp.pipeline
def tune(window: str = "14d"):
    past, recent = tp.split(trips.last(window), by="at", last="4d")
    return tp.candidate("delay", tp.finetune("delay", carry_on, rows=past), test=recent)


project = tp.Project(
    "buses",
    owner="timetable@example.com",
    datasets=[trips],
    pipelines=[train, tune],
    gates=[
        tp.gates.Quality("mae", at_most=6.0),
        tp.gates.NonInferior("mae", margin=0.1, against="parent"),
    ],
    services=[tp.Service("stops", model="delay")],
    rollout=tp.Rollout(metric="mae", margin=0.2),
)
