"""The gateway answers with every kind of model as the model itself does, over HTTP."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from towpath.assets.models import Factors, Forecast, Model, save_model


def rows() -> pl.DataFrame:
    random = np.random.default_rng(1)
    distance = random.normal(500, 100, 120)
    return pl.DataFrame(
        {
            "distance": distance,
            "origin": random.choice(["EWR", "JFK"], 120),
            "late": pl.Series(distance > 500).cast(pl.Int8),
        }
    )


def xgboost() -> tuple[Model, pl.DataFrame]:
    from xgboost import XGBClassifier

    table = rows()
    estimator, features = (
        XGBClassifier(n_estimators=3, n_jobs=1),
        table.select("distance", "origin"),
    )
    return Model.fit(estimator, features, table["late"]), features


def catboost() -> tuple[Model, pl.DataFrame]:
    from catboost import CatBoostClassifier

    table = rows()
    quiet = {"verbose": False, "allow_writing_files": False, "thread_count": 1}
    features = table.select("distance", "origin")
    return Model.fit(CatBoostClassifier(iterations=3, **quiet), features, table["late"]), features


def onnx() -> tuple[Model, pl.DataFrame]:
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.linear_model import Ridge

    table = rows()
    known = Model.fit(Ridge(), table.select("distance"), table["late"])
    types = [("rows", FloatTensorType([None, 1]))]
    graph = skl2onnx.to_onnx(known.estimator, initial_types=types)
    features = table.select("distance")
    return Model(graph, inputs=features, outcome="late", task="regression"), features


def forecast() -> tuple[Model, pl.DataFrame]:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    fitted = ETSModel(10 + np.arange(40) % 7, seasonal="add", seasonal_periods=7).fit(disp=False)
    asked = pl.DataFrame({"day": list(range(40, 50))})
    made = Forecast(fitted, last=39, horizon=20)
    return Model(made, inputs=asked, outcome="late", time="day", season=7), asked


def factors() -> tuple[Model, pl.DataFrame]:
    pairs = pl.DataFrame({"user": [f"u{at % 9}" for at in range(90)], "item": list(range(90))})
    seen = pl.Series("late", np.ones(90))
    return Model.fit(Factors(size=4, rounds=2), pairs, seen, group=pairs["user"]), pairs


def detector() -> tuple[Model, pl.DataFrame]:
    from sklearn.ensemble import IsolationForest

    features = rows().select("distance")
    return Model.fit(IsolationForest(n_estimators=5, random_state=0), features, "late"), features


KINDS = (xgboost, catboost, onnx, forecast, factors, detector)


@pytest.fixture(scope="module")
def made() -> dict[str, tuple[Model, pl.DataFrame]]:
    return {make.__name__: make() for make in KINDS}


@pytest.fixture
def kinds(served: Any, made: Any) -> dict[str, tuple[Model, pl.DataFrame]]:
    """A service for each kind, all behind one gateway."""
    services = {}
    for name, (model, _) in made.items():
        package = save_model(model, served.blobs)
        served.register(package, name)
        arm = served.service()["arms"][0] | {"model": f"model:{name}@1", "package": package}
        services[name] = served.service(arms=[arm])
    served.await_route(served.route(**services))
    return made


def test_every_kind_is_answered_as_the_model_answers(
    served: Any, kinds: dict[str, tuple[Model, pl.DataFrame]]
) -> None:
    for name, (model, features) in kinds.items():
        few = features.head(5)
        tensors = [
            {
                "name": spec.name,
                "shape": [5],
                "datatype": spec.datatype,
                "data": few[spec.name].to_list(),
            }
            for spec in model.signature.inputs
        ]
        answer = served.post(f"/v2/models/{name}/infer", {"inputs": tensors})
        assert answer.status_code == 200, (name, answer.text)
        (output,) = answer.json()["outputs"]
        assert (output["name"], output["datatype"]) == ("late", "FP64")
        np.testing.assert_array_equal(output["data"], model.predict(few), err_msg=name)


def test_a_period_beyond_the_horizon_is_the_callers_mistake(
    served: Any, kinds: dict[str, tuple[Model, pl.DataFrame]]
) -> None:
    far = {"inputs": [{"name": "day", "shape": [1], "datatype": "INT64", "data": [999]}]}
    answer = served.post("/v2/models/forecast/infer", far)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid-request"
