"""Which pump is odd? A detector that learns without labels, judged by the few there are."""

from datetime import datetime

import polars as pl

import towpath as tp


class Reading(tp.Schema):
    """One reading of a pump, and whether it was found broken the day after."""

    reading: str
    pump: str
    at: datetime
    speed_rpm: float
    warmth_c: float
    shakes_mm_s: float
    broken: int


readings = tp.Dataset("readings", schema=Reading, key="reading", time="at")


@tp.step
def fit(past: pl.DataFrame) -> tp.Model:
    """Learn what is usual. The labels are not looked at: only their column's name is given."""
    from sklearn.ensemble import IsolationForest

    detector = IsolationForest(n_estimators=100, random_state=0)
    return tp.Model.fit(detector, past.select("speed_rpm", "warmth_c", "shakes_mm_s"), "broken")


@tp.pipeline
def train():
    past, recent = tp.split(readings.all(), by="at", last="36h")
    return tp.candidate("odd-pump", fit(past), test=recent)


project = tp.Project(
    "pumps",
    owner="maintenance@example.com",
    datasets=[readings],
    pipelines=[train],
    gates=[
        # By chance it would be the share of broken ones: 0.03.
        tp.gates.Quality("average_precision", at_least=0.3, min_rows=50),
        tp.gates.Quality("roc_auc", at_least=0.8, min_rows=50),
    ],
    services=[tp.Service("watch", model="odd-pump")],
    rollout=tp.Rollout(metric="brier", margin=0.02),
)
