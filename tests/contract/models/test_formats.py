"""What every flavour owes: models that survive packaging and answer as they did before."""

import lightgbm
import numpy as np
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from towpath.assets.models import (
    Model,
    join_rows,
    load_model,
    load_package,
    load_predictor,
    save_model,
)
from towpath.core.errors import CorruptBlob, IntegrityError, InvalidRequest, NotFound

FEATURES = ["wind", "hour", "origin", "night", "seats"]
COMPLETE = ["hour", "night", "seats"]


def columns_pipeline(last):
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["origin"]), (numbers, ["wind", "hour"])
        ),
        last,
    )


QUIET = {"verbose": -1, "n_jobs": 1, "n_estimators": 15, "min_child_samples": 5}
CASES = {
    "lightgbm-classifier": (lambda: lightgbm.LGBMClassifier(**QUIET), FEATURES, "late"),
    "lightgbm-regressor": (lambda: lightgbm.LGBMRegressor(**QUIET), FEATURES, "delay"),
    "histogram-boosting": (lambda: HistGradientBoostingClassifier(max_iter=8), FEATURES, "late"),
    "forest": (lambda: RandomForestClassifier(5, random_state=0), COMPLETE, "late"),
    "gradient-boosting": (lambda: GradientBoostingRegressor(n_estimators=5), COMPLETE, "delay"),
    "pipeline-of-columns": (lambda: columns_pipeline(LogisticRegression()), FEATURES, "late"),
    "pipeline-regressor": (lambda: columns_pipeline(Ridge()), FEATURES, "delay"),
}


@pytest.fixture(params=CASES)
def case(request, table):
    """A fitted estimator, the model around it, and its training features."""
    make, columns, outcome = CASES[request.param]
    estimator = make()
    features = table.select(columns)
    return estimator, Model.fit(estimator, features, table[outcome]), features


@pytest.fixture
def packaged(case, disk_blobs):
    return save_model(case[1], disk_blobs), disk_blobs


def expected(case):
    """The answers of the estimator itself, before any packaging."""
    estimator, model, features = case
    rows = features if model.form == "frame" else model.inputs.matrix(features)
    if model.task == "binary":
        return estimator.predict_proba(rows)[:, 1]
    return estimator.predict(rows)


def test_the_predictor_answers_as_the_estimator_did(case, packaged):
    request = {name: case[2][name].to_list() for name in case[2].columns}
    answers = load_predictor(*packaged).predict(request)
    assert list(answers) == [case[1].output]
    assert answers[case[1].output].dtype == np.float64
    np.testing.assert_array_equal(answers[case[1].output], expected(case))


def test_a_row_gets_the_same_answer_alone_and_in_a_batch(case, packaged):
    predictor = load_predictor(*packaged)
    request = {name: case[2][name].to_list() for name in case[2].columns}
    batch = predictor.predict(request)[case[1].output][:20]
    alone = [
        predictor.predict({name: values[at : at + 1] for name, values in request.items()})
        for at in range(20)
    ]
    rows = np.array([one[case[1].output][0] for one in alone])
    if case[1].form == "matrix":
        np.testing.assert_array_equal(rows, batch)
    else:
        np.testing.assert_allclose(rows, batch, rtol=1e-12)


def test_a_matrix_is_answered_as_its_columns_are(case, packaged):
    predictor = load_predictor(*packaged)
    features = case[2]
    request = {name: features[name].to_list() for name in features.columns}
    if "origin" in features.columns:
        with pytest.raises(InvalidRequest, match="'origin' takes text"):
            predictor.read_matrix(np.zeros((1, features.width)))
        return
    matrix = np.ascontiguousarray(features.to_numpy(), dtype=np.float64)
    answers = predictor.answer(predictor.read_matrix(matrix))
    np.testing.assert_array_equal(answers, predictor.predict(request)[case[1].output])


def test_rows_read_apart_are_answered_together(case, packaged):
    predictor = load_predictor(*packaged)
    columns = {name: case[2][name].to_list() for name in case[2].columns}
    cuts = [slice(0, 1), slice(1, 9), slice(9, 20)]
    parts = [
        predictor.read({name: values[cut] for name, values in columns.items()}) for cut in cuts
    ]
    together = predictor.answer(join_rows(parts))
    whole = predictor.predict({name: values[:20] for name, values in columns.items()})
    np.testing.assert_array_equal(together, whole[case[1].output])


def test_a_stored_table_scores_like_a_request(case, packaged):
    np.testing.assert_array_equal(load_predictor(*packaged).score(case[2]), expected(case))


def test_a_loaded_model_is_the_model(case, packaged):
    digest, blobs = packaged
    model = load_model(digest, blobs)
    assert (model.task, model.output, model.inputs) == (
        case[1].task,
        case[1].output,
        case[1].inputs,
    )
    again = save_model(model, blobs)
    np.testing.assert_array_equal(load_predictor(again, blobs).score(case[2]), expected(case))


def test_the_same_model_has_the_same_digest(case, packaged):
    digest, blobs = packaged
    assert save_model(case[1], blobs) == digest


def test_a_changed_file_is_found_and_named(case, packaged):
    digest, blobs = packaged
    (file,) = load_package(digest, blobs).files.values()
    with blobs.open_local(file) as path:
        path.chmod(0o600)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    with pytest.raises(CorruptBlob, match=file):
        load_predictor(digest, blobs)


def test_a_missing_file_is_named(case, packaged):
    digest, blobs = packaged
    (file,) = load_package(digest, blobs).files.values()
    blobs.delete(file)
    with pytest.raises(NotFound, match=file):
        load_predictor(digest, blobs)


def test_bytes_of_another_kind_are_refused(case, packaged):
    digest, blobs = packaged
    package = load_package(digest, blobs)
    (name,) = package.files
    files = {name: blobs.put(b"tree\nthis is no model")}
    forged = type(package)(
        **{field: getattr(package, field) for field in package.__slots__ if field != "files"},
        files=files,
    )
    with pytest.raises(IntegrityError):
        load_predictor(blobs.put(forged.encode()), blobs)


def test_no_rows_get_no_answers(case, packaged):
    answers = load_predictor(*packaged).predict({name: [] for name in case[2].columns})
    assert answers[case[1].output].shape == (0,)


def test_the_signature_says_what_it_takes(case, packaged):
    predictor = load_predictor(*packaged)
    types = {
        "wind": ("FP64", True),
        "hour": ("INT32", False),
        "origin": ("BYTES", False),
        "night": ("BOOL", False),
        "seats": ("FP32", False),
    }
    found = {one.name: (one.datatype, one.nullable) for one in predictor.signature.inputs}
    assert found == {name: types[name] for name in case[2].columns}
    assert predictor.signature.output == case[1].output
    assert predictor.package == packaged[0]
    assert isinstance(case[2], pl.DataFrame)
