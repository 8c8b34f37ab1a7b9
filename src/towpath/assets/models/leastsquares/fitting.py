"""A linear model from exact sums: the exact solution, rounded once."""

from __future__ import annotations

import functools
import operator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from towpath.assets.models.inputs import polars_type
from towpath.assets.models.leastsquares.elimination import solve
from towpath.assets.models.leastsquares.moments import Moments
from towpath.assets.models.model import Model
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from towpath.assets.models.inputs import Inputs
    from towpath.assets.models.leastsquares.products import ExactMatrix


def least_squares(
    moments: Moments | Sequence[Moments],
    *,
    ridge: float = 0.0,
    intercept: bool = True,
    output: str | None = None,
) -> Model:
    """Return the linear model of the rows that moments were taken of, several added up.

    The coefficients are the exact solution of the normal equations, each rounded once to a double. So
    they depend on which rows there are and on nothing else: not on their order, not on how they were
    sharded, not on the machine. With rows taken out, by `Moments.downdate` or with a shard counted anew,
    the model is the one that training without them gives, to the bit.

    A column that depends on those before it gets the coefficient 0. What comes back is an estimator of
    scikit-learn, `LinearRegression` or `Ridge`, behind a one-hot encoding where there is text: it is served,
    explained and exported as such, and carries none of the sums.

    Args:
        moments: Of all rows, or of each shard.
        ridge: The weight α of the squared coefficients, as in scikit-learn's `Ridge`.
        intercept: Whether to fit one; it is not shrunk.
        output: Name of the answer; the outcome's name when None.

    Raises:
        UsageError: There are none, they are of different columns, `ridge` is below 0, a coefficient is
            larger than any double, or there are not more rows than coefficients: such a model would
            repeat its rows.
    """
    parts = [moments] if isinstance(moments, Moments) else list(moments)
    if not parts:
        raise UsageError("least squares were given no moments", remedy="Give those of each shard.")
    if not 0.0 <= ridge < float("inf"):
        raise UsageError(f"a ridge of {ridge} can't be meant", remedy="Take 0, or above.")
    whole = functools.reduce(operator.add, parts)
    known = len(whole.terms) + intercept
    if whole.rows <= known:
        raise UsageError(
            f"{whole.rows} rows are too few for {known} coefficients",
            remedy="Take more rows, or fewer columns: such a model would repeat its rows.",
        )
    try:
        coefficients, constant = _solved(whole.sums, ridge=Fraction(ridge), intercept=intercept)
    except OverflowError:
        raise UsageError(
            "the exact coefficients are larger than any number that a model can hold",
            remedy="Measure the columns and the outcome in units in which they are of like size.",
        ) from None
    return Model(
        _estimator(whole, coefficients, constant, ridge=ridge, intercept=intercept),
        inputs=whole.inputs,
        outcome=whole.outcome,
        task="regression",
        output=output,
    )


def _solved(sums: ExactMatrix, *, ridge: Fraction, intercept: bool) -> tuple[list[float], float]:
    """Return the coefficients and the intercept, each the nearest double."""
    cells, last = sums.cells, len(sums.cells) - 1
    inner = range(1, last)
    count = cells[0][0] if intercept else 1

    def product(one: int, two: int) -> int:
        """Return a cell; about the means, times the number of rows, where there is an intercept."""
        if not intercept:
            return cells[one][two]
        return count * cells[one][two] - cells[0][one] * cells[0][two]

    # The cells are counted in 2**exponent, their products about the means in its square.
    unit = Fraction(2) ** sums.exponent
    weight = ridge / unit if not intercept else ridge * count / unit
    scale = weight.denominator
    system = [
        [product(i, j) * scale + (weight.numerator if i == j else 0) for j in inner] for i in inner
    ]
    found = solve(system, [product(i, last) * scale for i in inner])
    if not intercept:
        return [float(one) for one in found], 0.0
    means = sum(
        (value * cells[0][i] for value, i in zip(found, inner, strict=True)), start=Fraction(0)
    )
    return [float(one) for one in found], float((cells[0][last] - means) / count)


def _estimator(
    whole: Moments,
    coefficients: list[float],
    constant: float,
    *,
    ridge: float,
    intercept: bool,
) -> Any:
    """Return scikit-learn's estimator with these coefficients."""
    from sklearn.linear_model import (  # noqa: PLC0415 - a second to import, for those who train
        LinearRegression,
        Ridge,
    )

    linear: Any = (
        Ridge(alpha=ridge, fit_intercept=intercept)
        if ridge
        else LinearRegression(fit_intercept=intercept)
    )
    terms = whole.terms
    if not whole.inputs.levels:
        return _with(linear, coefficients, constant)
    order = [name for name in whole.inputs.names if name in whole.inputs.levels]
    text = [coefficients[at] for name in order for at, term in enumerate(terms) if term[0] == name]
    numbers = [
        value for value, (_, level) in zip(coefficients, terms, strict=True) if level is None
    ]
    return _encoded(whole.inputs, order, _with(linear, [*text, *numbers], constant))


def _encoded(inputs: Inputs, text: list[str], linear: Any) -> Any:
    """Return the pipeline that encodes text columns before the linear model.

    scikit-learn has no way to be told what an encoder knows, so the encoder is fitted on a frame of the
    levels; the linear model is put behind it as it is.
    """
    from sklearn.compose import ColumnTransformer  # noqa: PLC0415 - as above
    from sklearn.pipeline import Pipeline  # noqa: PLC0415 - as above
    from sklearn.preprocessing import OneHotEncoder  # noqa: PLC0415 - as above

    levels = [np.array(inputs.levels[name], dtype=object) for name in text]
    kind: Any = OneHotEncoder  # its stub says that categories are a word
    encoder = kind(categories=levels, handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("levels", encoder, text)], remainder="passthrough")
    columns.fit(_frame_of_levels(inputs))
    return Pipeline([("columns", columns), ("linear", linear)])


def _frame_of_levels(inputs: Inputs) -> pl.DataFrame:
    import polars as pl  # noqa: PLC0415 - the gateway imports this package and never a frame

    height = max(len(levels) for levels in inputs.levels.values())
    made: dict[str, Any] = {}
    for column in inputs.columns:
        levels = inputs.levels.get(column.name)
        values = (
            [0] * height if levels is None else [levels[at % len(levels)] for at in range(height)]
        )
        made[column.name] = pl.Series(values).cast(polars_type(column.datatype))
    return pl.DataFrame(made)


def _with(linear: Any, coefficients: list[float], constant: float) -> Any:
    linear.coef_ = np.array(coefficients)
    linear.intercept_ = constant
    linear.n_features_in_ = len(coefficients)
    return linear


__all__ = ["least_squares"]
