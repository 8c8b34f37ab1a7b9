"""A LightGBM model answers batches by a graph, single rows by the library, and both with the same bits."""

import lightgbm
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from towpath.assets.models import (
    Inputs,
    Model,
    compile_package,
    load_model,
    load_package,
    load_predictor,
    save_model,
)
from towpath.storage.blobs import open_blobs

COLUMNS = ["a", "b", "c"]
QUIET = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, "num_leaves": 15}
COMPILED = {
    "binary": {"objective": "binary"},
    "cross-entropy": {"objective": "cross_entropy"},
    "regression": {"objective": "regression"},
    "quantile": {"objective": "quantile", "alpha": 0.9},
    "poisson": {"objective": "poisson"},
    "nothing-missing": {"objective": "binary", "use_missing": False},
    "one-leaf": {"objective": "binary", "min_data_in_leaf": 900},
    "dart": {"objective": "regression", "boosting": "dart", "drop_rate": 0.5},
}
NATIVE = {
    "sets": ({"categorical_feature": [2], "min_data_per_group": 1}, "categories"),
    "zeros": ({"zero_as_missing": True}, "zeros"),
    "lines": ({"objective": "regression", "linear_tree": True}, "lines"),
    "forest": ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "averages"),
    "steep": ({"sigmoid": 2.0}, "link"),
    "roots": ({"objective": "regression", "reg_sqrt": True}, "link"),
}

pytest.importorskip("onnx", reason="the extra `onnx` is not installed")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return open_blobs(
        f"file://{tmp_path_factory.mktemp('blobs')}", cache_dir=tmp_path_factory.mktemp("cache")
    )


@pytest.fixture(scope="module")
def rows():
    dice = np.random.default_rng(11)
    values = dice.normal(size=(900, 3)).round(2)
    values[:, 2] = dice.integers(0, 6, 900)
    values[dice.random((900, 3)) < 0.1] = np.nan
    values[:, 2] = np.nan_to_num(values[:, 2])
    return pl.DataFrame({name: values[:, at] for at, name in enumerate(COLUMNS)}).with_columns(
        pl.col("a", "b").fill_nan(None)
    )


def packaged(asked, rows, store):
    """Return the digests of a package as it was made, and as it was compiled."""
    matrix = rows.select(COLUMNS).to_numpy()
    late = (np.nan_to_num(matrix[:, 0]) + matrix[:, 2] / 3 > 0.7).astype(float)
    settings = {**QUIET, "objective": "binary", **asked}
    missing = {name: settings.pop(name) for name in ("categorical_feature",) if name in settings}
    booster = lightgbm.train(
        settings, lightgbm.Dataset(matrix, late, params=settings, **missing), 12
    )
    model = Model(booster, inputs=Inputs.of(rows.select(COLUMNS)), outcome="late")
    native = save_model(model, store)
    return native, compile_package(native, rows, store)


@pytest.fixture(scope="module", params=COMPILED)
def pair(request, rows, store):
    return packaged(COMPILED[request.param], rows, store)


def test_the_package_says_which_form_answers_what(pair, rows, store):
    _, compiled = pair
    execution = load_package(compiled, store).execution
    assert (execution.kind, execution.alone) == ("onnx", "native"), execution.reason
    assert (execution.parity, execution.rows) == (0.0, rows.height)
    assert "native's very bits on 900 rows" in str(execution)
    assert save_model(load_model(compiled, store), store) == save_model(
        load_model(pair[0], store), store
    )


def test_answers_have_the_librarys_bits_alone_and_in_any_batch(pair, store):
    native, compiled = (load_predictor(one, store) for one in pair)
    cuts = thresholds(load_model(pair[0], store).estimator)
    odd = [np.nan, 0.0, -0.0, 1e-40, 1e300, -1e300, np.inf, -np.inf]
    values = np.array([*cuts, *np.nextafter(cuts, np.inf), *np.nextafter(cuts, -np.inf), *odd])

    @given(st.lists(st.tuples(*[st.sampled_from(values)] * 3), min_size=1, max_size=70))
    @settings(max_examples=60, deadline=None)
    def check(some):
        matrix = np.array(some)
        wanted = native.answer(matrix)
        np.testing.assert_array_equal(compiled.answer(matrix), wanted)
        alone = [compiled.answer(matrix[at : at + 1])[0] for at in range(len(matrix))]
        np.testing.assert_array_equal(alone, wanted)

    check()


def thresholds(booster):
    """Return every value that a tree compares with."""
    table = booster.trees_to_dataframe()
    found = table["threshold"].dropna().astype(float).unique() if "threshold" in table else []
    return np.array([*found, 0.5])


@pytest.mark.parametrize("name", NATIVE)
def test_what_a_graph_would_answer_otherwise_stays_native_and_says_why(name, rows, store):
    asked, why = NATIVE[name]
    native, decided = packaged(asked, rows, store)
    execution = load_package(decided, store).execution
    assert execution.kind == "native"
    assert why in execution.reason
    some = rows.select(COLUMNS)
    np.testing.assert_array_equal(
        load_predictor(decided, store).score(some), load_predictor(native, store).score(some)
    )
