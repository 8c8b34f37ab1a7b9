"""LightGBM models: kept as LightGBM's own model text, served through its C library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from towpath.assets.models.flavours.booster import NativeBooster
from towpath.assets.models.flavours.booster_text import head_fields
from towpath.assets.models.flavours.contract import Contributions
from towpath.assets.models.flavours.tasks import CHANCES, VALUES, agree
from towpath.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import Flavour, Task
    from towpath.assets.models.flavours.contract import Form, Scale, Scorer
    from towpath.assets.models.inputs import Inputs

_FILE = "model.txt"
_BINARY = {"binary", "cross_entropy", "xentropy"}
_REGRESSION = {
    "regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie",
}  # fmt: skip
_RANKING = {"lambdarank", "rank_xendcg"}
_LOG = {"poisson", "gamma", "tweedie"}


class LightgbmFormat:
    """Boosters, and the boosters inside LightGBM's scikit-learn estimators.

    What comes back from a package is always a plain `Booster`: the estimators around one only hold
    training settings.
    """

    flavour: Flavour = "lightgbm"
    library = "lightgbm"

    def claims(self, estimator: object) -> bool:
        """Tell whether it is LightGBM's."""
        return type(estimator).__module__.partition(".")[0] == "lightgbm"

    def fit(
        self,
        estimator: Any,
        inputs: Inputs,
        features: pl.DataFrame,
        outcome: npt.NDArray[np.generic] | None,
        groups: npt.NDArray[np.int64] | None,
    ) -> Any:
        """Fit on the matrix; text columns are told to LightGBM as categories."""
        categorical = inputs.categorical or "auto"
        more = {} if groups is None else {"group": np.bincount(groups)}
        rows = inputs.matrix(features)
        return estimator.fit(rows, outcome, categorical_feature=categorical, **more)

    def task(self, estimator: Any, asked: Task | None) -> Task:
        """Read the task off the objective; a classifier must have the classes 0 and 1."""
        classes = getattr(estimator, "classes_", None) if hasattr(estimator, "booster_") else None
        if classes is not None and [*classes] != [0, 1]:
            raise UsageError(
                f"the classifier's classes are {len(classes)} labels other than 0 and 1",
                remedy="Train on an outcome that is 0 or 1.",
            )
        text = _booster(estimator).model_to_string(num_iteration=1)
        objective = _objective(text)
        if objective in _BINARY:
            return agree(estimator, CHANCES, asked)
        if objective in _REGRESSION:
            return agree(estimator, VALUES, asked)
        if objective in _RANKING:
            return agree(estimator, ("ranking",), asked)
        raise UsageError(
            f"a LightGBM model with the objective {objective or 'of your own'!r} can't be served yet",
            remedy=f"Use one of: {', '.join(sorted(_BINARY | _REGRESSION | _RANKING))}.",
            objective=objective,
        )

    def form(self, estimator: Any) -> Form:
        """LightGBM takes the matrix; its own category tables of data frames are not portable."""
        if getattr(_booster(estimator), "pandas_categorical", None):
            raise UsageError(
                "the LightGBM model was trained on a data frame with category columns of its own",
                remedy="Train on inputs.matrix(rows) with categorical_feature=inputs.categorical, so "
                "that serving uses the same codes.",
            )
        return "matrix"

    def width(self, estimator: Any) -> int:
        """Return the booster's number of features."""
        return int(_booster(estimator).num_feature())

    def dump(self, estimator: Any) -> dict[str, bytes]:
        """Write the model text, up to the best iteration where early stopping found one."""
        return {_FILE: _booster(estimator).model_to_string().encode()}

    def load(self, files: Mapping[str, bytes]) -> Any:
        """Read a `Booster` from the model text."""
        import lightgbm  # noqa: PLC0415 - heavy (seconds), and serving never needs it

        try:
            return lightgbm.Booster(model_str=_text(files).decode())
        except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
            raise IntegrityError(f"the LightGBM model text can't be read: {error}") from error

    def scorer(self, files: Mapping[str, bytes], task: Task, *, threads: int) -> Scorer:  # noqa: ARG002 - the objective gives the task's answer by itself
        """Load the text into the C library."""
        return NativeBooster(_text(files), threads=threads).predict


def lightgbm_contributions(files: Mapping[str, bytes]) -> Contributions:
    """Open a package's booster for explaining."""
    text = _text(files)
    booster = NativeBooster(text)
    objective = _objective(text.decode(errors="replace"))
    scale: Scale = "value"
    if objective in _BINARY:
        scale = "log-odds"
    elif objective in _LOG:
        scale = "log"
    elif objective in _RANKING:
        scale = "score"
    return Contributions(of=booster.contributions, raw=booster.raw, scale=scale)


def _booster(estimator: Any) -> Any:
    """Return the fitted booster itself."""
    if type(estimator).__name__ == "Booster":
        return estimator
    try:
        return estimator.booster_
    except (AttributeError, ValueError) as error:  # NotFittedError is both
        raise UsageError(
            f"the {type(estimator).__name__} holds no fitted booster", remedy="Call fit first."
        ) from error


def _objective(text: str) -> str:
    return head_fields(text).get("objective", "").partition(" ")[0]


def _text(files: Mapping[str, bytes]) -> bytes:
    if set(files) != {_FILE}:
        raise IntegrityError(f"a LightGBM package holds {_FILE!r}, not {sorted(files)}")
    return files[_FILE]
