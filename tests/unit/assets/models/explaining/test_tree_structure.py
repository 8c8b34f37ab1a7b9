"""What is read off ensembles of trees agrees with the libraries, and with the definition."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

import lightgbm
import numpy as np
import polars as pl
import pytest

from towpath.assets.models import Model, load_predictor, save_model
from towpath.assets.models.explaining import load_explainer, load_structure

NAMES = ["income", "debt", "years"]


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    random = np.random.default_rng(5)
    frame = pl.DataFrame({name: random.normal(size=400).round(2) for name in NAMES})
    holes = pl.Series(random.random(400) < 0.1)
    return frame.with_columns(years=pl.when(~holes).then(pl.col("years")))


@pytest.fixture(scope="module")
def truth(rows: pl.DataFrame) -> pl.Series:
    late = (rows["income"] + 0.7 * rows["years"].fill_null(1.0) - rows["debt"] ** 2) > 0
    return late.cast(pl.Int8).alias("late")


def estimators() -> list[Any]:
    from catboost import CatBoostClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.tree import DecisionTreeRegressor
    from xgboost import XGBClassifier

    return [
        lightgbm.LGBMClassifier(n_estimators=12, num_leaves=7, verbose=-1, n_jobs=1),
        XGBClassifier(n_estimators=12, max_depth=3, n_jobs=1),
        CatBoostClassifier(iterations=12, depth=3, verbose=False, thread_count=1, allow_writing_files=False),
        HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=6),
        RandomForestClassifier(n_estimators=7, max_depth=4, random_state=1),
        DecisionTreeRegressor(max_depth=3, random_state=1),
    ]  # fmt: skip


@pytest.fixture(params=estimators(), ids=lambda one: type(one).__name__)
def package(request: Any, rows: pl.DataFrame, truth: pl.Series, blobs: Any) -> str:
    return save_model(Model.fit(request.param, rows, truth), blobs)


@pytest.fixture
def blobs(disk_blobs: Any) -> Any:
    return disk_blobs


def columns_of(rows: pl.DataFrame) -> dict[str, list[Any]]:
    return {name: rows[name].to_list() for name in rows.columns}


def test_rows_with_the_same_leaves_get_the_same_answer_and_others_differ_somewhere(
    package: str, rows: pl.DataFrame, blobs: Any
) -> None:
    structure = load_structure(package, blobs)
    predictor = load_predictor(package, blobs)
    assert structure is not None
    leaves = structure.leaves(predictor.read(columns_of(rows)))
    assert leaves.shape[0] == rows.height
    assert leaves.shape[1] >= 1
    answers = predictor.predict(columns_of(rows))["late"]
    by_leaves: dict[tuple[int, ...], set[float]] = {}
    for path, answer in zip(leaves.tolist(), answers.tolist(), strict=True):
        by_leaves.setdefault(tuple(path), set()).add(answer)
    assert all(len(found) == 1 for found in by_leaves.values())
    assert len(by_leaves) > 5


def test_the_answer_is_constant_between_cuts(package: str, blobs: Any) -> None:
    structure = load_structure(package, blobs)
    predictor = load_predictor(package, blobs)
    assert structure is not None
    grid = np.linspace(-2, 2, 4001)
    at = {"income": grid, "debt": np.full(4001, 0.3), "years": np.full(4001, 0.1)}
    answers = predictor.predict(at)["late"]
    cells = structure.cells(0, grid)
    assert cells is not None
    moved = np.flatnonzero(np.diff(answers))
    assert len(moved) > 0
    assert (np.diff(cells)[moved] > 0).all()
    assert len(np.unique(cells)) < 300


def test_sklearns_trees_are_shared_out_by_the_game_of_treeshap(
    package: str, rows: pl.DataFrame, blobs: Any
) -> None:
    """The explainer's numbers are those of the definition, over all sets of columns."""
    explainer = load_explainer(package, blobs, lambda: pytest.fail("trees need no background"))
    some = rows[:6]
    found = explainer.explain(columns_of(some))
    assert found.method == "trees"
    total = found.base + found.contributions.sum(axis=1)
    np.testing.assert_allclose(total, found.raw, atol=1e-5)
    trees = trees_of(package, blobs)
    if trees is None:
        return
    for row, contributions, base in zip(
        some.fill_null(float("nan")).to_numpy(), found.contributions, found.base, strict=True
    ):
        expected, worth = by_definition(trees, row)
        np.testing.assert_allclose(contributions, expected, atol=1e-12)
        assert base == pytest.approx(worth)


def trees_of(package: str, blobs: Any) -> Any:
    from towpath.assets.models.explaining.structure import sklearn_trees
    from towpath.assets.models.packages import load_files, load_package

    manifest = load_package(package, blobs)
    return sklearn_trees(manifest, load_files(manifest, blobs))


def by_definition(trees: Any, row: Any) -> tuple[list[float], float]:
    """Shapley's sum over all sets, each worth what path-dependent descent gives."""
    if trees.rounds_inputs:
        row = row.astype(np.float32).astype(np.float64)

    def descend(node: int, is_leaf: int, known: frozenset[int]) -> float:
        if is_leaf:
            return trees.leaves[node]
        left = descend(trees.left[node], trees.left_is_leaf[node], known)
        right = descend(trees.right[node], trees.right_is_leaf[node], known)
        column = trees.columns[node]
        if column in known:
            value = row[column]
            goes_left = (
                trees.missing_left[node] if np.isnan(value) else value <= trees.thresholds[node]
            )
            return left if goes_left else right
        share = trees.shares_left[node]
        return share * left + (1 - share) * right

    def worth(known: frozenset[int]) -> float:
        return trees.base + sum(descend(root, 0, known) for root in trees.roots) / trees.divisor

    count = len(row)
    shares = [0.0] * count
    for column in range(count):
        others = [one for one in range(count) if one != column]
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            for some in combinations(others, size):
                known = frozenset(some)
                shares[column] += weight * (worth(known | {column}) - worth(known))
    return shares, worth(frozenset())
