"""Explanations add up, and are the Shapley values that their definition asks for."""

import itertools
import json
import math

import lightgbm
import numpy as np
import polars as pl
import pytest
from peer_environments import ask_peer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from towpath.assets.models import Model, compile_package, load_predictor, save_model
from towpath.assets.models.explaining import Background, load_explainer
from towpath.assets.models.explaining.background import POINTS
from towpath.assets.models.explaining.shapley import over_orders
from towpath.assets.models.reference import build_reference
from towpath.core.errors import InvalidRequest, NotFound

ALL = ["wind", "hour", "origin", "night", "seats"]
NUMBERS = ["hour", "night", "seats"]


def opened(blobs, estimator, features, outcome, *, compiled=False):
    """Return an explainer, a predictor and the reference that the explainer may draw from."""
    model = Model.fit(estimator, features, outcome)
    digest = save_model(model, blobs)
    if compiled:
        digest = compile_package(digest, features, blobs)
    reference = build_reference(features, columns=features.columns, task=model.task)
    explainer = load_explainer(digest, blobs, lambda: reference)
    return explainer, load_predictor(digest, blobs), reference, model.inputs


def asked(frame):
    return {name: frame[name].to_list() for name in frame.columns}


def shapley(worth, players):
    """Return Shapley values by their definition: the mean gain over all orders."""
    shares = dict.fromkeys(players, 0.0)
    for order in itertools.permutations(players):
        there = frozenset()
        for one in order:
            shares[one] += worth(there | {one}) - worth(there)
            there |= {one}
    count = math.factorial(len(players))
    return [shares[one] / count for one in players]


def test_trees_give_the_shapley_values_of_the_ways_that_training_rows_went(table, disk_blobs):
    features = table.select("hour", "night", "seats").cast(pl.Float64)
    settings = {"n_estimators": 4, "num_leaves": 6, "verbose": -1, "min_child_samples": 9}
    estimator = lightgbm.LGBMClassifier(**settings, n_jobs=1)
    explainer, *_ = opened(disk_blobs, estimator, features, table["late"])
    some = features.head(5)
    found = explainer.explain(asked(some))
    trees = estimator.booster_.dump_model()["tree_info"]

    def value(node, row, known):
        if "leaf_value" in node:
            return node["leaf_value"]
        left, right = node["left_child"], node["right_child"]
        column = node["split_feature"]
        if column in known:
            return value(left if row[column] <= node["threshold"] else right, row, known)
        weights = [one.get("internal_count", one.get("leaf_count")) for one in (left, right)]
        sides = [value(one, row, known) for one in (left, right)]
        return float(np.average(sides, weights=weights))

    for at, row in enumerate(some.rows()):

        def worth(known, row=row):
            return sum(value(one["tree_structure"], row, known) for one in trees)

        np.testing.assert_allclose(found.contributions[at], shapley(worth, range(3)), atol=1e-12)
        np.testing.assert_allclose(found.base[at], worth(frozenset()), atol=1e-12)
    assert (found.method, found.scale) == ("trees", "log-odds")


def test_lightgbms_contributions_are_its_own_bit_for_bit(table, disk_blobs):
    features = table.select(ALL)
    estimator = lightgbm.LGBMClassifier(n_estimators=30, verbose=-1, n_jobs=1)
    explainer, predictor, _, inputs = opened(disk_blobs, estimator, features, table["late"])
    found = explainer.explain(asked(features))
    theirs = estimator.booster_.predict(inputs.matrix(features), pred_contrib=True)
    np.testing.assert_array_equal(np.column_stack([found.contributions, found.base]), theirs)
    answers = predictor.score(features)
    np.testing.assert_allclose(1 / (1 + np.exp(-found.raw)), answers, rtol=1e-12)


SHAP = """
import json
import lightgbm
import numpy
import shap

given = json.load(open(sys.argv[1]))
rows, background = numpy.array(given["rows"]), numpy.array(given["background"])
trees = shap.TreeExplainer(lightgbm.Booster(model_str=given["trees"])).shap_values(rows)


def curve(x):
    parts = numpy.prod(x[:, None, :] ** numpy.array(given["powers"])[None], axis=2)
    return 1 / (1 + numpy.exp(-(parts @ numpy.array(given["weights"]) + given["offset"])))


masker = shap.maskers.Independent(background, max_samples=len(background))
curves = shap.explainers.Exact(curve, masker)(rows).values
print(json.dumps({"trees": trees.tolist(), "curves": curves.tolist()}))
"""


def test_shap_gives_the_same_numbers(table, disk_blobs, tmp_path):
    """SHAP itself, for trees and by all sets of columns; it brings a compiler, so it lives elsewhere."""
    features = table.select(NUMBERS).cast(pl.Float64)
    some = features.head(8)
    trees = lightgbm.LGBMRegressor(n_estimators=20, verbose=-1, n_jobs=1)
    by_trees, *_ = opened(disk_blobs, trees, features, table["delay"])
    curves = make_pipeline(PolynomialFeatures(2), LogisticRegression(max_iter=5000))
    by_sets, _, reference, inputs = opened(disk_blobs, curves, features, table["late"])
    background = Background.of(reference, inputs)
    given = {
        "rows": some.to_numpy().tolist(),
        "background": np.column_stack([background.columns[name] for name in NUMBERS]).tolist(),
        "trees": trees.booster_.model_to_string(),
        "powers": curves[0].powers_.tolist(),
        "weights": curves[1].coef_[0].tolist(),
        "offset": float(curves[1].intercept_[0]),
    }
    file = tmp_path / "given.json"
    file.write_text(json.dumps(given))
    theirs = ask_peer(SHAP, ["shap", "lightgbm"], str(file))
    contributions = by_trees.explain(asked(some)).contributions
    np.testing.assert_array_equal(contributions, theirs["trees"])
    np.testing.assert_allclose(
        by_sets.explain(asked(some)).contributions, theirs["curves"], atol=1e-9
    )


@pytest.mark.parametrize("library", ["xgboost", "catboost"])
@pytest.mark.parametrize("kind", ["binary", "regression", "counts"])
def test_other_trees_contributions_add_up_to_the_raw_answer(library, kind, table, disk_blobs):
    module = pytest.importorskip(library)
    counts = (table["delay"] - table["delay"].min()).floor()
    outcome = {"binary": table["late"], "regression": table["delay"], "counts": counts}[kind]
    is_binary, is_count = kind == "binary", kind == "counts"
    if library == "xgboost":
        make = module.XGBClassifier if is_binary else module.XGBRegressor
        more = {"objective": "count:poisson"} if is_count else {}
        estimator = make(n_estimators=8, n_jobs=1, **more)
    else:
        make = module.CatBoostClassifier if is_binary else module.CatBoostRegressor
        quiet = {"verbose": False, "allow_writing_files": False, "thread_count": 1}
        more = {"loss_function": "Poisson"} if is_count else {}
        estimator = make(iterations=8, **quiet, **more)
    features = table.select(ALL)
    explainer, predictor, *_ = opened(disk_blobs, estimator, features, outcome)
    found = explainer.explain(asked(features.head(50)))
    total = found.base + found.contributions.sum(axis=1)
    np.testing.assert_allclose(total, found.raw, atol=2e-5)
    undone = {
        "log-odds": lambda raw: 1 / (1 + np.exp(-raw)),
        "value": lambda raw: raw,
        "log": np.exp,
    }
    answers = predictor.score(features.head(50))
    np.testing.assert_allclose(undone[found.scale](found.raw), answers, rtol=1e-4)
    assert found.scale == {"binary": "log-odds", "regression": "value", "counts": "log"}[kind]
    assert np.abs(found.contributions).max() > 0


def test_lines_are_weights_times_distances_from_the_mean(table, disk_blobs):
    features = table.select(NUMBERS)
    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    explainer, predictor, *_ = opened(disk_blobs, estimator, features, table["late"])
    found = explainer.explain(asked(features.head(40)))
    assert (found.method, found.scale) == ("linear", "log-odds")
    assert found.settings["points"] == POINTS != len(NUMBERS)
    answers = predictor.score(features.head(40))
    np.testing.assert_allclose(1 / (1 + np.exp(-found.raw)), answers, rtol=1e-9)
    np.testing.assert_allclose(found.base + found.contributions.sum(axis=1), found.raw)
    weights = estimator[-1].coef_[0] / estimator[0].scale_
    given = features.to_numpy().astype(float)
    steps = found.contributions[1] - found.contributions[0]
    np.testing.assert_allclose(steps, weights * (given[1] - given[0]), atol=1e-12)


@pytest.mark.parametrize("compiled", [False, True])
def test_any_other_model_is_explained_by_all_sets_of_its_columns(table, disk_blobs, compiled):
    features = table.select(NUMBERS).cast(pl.Float64)
    curves = make_pipeline(PolynomialFeatures(2), LogisticRegression(max_iter=5000))
    explainer, predictor, reference, inputs = opened(
        disk_blobs, curves, features, table["late"], compiled=compiled
    )
    some = features.head(2)
    found = explainer.explain(asked(some))
    background = Background.of(reference, inputs)
    points = len(background.columns["hour"])
    assert found.settings == {"background": background.digest, "points": points}
    for at, row in enumerate(some.rows(named=True)):

        def worth(known, row=row):
            columns = {
                name: [row[name]] * points if name in known else list(values)
                for name, values in background.columns.items()
            }
            return float(predictor.predict(columns)["late"].mean())

        np.testing.assert_allclose(found.contributions[at], shapley(worth, NUMBERS), atol=1e-12)
    np.testing.assert_allclose(found.base + found.contributions.sum(axis=1), found.raw)
    np.testing.assert_array_equal(found.raw, predictor.score(some))
    assert (found.method, found.scale) == ("coalitions", "probability")


def test_many_columns_are_sampled_add_up_and_say_how_far_off_they_may_be(disk_blobs):
    random = np.random.default_rng(1)
    names = [f"x{at}" for at in range(20)]
    features = pl.DataFrame(random.normal(size=(300, 20)), schema=names)
    outcome = pl.Series("y", features.to_numpy() @ np.arange(20.0))
    explainer, *_ = opened(disk_blobs, KNeighborsRegressor(5), features, outcome)
    found = explainer.explain(asked(features.head(1)))
    assert found.method == "permutations"
    assert 0 < found.settings["standard_error"] < np.abs(found.contributions).max()
    np.testing.assert_allclose(found.base + found.contributions.sum(axis=1), found.raw)
    again = explainer.explain(asked(features.head(1)))
    np.testing.assert_array_equal(found.contributions, again.contributions)


def test_sampling_is_exact_where_columns_add_up():
    """In an additive game the order of columns does not matter, so every sample is the truth."""
    weights = np.random.default_rng(2).normal(size=20)
    shares = over_orders(lambda masks: 3.0 + masks @ weights, 20, 16)
    np.testing.assert_allclose(shares.contributions, weights, atol=1e-12)
    assert shares.base == 3.0
    assert shares.error < 1e-12


def test_the_background_is_spread_as_the_rows_were_and_holds_none_of_them(table):
    features = table.select(ALL)
    reference = build_reference(features, columns=ALL)
    model = Model.fit(lightgbm.LGBMClassifier(n_estimators=1, verbose=-1), features, table["late"])
    background = Background.of(reference, model.inputs)
    origins = background.columns["origin"]
    shares = {one: origins.count(one) / len(origins) for one in set(origins)}
    true = dict(features["origin"].value_counts(normalize=True).rows())
    assert all(abs(shares[one] - true[one]) < 0.1 for one in true)
    assert abs(np.mean(background.columns["hour"]) - features["hour"].mean()) < 1.5
    assert background.columns["wind"].count(None) >= 1
    assert all(isinstance(one, bool) for one in background.columns["night"])
    together = set(zip(*(background.columns[name] for name in ALL), strict=True))
    assert not together & set(features.rows())
    assert Background.of(reference, model.inputs) == background


def test_rows_that_the_model_does_not_take_are_refused(table, disk_blobs):
    features = table.select(NUMBERS)
    forest = RandomForestClassifier(3, random_state=0)
    explainer, *_ = opened(disk_blobs, forest, features, table["late"])
    with pytest.raises(InvalidRequest, match="lacks the column"):
        explainer.explain({"hour": [1]})
    with pytest.raises(InvalidRequest, match="Send at most 16"):
        explainer.explain(asked(features.head(17)))


def test_a_model_whose_reference_is_gone_can_not_be_explained_from_nothing(table, disk_blobs):
    def gone():
        raise NotFound("there is no such blob")

    model = Model.fit(Ridge(), table.select(NUMBERS), table["delay"])
    with pytest.raises(NotFound):
        load_explainer(save_model(model, disk_blobs), disk_blobs, gone)
