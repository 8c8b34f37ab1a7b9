"""Linear models of scikit-learn: weights, an intercept and a link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.models.execution import Link

_LINKS: dict[str, Link] = {
    "LogisticRegression": "logit",
    "LogisticRegressionCV": "logit",
    "GammaRegressor": "log",
    "PoissonRegressor": "log",
    **dict.fromkeys(
        (
            "ARDRegression", "BayesianRidge", "ElasticNet", "ElasticNetCV", "HuberRegressor", "Lars",
            "Lasso", "LassoCV", "LassoLars", "LinearRegression", "QuantileRegressor", "Ridge",
            "RidgeCV", "SGDRegressor", "TheilSenRegressor",
        ),
        "identity",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`link(weights · row + intercept)`.

    Attributes:
        weights: `(k,) float64`.
        link: What makes an answer of the sum.
    """

    weights: npt.NDArray[np.float64]
    intercept: float
    link: Link

    def nodes(self, given: str, answer: str) -> tuple[list[Any], list[Any]]:
        """Return the graph's nodes from `(n, k)` numbers to `(n, 1) float64`, and their constants."""
        from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - an extra

        made = [
            helper.make_node("Cast", [given], ["line_given"], to=TensorProto.DOUBLE),
            helper.make_node("MatMul", ["line_given", "line_weights"], ["line_product"]),
            helper.make_node("Add", ["line_product", "line_intercept"], [answer]),
        ]
        constants = [
            numpy_helper.from_array(self.weights.reshape(-1, 1), "line_weights"),
            numpy_helper.from_array(np.array([self.intercept]), "line_intercept"),
        ]
        return made, constants


def read_line(estimator: Any) -> Line | None:
    """Return the line of a fitted estimator of scikit-learn; None if it is of another kind."""
    link = _LINKS.get(type(estimator).__name__)
    if link is None or not type(estimator).__module__.startswith("sklearn.linear_model"):
        return None
    weights = np.asarray(estimator.coef_, dtype=np.float64).reshape(-1)
    if len(weights) != estimator.n_features_in_:
        return None  # several outcomes at once
    intercept = float(np.asarray(estimator.intercept_).reshape(-1)[0])
    return Line(weights=weights, intercept=intercept, link=link)
