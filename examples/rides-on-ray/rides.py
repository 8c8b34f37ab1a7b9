"""How long will a ride take? Trees that several machines grow together, each on its part of the rows."""

import tempfile
from datetime import datetime
from typing import Any

import towpath as tp

FEATURES = ["hour", "distance_km", "rain_mm"]
OUTCOME = "duration_min"
SLICE = 50


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


def learn(config: dict[str, Any]) -> None:
    """Grow trees on this worker's part of the rows, in step with the other workers.

    Each report is a meeting of all workers, and a second or two; so the trees come in slices. When a
    worker is lost, all of them begin again from the last slice.
    """
    import numpy as np
    import ray.train
    import xgboost

    batches = ray.train.get_dataset_shard("rows").iter_batches(batch_format="pyarrow")
    parts = [
        np.column_stack([batch[name].to_numpy() for name in (*FEATURES, OUTCOME)])
        for batch in batches
    ]
    rows = np.concatenate(parts)
    matrix = xgboost.DMatrix(rows[:, :-1], label=rows[:, -1])

    booster, errors = read(ray.train.get_checkpoint()), {}
    done = begun_at = 0 if booster is None else booster.num_boosted_rounds()
    while done < config["trees"]:
        booster = xgboost.train(
            {"objective": "reg:squarederror", "max_depth": 4, "eta": 0.1, "nthread": 1},
            matrix,
            num_boost_round=min(SLICE, config["trees"] - done),
            xgb_model=booster,
            evals=[(matrix, "past")],
            evals_result=errors,
            verbose_eval=False,
        )
        done = booster.num_boosted_rounds()
        with tempfile.TemporaryDirectory() as folder:
            booster.save_model(f"{folder}/model.ubj")
            checkpoint = ray.train.Checkpoint.from_directory(folder)
            first = ray.train.get_context().get_world_rank() == 0
            ray.train.report(
                {"rmse": errors["past"]["rmse"][-1], "trees": done, "begun_at": begun_at},
                checkpoint=checkpoint if first else None,
            )


def read(checkpoint: Any) -> Any:
    """Return the booster in a checkpoint; None without one."""
    import xgboost

    if checkpoint is None:
        return None
    with checkpoint.as_directory() as folder:
        return xgboost.Booster(model_file=f"{folder}/model.ubj")


@tp.step(cpus=3, spread=True)
def fit(past: tp.Shards, *, trees: int = 200) -> tp.Model:
    """Train on two workers; the third core reads the rows for them."""
    with tp.cluster() as cluster:
        from ray.train.xgboost import XGBoostTrainer

        result = XGBoostTrainer(
            learn,
            train_loop_config={"trees": trees},
            datasets={"rows": past.ray()},
            scaling_config=cluster.scaling(workers=2, placement_strategy="SPREAD"),
            run_config=cluster.running(),
        ).fit()
        booster = read(result.checkpoint)
    print(f"{result.metrics['trees']} trees, the last of them since {result.metrics['begun_at']}")
    tp.log_metric("rmse", result.metrics["rmse"])
    columns = past.polars().select(FEATURES).head(1_000).collect()
    return tp.Model(booster, inputs=columns, outcome=OUTCOME)


@tp.pipeline
def train(holdout: str = "2d", trees: int = 200):
    """Learn from all rides but the last days', which judge."""
    past, recent = tp.split(rides.all(), by="began", last=holdout)
    return tp.candidate("duration", fit(past, trees=trees), test=recent)


project = tp.Project(
    "rides",
    owner="ops@example.org",
    datasets=[rides],
    pipelines=[train],
    gates=[],
)
