"""Moments are exact: any rows, in any order, in any parts, and out again."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, Ridge

from towpath.assets.models import Moments, least_squares, load_predictor, save_model
from towpath.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from towpath.storage.blobs import BlobStore

LARGEST = sys.float_info.max
# Of very different sizes, so that floating-point sums of them depend on their order.
NUMBERS = st.one_of(
    st.floats(-1e3, 1e3, allow_nan=False),
    st.floats(-1e-9, 1e-9, allow_nan=False),
    st.sampled_from([LARGEST, -LARGEST, 1e300, -1e200, 2.3e-308, 1e-310, 5e-324, -5e-324, -0.0]),
    st.sampled_from([0.1, 1e16, -1e16, 3.0]),
)
ROWS = st.lists(
    st.tuples(NUMBERS, NUMBERS, st.sampled_from(["red", "green", "blue"]), NUMBERS, st.booleans()),
    min_size=2,
    max_size=40,
)
Row = tuple[float, float, str, float, bool]


def moments(rows: list[Row]) -> Moments:
    """Add rows up; the last of each says whether it stays."""
    frame = pl.DataFrame(
        {"a": [r[0] for r in rows], "b": [r[1] for r in rows], "c": [r[2] for r in rows]},
        schema={"a": pl.Float64, "b": pl.Float64, "c": pl.String},
    )
    return Moments.of(frame, pl.Series("y", [r[3] for r in rows], dtype=pl.Float64))


@settings(max_examples=40)
@given(ROWS)
def test_taking_rows_out_gives_what_the_others_give_to_the_bit(rows: list[Row]) -> None:
    stay, go = [r for r in rows if r[4]], [r for r in rows if not r[4]]
    if not stay or not go:
        return
    left = moments(rows) - moments(go)
    fresh = moments(stay)
    assert left == fresh
    assert left.encode() == fresh.encode()
    assert left.inputs.levels == fresh.inputs.levels, "a level that nobody has any more is gone"


@settings(max_examples=40)
@given(ROWS, st.randoms(use_true_random=False))
def test_order_and_parts_do_not_matter(rows: list[Row], random: Any) -> None:
    whole = moments(rows)
    shuffled = list(rows)
    random.shuffle(shuffled)
    cut = random.randint(1, len(rows) - 1)
    assert moments(shuffled[:cut]) + moments(shuffled[cut:]) == whole
    assert whole.rows == len(rows)


@settings(max_examples=40)
@given(ROWS)
def test_sums_are_those_of_exact_arithmetic(rows: list[Row]) -> None:
    whole = moments(rows)
    unit = Fraction(2) ** whole.sums.exponent
    columns = [[Fraction(1)] * len(rows)]
    for name, level in whole.terms:
        place = "abc".index(name)
        if level is None:
            columns.append([Fraction(row[place]) for row in rows])
        else:
            columns.append([Fraction(row[place] == level) for row in rows])
    columns.append([Fraction(row[3]) for row in rows])
    for cells, one in zip(whole.sums.cells, columns, strict=True):
        for cell, two in zip(cells, columns, strict=True):
            assert cell * unit == sum(a * b for a, b in zip(one, two, strict=True))


def test_more_rows_than_one_block_add_up_exactly() -> None:
    rng = np.random.default_rng(5)
    values = np.rint(rng.normal(size=20_000) * 2**52)  # all bits of a double in use
    whole = Moments.of(pl.DataFrame({"x": values}), pl.Series("y", values[::-1]))
    exact = sum(int(one) ** 2 for one in values)
    assert whole.sums.cells[1][1] * Fraction(2) ** whole.sums.exponent == exact


@pytest.fixture
def people() -> tuple[pl.DataFrame, pl.Series]:
    rng = np.random.default_rng(2)
    count = 400
    frame = pl.DataFrame(
        {
            "km": rng.gamma(2.0, 3.0, count),
            "age": rng.integers(18, 90, count),
            "city": rng.choice(["Ulm", "Bern", "Graz"], count),
            "member": rng.random(count) < 0.3,
        }
    )
    price = 3.0 * frame["km"] + 0.1 * frame["age"] + 5.0 * (frame["city"] == "Ulm").cast(pl.Float64)
    return frame, (price + pl.Series(rng.normal(size=count))).rename("price")


@pytest.mark.parametrize("ridge", [0.0, 2.5])
@pytest.mark.parametrize("intercept", [True, False])
def test_answers_are_those_of_scikit_learn(
    people: tuple[pl.DataFrame, pl.Series], ridge: float, intercept: bool
) -> None:
    frame, price = people
    encoded = frame.to_dummies("city").cast(pl.Float64).to_numpy()
    peer: Any = (
        Ridge(ridge, fit_intercept=intercept)
        if ridge
        else LinearRegression(fit_intercept=intercept)
    )
    theirs = peer.fit(encoded, price.to_numpy()).predict(encoded)
    ours = least_squares(Moments.of(frame, price), ridge=ridge, intercept=intercept)
    assert np.allclose(ours.predict(frame), theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("columns", [["km", "age", "city", "member"], ["km", "age"]])
def test_a_model_without_rows_is_the_model_trained_without_them(
    people: tuple[pl.DataFrame, pl.Series], columns: list[str], disk_blobs: BlobStore
) -> None:
    frame, price = people[0].select(columns), people[1]
    whole = Moments.of(frame, price)
    rng = np.random.default_rng(3)
    for _ in range(5):
        gone = pl.Series(rng.random(frame.height) < rng.random() * 0.9)
        order = rng.permutation((~gone).arg_true().to_numpy())
        taken = least_squares(whole.downdate(frame.filter(gone), price.filter(gone)))
        fresh = least_squares(Moments.of(frame[order], price[order]))
        assert save_model(taken, disk_blobs) == save_model(fresh, disk_blobs)


def test_the_model_is_served_and_carries_no_sums(
    people: tuple[pl.DataFrame, pl.Series], disk_blobs: BlobStore
) -> None:
    frame, price = people
    model = least_squares(
        [Moments.of(frame[:200], price[:200]), Moments.of(frame[200:], price[200:])]
    )
    answers = load_predictor(save_model(model, disk_blobs), disk_blobs).predict(
        {name: frame[name].to_list() for name in frame.columns}
    )["price"]
    assert np.array_equal(answers, model.predict(frame))
    assert not any(isinstance(one, Moments) for one in vars(model.estimator).values())


def test_what_says_the_same_twice_counts_once() -> None:
    x = np.arange(10.0)
    frame = pl.DataFrame({"x": x, "double": 2 * x, "one": np.ones(10)})
    model = least_squares(Moments.of(frame, pl.Series("y", 3 * x + 1)))
    assert list(model.estimator.coef_) == [3.0, 0.0, 0.0]
    assert model.estimator.intercept_ == 1.0


def test_a_coefficient_is_the_nearest_double_to_the_exact_one() -> None:
    x, y = [1.0, 2.0, 4.0], [0.1, 0.7, 0.2]
    model = least_squares(Moments.of(pl.DataFrame({"x": x}), pl.Series("y", y)))
    a, b = [Fraction(v) for v in x], [Fraction(v) for v in y]
    mean_a, mean_b = sum(a) / 3, sum(b) / 3
    slope = sum((u - mean_a) * (v - mean_b) for u, v in zip(a, b, strict=True)) / sum(
        (u - mean_a) ** 2 for u in a
    )
    assert model.estimator.coef_[0] == float(slope)
    assert model.estimator.intercept_ == float(mean_b - slope * mean_a)


def test_coefficients_that_no_double_holds_are_refused() -> None:
    frame = pl.DataFrame({"x": [1e-300, 2e-300, 4e-300, 5e-300]})
    steep = Moments.of(frame, pl.Series("y", [1e300, 3e300, 2e300, 9e300]))
    with pytest.raises(UsageError, match="larger than any number"):
        least_squares(steep)


def test_they_are_kept_as_plain_json() -> None:
    frame = pl.DataFrame({"x": [1.5, -2.0], "c": ["b", "a"]})
    kept = Moments.of(frame, pl.Series("y", [1.0, 0.25])).encode()
    document = json.loads(kept)
    assert (document["towpath"], document["format"], document["exponent"]) == ("moments", 1, -4)
    assert document["sums"][0] == ["20", "-8", "10", "10", "14"]  # in sixteenths
    assert Moments.decode(kept).encode() == kept


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b'{"towpath":"moments","format":2}', b'{"towpath":"moments"}']
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="moments"):
        Moments.decode(data)


def test_a_forged_shape_is_refused() -> None:
    document = json.loads(Moments.of(pl.DataFrame({"x": [1.0]}), pl.Series("y", [1.0])).encode())
    document["sums"].pop()
    with pytest.raises(IntegrityError, match="don't fit"):
        Moments.decode(json.dumps(document).encode())


def test_rows_that_were_never_added_can_not_be_taken_out() -> None:
    some = moments([(1.0, 2.0, "red", 3.0, True)] * 3)
    for other in (
        moments([(1.0, 2.0, "blue", 3.0, True)]),
        moments([(9.0, 2.0, "red", 3.0, True)]),
        moments([(1.0, 2.0, "red", 3.0, True)] * 4),
    ):
        with pytest.raises(UsageError, match="not in"):
            _ = some - other


def test_values_that_have_no_sum_are_refused() -> None:
    y = pl.Series("y", [1.0, 2.0])
    for column in ([1.0, None], [1.0, float("nan")], [1.0, float("inf")]):
        with pytest.raises(UsageError, match="'x' has values that are missing"):
            Moments.of(pl.DataFrame({"x": column}), y)
    with pytest.raises(UsageError, match="'c' has values that are missing"):
        Moments.of(pl.DataFrame({"c": ["a", None]}), y)
    with pytest.raises(UsageError, match="'y' has values that are missing"):
        Moments.of(pl.DataFrame({"x": [1.0, 2.0]}), pl.Series("y", [1.0, None]))
    with pytest.raises(UsageError, match="can't be solved exactly"):
        Moments.of(pl.DataFrame({"c": [str(n) for n in range(65)]}), pl.Series("y", [0.0] * 65))
    with pytest.raises(UsageError, match="outcomes"):
        Moments.of(pl.DataFrame({"x": [1.0]}), y)


def test_models_of_too_few_rows_would_repeat_them() -> None:
    few = Moments.of(pl.DataFrame({"x": [1.0, 2.0]}), pl.Series("y", [1.0, 5.0]))
    with pytest.raises(UsageError, match="2 rows are too few for 2 coefficients"):
        least_squares(few)
    with pytest.raises(UsageError, match="no moments"):
        least_squares([])
    with pytest.raises(UsageError, match="ridge"):
        least_squares(few, ridge=-1.0)
    with pytest.raises(UsageError, match="different columns"):
        least_squares([few, Moments.of(pl.DataFrame({"z": [1.0]}), pl.Series("y", [1.0]))])
