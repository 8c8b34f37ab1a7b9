"""Whichever way a request takes through the gateway, it is answered as the predictor answers its columns.

Numbers go as one matrix, numbers with truth values by a second decoder, text column by column; a lone row
goes to the library, several to the compiled graph. None of it may show in an answer.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from towpath.assets.models import Model, compile_package, load_package, load_predictor, save_model
from towpath.core.errors import InvalidRequest

if TYPE_CHECKING:
    from towpath.assets.models import Predictor, TensorSpec

SERVICES = {
    "numbers": ("distance", "wind", "hour"),
    "truths": ("distance", "hour", "rain"),
    "words": ("distance", "hour", "rain", "origin"),
}


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    dice = np.random.default_rng(5)
    rows = pl.DataFrame(
        {
            "distance": dice.normal(500, 100, 400),
            "wind": [None if one > 1 else one for one in dice.normal(size=400).tolist()],
            "hour": dice.integers(0, 24, 400),
            "rain": dice.random(400) < 0.3,
            "origin": dice.choice(["EWR", "JFK", "LGA"], 400),
        }
    )
    odds = (rows["distance"] - 500) / 100 + rows["rain"] + (rows["origin"] == "JFK")
    return rows.with_columns(late=(odds + dice.normal(size=400) > 1).cast(pl.Int8))


@pytest.fixture
def predictors(served: Any, table: pl.DataFrame) -> dict[str, Predictor]:
    """A service for each set of columns, behind one gateway, and what it should answer."""
    services, found = {}, {}
    for name, columns in SERVICES.items():
        features = table.select(columns)
        estimator = lightgbm.LGBMClassifier(
            n_estimators=12, num_threads=1, verbosity=-1, min_child_samples=5
        )
        model = Model.fit(estimator, features, table["late"])
        package = compile_package(save_model(model, served.blobs), features, served.blobs)
        served.register(package, name)
        arm = served.service()["arms"][0] | {"model": f"model:{name}@1", "package": package}
        services[name] = served.service(arms=[arm], subject_field=None)
        found[name] = load_predictor(package, served.blobs)
    executions = {
        name: load_package(one.package, served.blobs).execution.kind for name, one in found.items()
    }
    assert executions["numbers"] == "onnx", "the graph would go untried"
    served.await_route(served.route(**services))
    return found


COLUMNS = {
    "distance": st.sampled_from([500, 433.25, -0.0, 1e308, 612.125, None, True, "far"]),
    "wind": st.sampled_from([0.5, -1, 3, None, 1e-310, False]),
    "hour": st.sampled_from([0, 7, 23, 7.0, 7.5, 2**53 + 1, None, True]),
    "rain": st.sampled_from([True, False, True, False, 0, 1, 2, None]),
    "origin": st.sampled_from(["EWR", "JFK", "LGA", "nowhere", "", None, 7]),
}
USUAL = {
    "distance": st.floats(300, 700),
    "wind": st.none() | st.floats(-3, 3),
    "hour": st.integers(0, 23),
    "rain": st.booleans(),
    "origin": st.sampled_from(["EWR", "JFK", "LGA"]),
}


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """Draw a service and rows for it, of which now and then one value is out of the ordinary."""
    service = draw(st.sampled_from(sorted(SERVICES)))
    columns = SERVICES[service]
    count = draw(st.sampled_from([1, 1, 2, 3, 33]))
    rows = [{name: draw(USUAL[name]) for name in columns} for _ in range(count)]
    for name in draw(st.lists(st.sampled_from(columns), max_size=2)):
        rows[draw(st.integers(0, count - 1))][name] = draw(COLUMNS[name])
    return service, rows


def expected(predictor: Predictor, rows: list[dict[str, Any]]) -> list[float] | None:
    columns = {
        spec.name: [_said(row[spec.name], spec.datatype) for row in rows]
        for spec in predictor.signature.inputs
    }
    try:
        return predictor.predict(columns)["late"].tolist()
    except InvalidRequest:
        return None


def _said(value: Any, datatype: str) -> Any:
    """Return a value as the protocol means it: 7.0 is 7 in JSON, and truth values may be 0 and 1."""
    if datatype == "BOOL" and value in (0, 1):
        return bool(value)
    whole = isinstance(value, float) and value.is_integer() and datatype.startswith("INT")
    return int(value) if whole else value


def per_column(inputs: tuple[TensorSpec, ...], rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "inputs": [
            {
                "name": spec.name,
                "shape": [len(rows)],
                "datatype": spec.datatype,
                "data": [row[spec.name] for row in rows],
            }
            for spec in inputs
        ]
    }


def in_one(inputs: tuple[TensorSpec, ...], rows: list[dict[str, Any]]) -> dict[str, Any]:
    data = [row[spec.name] for row in rows for spec in inputs]
    shape = [len(rows), len(inputs)]
    return {"inputs": [{"name": "rows", "shape": shape, "datatype": "FP64", "data": data}]}


def answered(
    served: Any, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
) -> list[float] | None:
    answer = served.client.post(served.url + path, content=json.dumps(body), headers=headers)
    if answer.status_code == 400:
        return None
    assert answer.status_code == 200, answer.text
    said = answer.json()
    return said["predictions"] if "predictions" in said else said["outputs"][0]["data"]


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(request=requests())
@example(request=("numbers", [{"distance": 500.0, "wind": None, "hour": 7}]))
@example(request=("truths", [{"distance": 500.0, "hour": 7, "rain": True}] * 33))
@example(request=("words", [{"distance": 500.0, "hour": 7, "rain": False, "origin": "nowhere"}]))
def test_every_way_gives_the_predictors_very_bits(
    served: Any, predictors: dict[str, Predictor], request: tuple[str, list[dict[str, Any]]]
) -> None:
    service, rows = request
    predictor = predictors[service]
    inputs = predictor.signature.inputs
    wanted = expected(predictor, rows)
    path = f"/v2/models/{service}/infer"
    assert answered(served, path, per_column(inputs, rows)) == wanted
    whom = {"X-Amzn-SageMaker-Target-Model": service, "Content-Type": "application/json"}
    assert answered(served, "/invocations", {"dataframe_records": rows}, whom) == wanted
    if service == "numbers":
        assert answered(served, path, in_one(inputs, rows)) == wanted
    if wanted is not None:
        alone = [expected(predictor, [row]) for row in rows]
        assert alone == [[one] for one in wanted], "a row's answer depends on its company"
