"""The attack finds who was learnt from where there is something to find, and says where it can't tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from towpath.assets.models import Model
from towpath.assets.models.membership import Attack, Tried, fit_of, train_shadows

GONE = 40


def people(*, classes: bool, count: int = 500) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({f"x{n}": rng.normal(size=count) for n in range(5)})
    truth = frame["x0"].to_numpy() + rng.normal(size=count)
    return frame.with_columns(y=pl.Series((truth > 0).astype(int) if classes else truth))


def fitted(estimator: Any, rows: pl.DataFrame) -> Model:
    return Model.fit(clone(estimator), rows.drop("y"), rows["y"])


def asked(estimator: Any, rows: pl.DataFrame) -> tuple[Attack, Tried, Tried]:
    """Return the attack, and what it says of the first rows by a model with and one without them."""
    gone, stay = rows[:GONE], rows[GONE:]
    old, new = fitted(estimator, rows), fitted(estimator, stay)
    attack = train_shadows(old, stay, gone, budget_s=60.0)
    assert isinstance(attack, Attack), attack
    before, after = (attack.on(fit_of(one, gone, attack.scale)) for one in (old, new))
    return attack, before, after


@pytest.mark.parametrize(
    ("estimator", "classes"),
    [
        (DecisionTreeClassifier(min_samples_leaf=2, random_state=0), True),
        (DecisionTreeRegressor(min_samples_leaf=2, random_state=0), False),
    ],
)
def test_rows_are_recognised_by_who_learnt_from_them_and_not_by_who_did_not(
    estimator: Any, classes: bool
) -> None:
    attack, before, after = asked(estimator, people(classes=classes))
    assert attack.control.auc.low > 0.5
    assert before.auc.low > 0.5
    assert after.auc.low < 0.5 < after.auc.high
    assert before.auc.value > after.auc.value + 0.1
    assert (before.rows, attack.shadows) == (GONE, 32)


@pytest.mark.parametrize(
    ("estimator", "classes"), [(LogisticRegression(), True), (LinearRegression(), False)]
)
def test_where_nothing_is_remembered_the_control_says_that_it_can_not_tell(
    estimator: Any, classes: bool
) -> None:
    attack, before, after = asked(estimator, people(classes=classes, count=3_000))
    assert attack.control.auc.low <= 0.5
    assert abs(before.auc.value - after.auc.value) < 0.1


def test_the_same_rows_give_the_same_attack() -> None:
    rows = people(classes=True, count=200)
    model = fitted(DecisionTreeClassifier(random_state=0), rows)
    one, two = (train_shadows(model, rows[40:], rows[:40], budget_s=60.0) for _ in range(2))
    assert one == two


def test_a_single_row_gives_wide_bounds() -> None:
    rows = people(classes=True, count=200)
    model = fitted(DecisionTreeClassifier(random_state=0), rows)
    attack = train_shadows(model, rows[1:], rows[:1], budget_s=60.0)
    assert isinstance(attack, Attack)
    told = attack.on(fit_of(model, rows[:1], attack.scale))
    assert told.rows == 1
    assert told.auc.high - told.auc.low > 0.4
    assert told.tpr.high - told.tpr.low > 0.9


def test_why_there_is_none_is_said() -> None:
    rows = people(classes=True, count=100)
    model = fitted(DecisionTreeClassifier(), rows)
    assert "allowed" in str(train_shadows(model, rows[20:], rows[:20], budget_s=0.0))
    one_class = rows.with_columns(y=pl.lit(1, dtype=pl.Int64))
    assert "no outcomes that differ" in str(
        train_shadows(model, one_class[20:], one_class[:20], budget_s=60.0)
    )
    rare = rows.with_columns(y=pl.Series([1] + [0] * 99))
    assert "can't be trained" in str(train_shadows(model, rare[20:], rare[:20], budget_s=60.0))


def test_a_booster_can_not_be_trained_again_from_its_package() -> None:
    lightgbm = pytest.importorskip("lightgbm")
    rows = people(classes=True, count=100)
    model = fitted(lightgbm.LGBMClassifier(n_estimators=2, verbose=-1), rows)
    assert "lightgbm model" in str(train_shadows(model, rows[20:], rows[:20], budget_s=60.0))
