"""Trees that several machines grow together, each on its part of the rows: XGBoost, and LightGBM.

Each report is a meeting of all workers, and a second or two; so the trees come in slices. When a worker
is lost, all of them begin again from the last slice.
"""

import tempfile
from typing import Any

from data import FEATURES, OUTCOME, is_first, shard, told

import towpath as tp

SLICE = 50


def grow_xgboost(config: dict[str, Any]) -> None:
    """What each worker does."""
    import ray.train
    import xgboost

    matrix = xgboost.DMatrix(*shard())
    booster, errors = read_xgboost(ray.train.get_checkpoint()), {}
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
        report(booster, done=done, begun_at=begun_at, rmse=errors["past"]["rmse"][-1])


def grow_lightgbm(config: dict[str, Any]) -> None:
    """What each worker does. LightGBM's workers talk to each other as its parameters say."""
    import lightgbm
    import ray.train
    from ray.train.lightgbm import get_network_params

    features, outcome = shard()
    settings = {
        "objective": "regression",
        "metric": "rmse",
        "num_leaves": 15,
        "learning_rate": 0.1,
        "num_threads": 1,
        "verbose": -1,
        "tree_learner": "data",
        "pre_partition": True,
        **get_network_params(),
    }
    booster = read_lightgbm(ray.train.get_checkpoint())
    begun_at = 0 if booster is None else booster.num_trees()

    def slice_by_slice(now: Any) -> None:
        done = now.iteration + 1
        if done % SLICE == 0 or done == config["trees"]:
            error = float(now.evaluation_result_list[0][2])
            report(now.model, done=done, begun_at=begun_at, rmse=error)

    # In one go: each call of `train` binds its port anew, which takes a minute to be free again.
    rows = lightgbm.Dataset(features, outcome)
    lightgbm.train(
        settings,
        rows,
        num_boost_round=config["trees"] - begun_at,
        init_model=booster,
        valid_sets=[rows],
        callbacks=[slice_by_slice],
    )


def report(booster: Any, **metrics: float) -> None:
    """Tell the others where we are; the first worker's trees are everybody's."""
    import ray.train

    with tempfile.TemporaryDirectory() as folder:
        booster.save_model(f"{folder}/model.ubj")
        checkpoint = ray.train.Checkpoint.from_directory(folder) if is_first() else None
        ray.train.report(metrics, checkpoint=checkpoint)


def read_xgboost(checkpoint: Any) -> Any:
    """Return the booster in a checkpoint; None without one."""
    import xgboost

    if checkpoint is None:
        return None
    with checkpoint.as_directory() as folder:
        return xgboost.Booster(model_file=f"{folder}/model.ubj")


def read_lightgbm(checkpoint: Any) -> Any:
    """Return the booster in a checkpoint; None without one."""
    import lightgbm

    if checkpoint is None:
        return None
    with checkpoint.as_directory() as folder:
        return lightgbm.Booster(model_file=f"{folder}/model.ubj")


@tp.step(cpus=3, spread=True)
def fit_xgboost(past: tp.Shards, *, trees: int = 200) -> tp.Model:
    """Train on two workers; the third core reads the rows for them."""
    with tp.cluster() as cluster:
        from ray.train.xgboost import XGBoostTrainer

        result = XGBoostTrainer(
            grow_xgboost,
            train_loop_config={"trees": trees},
            datasets={"rows": past.ray()},
            scaling_config=cluster.scaling(workers=2, placement_strategy="SPREAD"),
            run_config=cluster.running(),
        ).fit()
        booster = read_xgboost(result.checkpoint)
    told(result.metrics, unit="trees")
    return tp.Model(booster, inputs=some(past), outcome=OUTCOME)


@tp.step(cpus=3, spread=True)
def fit_lightgbm(past: tp.Shards, *, trees: int = 200) -> tp.Model:
    """The same, with LightGBM."""
    with tp.cluster() as cluster:
        from ray.train.lightgbm import LightGBMTrainer

        result = LightGBMTrainer(
            grow_lightgbm,
            train_loop_config={"trees": trees},
            datasets={"rows": past.ray()},
            scaling_config=cluster.scaling(workers=2, placement_strategy="SPREAD"),
            run_config=cluster.running(),
        ).fit()
        booster = read_lightgbm(result.checkpoint)
    told(result.metrics, unit="trees")
    return tp.Model(booster, inputs=some(past), outcome=OUTCOME)


def some(past: tp.Shards) -> Any:
    """Return rows enough to say what the model's inputs are."""
    return past.polars().select(FEATURES).head(1_000).collect()
