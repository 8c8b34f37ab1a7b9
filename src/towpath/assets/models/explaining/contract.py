"""What an explanation says, and what may be relied on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from towpath.assets.models.contract import ColumnValues
    from towpath.assets.models.flavours.contract import Scale
    from towpath.ledger.records import Json

Method: TypeAlias = Literal["trees", "linear", "coalitions", "permutations"]
"""How the contributions were found; see `Explainer`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What each column adds to each row's answer: `base + contributions.sum(axis=1) == raw`.

    Equal but for rounding, in the library's precision: XGBoost counts contributions in 32 bits.

    Attributes:
        columns: The model's columns, in the order of `contributions`.
        base: `(n,) float64`: what the model would say, on the scale, of nobody in particular.
        contributions: `(n, columns) float64`.
        raw: `(n,) float64`: the model's own raw answer to the row.
        settings: What else decided the numbers, such that they can be had again.
    """

    method: Method
    scale: Scale
    columns: tuple[str, ...]
    base: npt.NDArray[np.float64]
    contributions: npt.NDArray[np.float64]
    raw: npt.NDArray[np.float64]
    settings: Json = field(default_factory=dict[str, Any])


class Explainer(Protocol):
    """Explains a package's answers by Shapley values. Thread-safe.

    Shapley values are the one way to share an answer among columns that is fair in the sense of L.
    Shapley, "A Value for n-Person Games" (1953); what a column's absence means is where methods differ:

    - `trees`: LightGBM, XGBoost and CatBoost, by their own exact path-dependent TreeSHAP (Lundberg et
      al., "From Local Explanations to Global Understanding", 2020): an absent column sends a row down
      both branches, weighted by how the training rows went. The numbers are the library's, bit for bit,
      and those that the `shap` package gives. Those of scikit-learn, whose library computes none, by
      the same game over their nodes: see `paths`.
    - `linear`: weights times the distance from the background's mean; exact.
    - `coalitions`: any other model of few columns: every subset of columns is tried, with absent ones
      drawn from the background; exact for that background.
    - `permutations`: any other model: columns are added in random orders, each order both ways
      (antithetic; Mitchell et al., "Sampling Permutations for Shapley Value Estimation", 2022). An
      estimate whose standard error is told. It adds up exactly all the same.

    The background holds no rows: see `Background`. It takes columns to be independent, as all but the
    first method do; where columns go together, they share what they say arbitrarily.
    """

    @property
    def rows_most(self) -> int:
        """How many rows can be explained at a time."""
        ...

    def explain(self, inputs: Mapping[str, ColumnValues]) -> Explanation:
        """Explain rows given as for `Predictor.predict`.

        Cost: as a prediction times the number of trees' leaves for `trees`; up to 65,536 answers of the
        model per row for `coalitions` and `permutations`. Keep it off an event loop.

        Raises:
            InvalidRequest: The rows are not what the model takes, or more than `rows_most`.
        """
        ...
