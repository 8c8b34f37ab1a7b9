"""Every kind of model beside scikit-learn and LightGBM keeps what `test_formats` asks of those two."""

from __future__ import annotations

import importlib.util
import threading
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import polars as pl
import pytest

from towpath.assets.models import (
    Model,
    join_rows,
    load_model,
    load_package,
    load_predictor,
    save_model,
)
from towpath.assets.models.estimators import Factors, Forecast
from towpath.core.errors import IntegrityError, InvalidRequest, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

FEATURES = ["wind", "hour", "origin", "night", "seats"]
NUMBERS = ["hour", "night", "seats"]


def needs(module: str) -> None:
    """Skip, visibly, where a library is not installed: PyTorch and Keras are large."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")


def xgboost_classifier(table: pl.DataFrame) -> tuple[Model, pl.DataFrame]:
    from xgboost import XGBClassifier

    features = table.select(FEATURES)
    return Model.fit(XGBClassifier(n_estimators=8, n_jobs=1), features, table["late"]), features


def xgboost_regressor(table: pl.DataFrame) -> tuple[Model, pl.DataFrame]:
    from xgboost import XGBRegressor

    features = table.select(FEATURES)
    return Model.fit(XGBRegressor(n_estimators=8, n_jobs=1), features, table["delay"]), features


def xgboost_ranker(table: pl.DataFrame) -> tuple[Model, pl.DataFrame]:
    from xgboost import XGBRanker

    features, lists = table.select(FEATURES), (table["hour"] // 3).alias("shift")
    estimator = XGBRanker(n_estimators=5, n_jobs=1)
    return Model.fit(estimator, features, table["late"], group=lists), features


def catboost_classifier(table: pl.DataFrame) -> tuple[Model, pl.DataFrame]:
    from catboost import CatBoostClassifier

    quiet = {"verbose": False, "allow_writing_files": False, "thread_count": 1, "random_seed": 0}
    features = table.select(FEATURES)
    return Model.fit(CatBoostClassifier(iterations=8, **quiet), features, table["late"]), features


def catboost_regressor(table: pl.DataFrame) -> tuple[Model, pl.DataFrame]:
    from catboost import CatBoostRegressor

    quiet = {"verbose": False, "allow_writing_files": False, "thread_count": 1, "random_seed": 0}
    features = table.select("wind", *NUMBERS)
    return Model.fit(CatBoostRegressor(iterations=8, **quiet), features, table["delay"]), features


def onnx_matrix(table: pl.DataFrame) -> tuple[Model, pl.DataFrame]:
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.ensemble import RandomForestClassifier

    features = table.select(NUMBERS)
    known = Model.fit(RandomForestClassifier(5, random_state=0), features, table["late"])
    graph = skl2onnx.to_onnx(
        known.estimator,
        initial_types=[("rows", FloatTensorType([None, 3]))],
        options={"zipmap": False},
    )
    return Model(graph, inputs=known.inputs, outcome="late"), features


def onnx_columns(table: pl.DataFrame) -> tuple[Model, pl.DataFrame]:
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    features = table.select("origin", "seats")
    pipeline = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["origin"]), (StandardScaler(), ["seats"])
        ),
        Ridge(),
    )
    pipeline.fit(features.to_pandas(), table["delay"].to_numpy())
    types = [("origin", StringTensorType([None, 1])), ("seats", FloatTensorType([None, 1]))]
    graph = skl2onnx.to_onnx(pipeline, initial_types=types)
    return Model(graph, inputs=features, outcome="delay", task="regression"), features


def forecast(table: pl.DataFrame) -> tuple[Model, pl.DataFrame]:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    random = np.random.default_rng(0)
    days = np.arange(60)
    series = {
        name: level + np.sin(days * 2 * np.pi / 7) + random.normal(scale=0.2, size=60)
        for name, level in (("EWR", 10.0), ("JFK", 20.0))
    }
    fitted = {
        "EWR": ETSModel(series["EWR"], seasonal="add", seasonal_periods=7).fit(disp=False),
        "JFK": UnobservedComponents(series["JFK"], level="llevel", seasonal=7).fit(disp=False),
    }
    asked = pl.DataFrame({"origin": ["EWR", "JFK"] * 10, "day": [60 + at // 2 for at in range(20)]})
    made = Forecast(fitted, last={"EWR": 59, "JFK": 59}, horizon=30)
    model = Model(made, inputs=asked, outcome="delay", time="day", group="origin", season=7)
    return model, asked


def factors(table: pl.DataFrame) -> tuple[Model, pl.DataFrame]:
    random = np.random.default_rng(0)
    users = random.integers(0, 40, 500)
    items = (users % 4) * 5 + random.integers(0, 5, 500)  # each kind of user has items of its own
    pairs = pl.DataFrame({"user": [f"u{one}" for one in users.tolist()], "item": items})
    seen = pl.Series("seen", np.ones(500))
    return Model.fit(Factors(size=8, rounds=3), pairs, seen, group=pairs["user"]), pairs


def detector(table: pl.DataFrame) -> tuple[Model, pl.DataFrame]:
    from sklearn.ensemble import IsolationForest

    features = table.select(NUMBERS)
    return Model.fit(IsolationForest(n_estimators=20, random_state=0), features, "late"), features


def torch_module(table: pl.DataFrame) -> tuple[Model, pl.DataFrame]:
    needs("torch")
    needs("safetensors")
    import torch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_columns = 5
            self.origin = torch.nn.Embedding(4, 3)
            self.register_buffer("scale", torch.tensor(10.0), persistent=False)
            self.layers = torch.nn.Sequential(
                torch.nn.Linear(7, 8),
                torch.nn.BatchNorm1d(8),
                torch.nn.ReLU(),
                torch.nn.Dropout(0.1),
                torch.nn.Linear(8, 1),
            )

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            origin = torch.nan_to_num(rows[:, 2], nan=3.0).long()
            numbers = torch.nan_to_num(rows[:, [0, 1, 3, 4]]) / self.scale
            inner = torch.cat([self.origin(origin), numbers], dim=1)
            return torch.sigmoid(self.layers(inner)).squeeze(-1)

    torch.manual_seed(0)
    features = table.select(FEATURES)
    return Model(Net(), inputs=features, outcome="late", task="binary"), features


def keras_network(table: pl.DataFrame) -> tuple[Model, pl.DataFrame]:
    needs("keras")
    needs("tensorflow")
    import keras

    keras.utils.set_random_seed(0)
    given = keras.Input((3,))
    inner = keras.layers.Dense(8, activation="relu", kernel_regularizer="l2")(given)
    inner = keras.layers.Dropout(0.1)(keras.layers.BatchNormalization()(inner))
    network = keras.Model(given, keras.layers.Dense(1, activation="sigmoid")(inner))
    network.compile(loss="binary_crossentropy", optimizer="adam")
    features = table.select(NUMBERS)
    return Model(network, inputs=features, outcome="late", task="binary"), features


KINDS: dict[str, Callable[[pl.DataFrame], tuple[Model, pl.DataFrame]]] = {
    one.__name__: one
    for one in (
        xgboost_classifier,
        xgboost_regressor,
        xgboost_ranker,
        catboost_classifier,
        catboost_regressor,
        onnx_matrix,
        onnx_columns,
        forecast,
        factors,
        detector,
        torch_module,
        keras_network,
    )
}
MULTIPLY = {"keras_network", "torch_module", "onnx_columns"}  # matrices: the last digit may differ
TASKS = {
    "xgboost_regressor": "regression",
    "catboost_regressor": "regression",
    "onnx_columns": "regression",
    "xgboost_ranker": "ranking",
    "factors": "ranking",
    "forecast": "forecast",
    "detector": "anomaly",
}


@pytest.fixture(scope="session")
def made(table: pl.DataFrame) -> dict[str, tuple[Model, pl.DataFrame]]:
    """What was made already: fitting is the slow part, and every test may use the same model."""
    return {}


@pytest.fixture(params=KINDS)
def kind(
    request: pytest.FixtureRequest, table: pl.DataFrame, made: dict[str, Any]
) -> tuple[str, Model, pl.DataFrame]:
    if request.param not in made:
        made[request.param] = KINDS[request.param](table)
    return request.param, *made[request.param]


@pytest.fixture
def packaged(kind: Any, disk_blobs: Any) -> tuple[str, Any]:
    return save_model(kind[1], disk_blobs), disk_blobs


def asked(features: pl.DataFrame, rows: slice = slice(None)) -> dict[str, list[Any]]:
    return {name: features[name].to_list()[rows] for name in features.columns}


def expected(  # noqa: PLR0911 - one way to ask per library
    name: str, model: Model, features: pl.DataFrame
) -> np.ndarray:
    """The answers of the estimator itself, by its library's own way to ask, before any packaging."""
    one = model.estimator
    rows = model.inputs.matrix(features) if model.form == "matrix" else features
    match name:
        case "xgboost_classifier":
            return one.predict_proba(rows)[:, 1]
        case "catboost_classifier":
            codes = [[*row[:2], row[2] or "", *row[3:]] for row in features.rows()]
            return one.predict_proba(
                [[np.nan if cell is None else cell for cell in row] for row in codes]
            )[:, 1]
        case "onnx_matrix":
            from onnx.reference import ReferenceEvaluator

            found = ReferenceEvaluator(one).run(None, {"rows": rows.astype(np.float32)})
            return np.asarray(found[1])[:, 1]
        case "onnx_columns" | "forecast":
            return model.predict(features)
        case "detector":
            return -one.score_samples(rows)
        case "torch_module":
            import torch

            with torch.no_grad():
                return one.eval()(torch.from_numpy(rows.astype(np.float32))).numpy()
        case "keras_network":
            return one(rows.astype(np.float32), training=False).numpy()[:, 0]
        case _:
            return one.predict(rows)


def test_the_predictor_answers_as_the_estimator_did(kind: Any, packaged: Any) -> None:
    name, model, features = kind
    answers = load_predictor(*packaged).predict(asked(features))[model.output]
    assert answers.dtype == np.float64
    tolerance = 1e-6 if name in ("onnx_matrix", *MULTIPLY) else 0
    np.testing.assert_allclose(answers, expected(name, model, features), rtol=tolerance, atol=0)


def test_answers_are_the_same_to_the_bit_after_another_reload(kind: Any, packaged: Any) -> None:
    _, _, features = kind
    digest, blobs = packaged
    first = load_predictor(digest, blobs).score(features)
    np.testing.assert_array_equal(first, load_predictor(digest, blobs).score(features))
    again = save_model(load_model(digest, blobs), blobs)
    np.testing.assert_array_equal(first, load_predictor(again, blobs).score(features))


def test_a_row_gets_the_same_answer_alone_and_in_a_batch(kind: Any, packaged: Any) -> None:
    name, model, features = kind
    predictor = load_predictor(*packaged)
    batch = predictor.predict(asked(features))[model.output][:12]
    alone = [
        predictor.predict(asked(features, slice(at, at + 1)))[model.output][0] for at in range(12)
    ]
    np.testing.assert_allclose(alone, batch, rtol=1e-5 if name in MULTIPLY else 0, atol=0)


def test_a_matrix_is_answered_as_its_columns_are(kind: Any, packaged: Any) -> None:
    _, model, features = kind
    predictor = load_predictor(*packaged)
    if any(column.datatype == "BYTES" for column in model.inputs.columns):
        with pytest.raises(InvalidRequest, match="takes text"):
            predictor.read_matrix(np.zeros((1, features.width)))
        return
    matrix = np.ascontiguousarray(features.to_numpy(), dtype=np.float64)
    answers = predictor.answer(predictor.read_matrix(matrix))
    np.testing.assert_array_equal(answers, predictor.predict(asked(features))[model.output])


def test_rows_read_apart_are_answered_together(kind: Any, packaged: Any) -> None:
    _, model, features = kind
    predictor = load_predictor(*packaged)
    parts = [
        predictor.read(asked(features, cut)) for cut in (slice(0, 1), slice(1, 9), slice(9, 20))
    ]
    together = predictor.answer(join_rows(parts))
    whole = predictor.predict(asked(features, slice(0, 20)))[model.output]
    np.testing.assert_array_equal(together, whole)


def test_threads_may_ask_at_once(kind: Any, packaged: Any) -> None:
    _, _, features = kind
    predictor = load_predictor(*packaged)
    wanted = predictor.score(features)
    wrong: list[str] = []

    def ask() -> None:
        for _ in range(3):
            if not np.array_equal(predictor.score(features), wanted):
                wrong.append("differs")

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_loaded_model_says_what_the_model_said(kind: Any, packaged: Any) -> None:
    name, model, _ = kind
    loaded, package = load_model(*packaged), load_package(*packaged)
    assert loaded.task == package.task == TASKS.get(name, "binary")
    assert (loaded.inputs, loaded.output, loaded.outcome) == (
        model.inputs,
        model.output,
        model.outcome,
    )
    assert loaded.arrangement == model.arrangement
    assert package.library.partition(" ")[2], "the package says which version wrote it"


def test_the_same_model_has_the_same_digest(kind: Any, packaged: Any) -> None:
    digest, blobs = packaged
    assert save_model(kind[1], blobs) == digest
    loaded = load_model(digest, blobs)
    once = save_model(loaded, blobs)
    assert save_model(load_model(once, blobs), blobs) == once


@pytest.mark.parametrize("data", [b"", b"tree\nthis is no model", b"{}", b'{"graph_module": 1}'])
def test_bytes_of_another_kind_are_refused(kind: Any, packaged: Any, data: bytes) -> None:
    digest, blobs = packaged
    package = load_package(digest, blobs)
    fields = {field: getattr(package, field) for field in package.__slots__ if field != "files"}
    forged = type(package)(**fields, files={name: blobs.put(data) for name in package.files})
    with pytest.raises(IntegrityError):
        load_predictor(blobs.put(forged.encode()), blobs)


def test_a_file_too_many_is_refused(kind: Any, packaged: Any) -> None:
    digest, blobs = packaged
    package = load_package(digest, blobs)
    fields = {field: getattr(package, field) for field in package.__slots__ if field != "files"}
    more = {**package.files, "payload.pkl": blobs.put(b"cos\nsystem\n")}
    with pytest.raises(IntegrityError, match=r"payload\.pkl"):
        load_predictor(blobs.put(type(package)(**fields, files=more).encode()), blobs)


def test_a_missing_value_is_answered_where_training_saw_one(table: pl.DataFrame, disk_blobs: Any):
    model, features = xgboost_classifier(table)
    predictor = load_predictor(save_model(model, disk_blobs), disk_blobs)
    row = asked(features, slice(0, 1))
    assert predictor.predict({**row, "wind": [None]})["late"].shape == (1,)
    with pytest.raises(InvalidRequest, match="seats"):
        predictor.predict({**row, "seats": [None]})
    assert predictor.predict({**row, "origin": ["XXX"]})["late"].shape == (1,)


def test_a_forecast_refuses_what_it_can_not_foresee(table: pl.DataFrame, disk_blobs: Any) -> None:
    model, _ = forecast(table)
    predictor = load_predictor(save_model(model, disk_blobs), disk_blobs)
    assert predictor.predict({"origin": ["JFK"], "day": [60]})["delay"].shape == (1,)
    for origin, day in (("JFK", 59), ("JFK", 90), ("ORD", 61)):
        with pytest.raises(InvalidRequest):
            predictor.predict({"origin": [origin], "day": [day]})


def test_a_recommender_puts_a_users_own_kind_of_items_first(table: pl.DataFrame) -> None:
    model, _ = factors(table)
    everything = pl.DataFrame({"user": ["u2"] * 20, "item": list(range(20))})
    best = np.argsort(-model.predict(everything))[:5]
    assert set(best.tolist()) == {10, 11, 12, 13, 14}
    stranger = model.predict(everything.with_columns(user=pl.lit("nobody")))
    assert np.ptp(stranger) > 0, "somebody unknown is answered by popularity"


def test_a_ranking_and_a_forecast_must_say_how_rows_hang_together(table: pl.DataFrame) -> None:
    model, features = xgboost_regressor(table)
    with pytest.raises(UsageError, match="ranked against each other"):
        Model(model.estimator, inputs=features, outcome="delay", task="ranking")
    with pytest.raises(UsageError, match="puts its rows in order"):
        Model(model.estimator, inputs=features, outcome="delay", task="forecast")
    told = Model(model.estimator, inputs=features, outcome="delay", task="forecast", time="hour")
    assert told.task == "forecast"


def test_a_graph_that_reaches_outside_of_itself_is_not_kept(table: pl.DataFrame) -> None:
    import onnx

    model, features = onnx_matrix(table)
    graph = onnx.ModelProto()
    graph.CopyFrom(model.estimator)
    graph.graph.node[0].domain = "com.example.mine"
    with pytest.raises(UsageError, match=r"com\.example\.mine"):
        save_model(Model(graph, inputs=features, outcome="late"), None)
    graph.CopyFrom(model.estimator)
    weight = graph.graph.initializer.add(name="w", data_type=1, dims=[1])
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(UsageError, match="other files"):
        save_model(Model(graph, inputs=features, outcome="late"), None)


def test_equal_trainings_of_catboost_are_one_model(table: pl.DataFrame, disk_blobs: Any) -> None:
    packages = {save_model(catboost_regressor(table)[0], disk_blobs) for _ in range(2)}
    assert len(packages) == 1


def test_a_module_with_an_operator_off_the_list_is_not_kept(table: pl.DataFrame) -> None:
    needs("torch")
    needs("safetensors")
    import torch

    class Noisy(torch.nn.Module):
        in_columns = 3

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return torch.rand_like(rows).sum(dim=1)

    model = Model(Noisy(), inputs=table.select(NUMBERS), outcome="delay", task="regression")
    with pytest.raises(UsageError, match="rand_like"):
        save_model(model, None)


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (("guards_code",), ["__import__('os').abort()"], "code"),
        (("range_constraints",), {"__import__('os')": {"min_val": 1, "max_val": None}}, "computed"),
        (("graph_module", "graph", "nodes", 0, "target"), "torch.hub.load", "operators"),
    ],
)
def test_a_forged_graph_of_pytorch_is_refused_before_it_is_read(
    table: pl.DataFrame, path: tuple[Any, ...], value: Any, why: str
) -> None:
    from towpath.assets.models.flavours import FORMATS

    model, _ = torch_module(table)
    files = FORMATS["torch"].dump(model.estimator)
    graph = msgspec.json.decode(files["graph.json"])
    place = graph
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(IntegrityError, match=why):
        FORMATS["torch"].load({**files, "graph.json": msgspec.json.encode(graph)})
    layout = msgspec.json.decode(files["layout.json"])
    next(iter(layout["weights"].values()))["use_pickle"] = True
    with pytest.raises(IntegrityError, match="pickle"):
        FORMATS["torch"].load({**files, "layout.json": msgspec.json.encode(layout)})


def test_a_network_with_a_class_off_the_list_is_refused_before_it_is_built(
    table: pl.DataFrame,
) -> None:
    from towpath.assets.models.flavours import FORMATS

    model, _ = keras_network(table)
    files = FORMATS["keras"].dump(model.estimator)
    for name, module in (
        ("Lambda", "keras.layers"),
        ("system", "os"),
        ("StringLookup", "keras.layers"),
    ):
        config = msgspec.json.decode(files["config.json"])
        config["config"]["layers"][1]["class_name"] = name
        config["config"]["layers"][1]["module"] = module
        with pytest.raises(IntegrityError, match=f"{module}.{name}"):
            FORMATS["keras"].load({**files, "config.json": msgspec.json.encode(config)})
