"""The rides, and the part of them that one worker of a training gets."""

from datetime import datetime
from typing import Any

import numpy as np

import towpath as tp

FEATURES = ["hour", "distance_km", "rain_mm"]
OUTCOME = "duration_min"


class Ride(tp.Schema):
    """One ride."""

    ride: str
    rider: str
    began: datetime
    hour: int
    distance_km: float
    rain_mm: float
    duration_min: float


rides = tp.Dataset("rides", schema=Ride, key="ride", time="began", subject="rider")


def shard() -> tuple[np.ndarray, np.ndarray]:
    """Return features and outcome of this worker's part of the rows; called inside a training."""
    import ray.train

    batches = ray.train.get_dataset_shard("rows").iter_batches(batch_format="pyarrow")
    parts = [
        np.column_stack([batch[name].to_numpy() for name in (*FEATURES, OUTCOME)])
        for batch in batches
    ]
    rows = np.concatenate(parts)
    return rows[:, :-1], rows[:, -1]


def is_first() -> bool:
    """Tell whether this worker is the one that saves for all."""
    import ray.train

    return ray.train.get_context().get_world_rank() == 0


def told(metrics: dict[str, Any], *, unit: str) -> None:
    """Print and log how a training went: up to where, since which checkpoint, and how well."""
    print(f"{metrics['done']} {unit}, the last of them since {metrics['begun_at']}")
    tp.log_metric("rmse", metrics["rmse"])
