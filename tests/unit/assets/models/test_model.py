"""A model is what its estimator can do, or it is refused before anything is stored."""

import lightgbm
import numpy as np
import polars as pl
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import OneClassSVM

from towpath.assets.models import Inputs, Model
from towpath.core.errors import UsageError

RANDOM = np.random.default_rng(1)
FRAME = pl.DataFrame({"a": RANDOM.normal(size=200), "o": RANDOM.choice(["x", "y"], 200)})
LATE = pl.Series("late", (FRAME["a"] > 0).cast(pl.Int8))
QUIET = {"verbose": -1, "n_jobs": 1, "n_estimators": 3, "min_child_samples": 5}


def fit(estimator, features=FRAME, outcome=LATE, **more):
    return Model.fit(estimator, features, outcome, **more)


def test_fit_takes_names_and_task_from_what_it_is_given():
    model = fit(lightgbm.LGBMClassifier(**QUIET))
    assert (model.task, model.outcome, model.output) == ("binary", "late", "late")
    assert model.signature.output == "late"
    assert "LGBMClassifier" in repr(model)


def test_text_columns_become_categories_of_the_trees():
    outcome = pl.Series("late", (FRAME["o"] == "x").cast(pl.Int8))
    booster = fit(lightgbm.LGBMClassifier(**QUIET), outcome=outcome).estimator.booster_
    split = booster.dump_model()["tree_info"][0]["tree_structure"]
    assert (split["split_feature"], split["decision_type"]) == (1, "==")


def test_a_bare_booster_will_do():
    inputs = Inputs.of(FRAME)
    data = lightgbm.Dataset(
        inputs.matrix(FRAME), LATE.to_numpy(), categorical_feature=inputs.categorical
    )
    booster = lightgbm.train({"objective": "binary", "verbosity": -1}, data, 3)
    model = Model(booster, inputs=inputs, outcome="late", output="chance")
    assert (model.task, model.output, model.outcome) == ("binary", "chance", "late")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Model(object(), inputs=FRAME, outcome="late"), "object is not a model"),
        (
            lambda: Model(lightgbm.LGBMClassifier(), inputs=FRAME, outcome="late"),
            "no fitted booster",
        ),
        (lambda: Model(LogisticRegression(), inputs=FRAME, outcome="late"), "is not fitted"),
        (lambda: fit(lightgbm.LGBMClassifier(**QUIET), task="regression"), "does binary"),
        (lambda: fit(KMeans(2, n_init=1)), "neither a probability nor a value"),
        (lambda: fit(OneClassSVM(), task="binary"), "does anomaly, not binary"),
        (lambda: fit(RidgeClassifier()), "neither a probability nor a value"),
        (
            lambda: fit(lightgbm.LGBMClassifier(**QUIET), outcome=LATE.cast(pl.String)),
            "other than 0 and 1",
        ),
        (
            lambda: fit(LogisticRegression(), outcome=LATE.replace(0, 2)),
            "other than 0 and 1",
        ),
        (
            lambda: fit(
                lightgbm.LGBMClassifier(**QUIET, objective="multiclass", num_class=3),
                outcome=pl.Series("late", RANDOM.integers(0, 3, 200)),
            ),
            "other than 0 and 1",
        ),
        (
            lambda: Model(
                fit(lightgbm.LGBMClassifier(**QUIET)).estimator,
                inputs=FRAME.select("a"),
                outcome="late",
            ),
            "fitted on 2 columns, but inputs has 1",
        ),
        (lambda: fit(LogisticRegression(), outcome=LATE.alias("a")), "is among the model's inputs"),
        (lambda: fit(LogisticRegression(), outcome=LATE.head(5)), "5 values"),
        (
            lambda: fit(LogisticRegression(), outcome=pl.Series("late", [None] * 200)),
            "200 of them missing",
        ),
    ],
)
def test_what_could_not_be_served_is_refused_at_once(make, message):
    with pytest.raises(UsageError, match=message):
        make()
