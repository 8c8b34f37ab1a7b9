"""Compiled models answer as the library does, say what they are, and refuse what it refuses."""

import dataclasses

import numpy as np
import polars as pl
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from towpath.assets.models import (
    Execution,
    Model,
    compile_package,
    load_model,
    load_package,
    load_predictor,
    save_model,
)
from towpath.core.errors import IntegrityError, InvalidRequest, NotFound
from towpath.storage.blobs import open_blobs

ALL = ["wind", "hour", "origin", "night", "seats"]
COMPLETE = ["hour", "night", "seats"]
FRAME = ["origin", "hour", "seats"]
PARITY = 1e-6

pytest.importorskip("skl2onnx", reason="the extra `onnx` is not installed")


def columns(last):
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["origin"]),
            (StandardScaler(), ["hour", "seats"]),
        ),
        last,
    )


COMPILED = {
    "histogram-classifier": (HistGradientBoostingClassifier(max_iter=20), ALL, "late"),
    "histogram-poisson": (
        HistGradientBoostingRegressor(loss="poisson", max_iter=9),
        ALL,
        "delay_min",
    ),
    "forest": (RandomForestClassifier(9, random_state=0), ALL, "late"),
    "extra-trees": (ExtraTreesRegressor(9, random_state=0), COMPLETE, "delay"),
    "boosting-classifier": (GradientBoostingClassifier(n_estimators=9), COMPLETE, "late"),
    "boosting-regressor": (GradientBoostingRegressor(n_estimators=9), COMPLETE, "delay"),
    "tree": (DecisionTreeClassifier(max_depth=4), COMPLETE, "late"),
    "stump-of-one-leaf": (DecisionTreeClassifier(min_samples_leaf=400), COMPLETE, "late"),
    "logistic": (LogisticRegression(max_iter=999), COMPLETE, "late"),
    "poisson": (PoissonRegressor(), COMPLETE, "delay_min"),
    "ridge": (Ridge(), COMPLETE, "delay"),
    "scaled": (make_pipeline(StandardScaler(), LogisticRegression()), COMPLETE, "late"),
    "columns-line": (columns(LogisticRegression()), FRAME, "late"),
    "columns-forest": (columns(RandomForestClassifier(5, random_state=0)), FRAME, "late"),
}


@pytest.fixture(scope="module")
def rows(table):
    return table.with_columns((pl.col("delay") - pl.col("delay").min()).alias("delay_min"))


def packaged(case, rows, blobs):
    """Return the digests of a model's package as it was made, and as it was compiled."""
    estimator, names, outcome = case
    model = Model.fit(estimator, rows.select(names), rows[outcome])
    native = save_model(model, blobs)
    return native, compile_package(native, rows, blobs)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return open_blobs(
        f"file://{tmp_path_factory.mktemp('blobs')}", cache_dir=tmp_path_factory.mktemp("cache")
    )


@pytest.fixture(scope="module", params=COMPILED)
def pair(request, rows, store):
    return COMPILED[request.param], *packaged(COMPILED[request.param], rows, store)


def test_the_package_names_the_form_that_answers_and_what_it_was_compared_on(pair, store, rows):
    _, native, compiled = pair
    execution = load_package(compiled, store).execution
    assert execution.kind == "onnx", execution.reason
    assert execution.rows == rows.height
    assert execution.parity <= PARITY
    assert load_package(native, store).execution == Execution()
    assert execution == Execution.from_json(execution.to_json())


def test_answers_are_the_librarys_on_rows_it_was_not_compared_on(pair, store, rows):
    (_, names, _), native, compiled = pair
    random = np.random.default_rng(3)
    others = (
        rows.select(names)
        .sample(400, with_replacement=True, seed=5)
        .with_columns((pl.col("hour") + pl.Series(random.integers(-3, 3, 400))).cast(pl.Int32))
    )
    wanted = load_predictor(native, store).score(others)
    given = load_predictor(compiled, store).score(others)
    assert np.max(np.abs(wanted - given) / np.maximum(1, np.abs(wanted))) <= PARITY


def test_a_rows_answer_has_the_same_bits_alone_and_in_any_batch(pair, store, rows):
    (_, names, _), _, compiled = pair
    predictor = load_predictor(compiled, store)
    some = rows.select(names).head(257)
    together = predictor.score(some)
    alone = np.concatenate([predictor.score(some[at]) for at in range(0, 257, 8)])
    np.testing.assert_array_equal(together[::8], alone)
    np.testing.assert_array_equal(together[32:96], predictor.score(some[32:96]))


def test_the_same_model_compiles_to_the_same_package(pair, store, rows):
    _, native, compiled = pair
    assert compile_package(native, rows, store) == compiled
    assert compile_package(compiled, rows, store) == compiled


def test_training_goes_on_from_the_estimator_not_from_the_graph(pair, store):
    (estimator, _, _), native, compiled = pair
    loaded = load_model(compiled, store)
    assert type(loaded.estimator) is type(estimator)
    assert save_model(loaded, store) == save_model(load_model(native, store), store)


def test_thresholds_keep_all_their_bits(disk_blobs):
    """Between two neighbouring 64-bit numbers that are one in 32 bits, the tree still tells apart."""
    low = 16_777_217.0  # 2**24 + 1 is not a 32-bit number
    high = np.nextafter(low, np.inf)
    features = pl.DataFrame({"at": [low] * 40 + [high] * 40})
    late = pl.Series("late", [0] * 40 + [1] * 40)
    estimator = HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=5)
    native = save_model(Model.fit(estimator, features, late), disk_blobs)
    predictor = load_predictor(compile_package(native, features, disk_blobs), disk_blobs)
    answers = predictor.score(pl.DataFrame({"at": [low, high]}))
    assert load_package(predictor.package, disk_blobs).execution.kind == "onnx"
    assert answers[0] != answers[1]


def test_what_the_library_refuses_is_refused_compiled(rows, disk_blobs):
    case = (LogisticRegression(max_iter=999), ["hour", "origin"], "late")
    _, compiled = packaged(case, rows, disk_blobs)
    assert not load_package(compiled, disk_blobs).execution.takes_missing
    predictor = load_predictor(compiled, disk_blobs)
    with pytest.raises(InvalidRequest, match="can't answer these rows"):
        predictor.predict({"hour": [3], "origin": ["somewhere new"]})


NATIVE = {
    "beside": (
        CalibratedClassifierCV(RandomForestClassifier(3, random_state=0), cv=2),
        COMPLETE,
        "late",
        "32 bits",
    ),
    "detector": (IsolationForest(n_estimators=5, random_state=0), COMPLETE, None, ""),
    "rounded": (
        make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)),
        COMPLETE,
        "late",
        "rounds to 32 bits",
    ),
}


@pytest.mark.parametrize("name", NATIVE)
def test_what_would_answer_otherwise_stays_native_and_says_why(name, rows, disk_blobs):
    estimator, names, outcome, why = NATIVE[name]
    model = Model.fit(estimator, rows.select(names), "late" if outcome is None else rows[outcome])
    native = save_model(model, disk_blobs)
    decided = compile_package(native, rows, disk_blobs)
    execution = load_package(decided, disk_blobs).execution
    assert execution.kind == "native"
    assert execution.reason
    assert why in execution.reason
    some = rows.select(names)
    np.testing.assert_array_equal(
        load_predictor(decided, disk_blobs).score(some),
        load_predictor(native, disk_blobs).score(some),
    )


def test_a_package_without_test_rows_stays_native(rows, disk_blobs):
    model = Model.fit(Ridge(), rows.select(COMPLETE), rows["delay"])
    decided = compile_package(save_model(model, disk_blobs), rows.clear(), disk_blobs)
    assert "no test rows" in load_package(decided, disk_blobs).execution.reason


def test_a_graph_that_was_changed_or_is_gone_never_falls_back_to_the_library(rows, disk_blobs):
    _, compiled = packaged(COMPILED["ridge"], rows, disk_blobs)
    package = load_package(compiled, disk_blobs)
    graph = package.files[package.execution.file]
    forged = dataclasses.replace(
        package, files={**package.files, package.execution.file: disk_blobs.put(b"no graph")}
    )
    with pytest.raises(IntegrityError):
        load_predictor(disk_blobs.put(forged.encode()), disk_blobs)
    disk_blobs.delete(graph)
    with pytest.raises(NotFound):
        load_predictor(compiled, disk_blobs)


def test_an_older_program_refuses_a_compiled_package_and_reads_a_native_one(pair, store):
    """Format 1 is what programs from before compiled forms read."""
    _, native, compiled = pair
    assert b'"format":1,' in store.get(native)
    assert b'"format":2,' in store.get(compiled)
