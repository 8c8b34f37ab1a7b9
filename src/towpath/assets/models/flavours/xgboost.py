"""XGBoost models: kept as XGBoost's own JSON, read after it was found to be JSON.

UBJSON is smaller, but XGBoost's reader ends the whole process on some bytes that are not UBJSON; JSON
can be looked at first by a parser that only ever refuses. Both hold the same numbers, bit for bit
(XGBoost, "Introduction to Model IO").
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from towpath.assets.models.flavours.contract import Contributions
from towpath.assets.models.flavours.documents import read_object
from towpath.assets.models.flavours.extras import load_extra
from towpath.assets.models.flavours.tasks import CHANCES, VALUES, agree
from towpath.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import Flavour, Task
    from towpath.assets.models.flavours.contract import Form, Scale, Scorer
    from towpath.assets.models.inputs import Inputs

_FILE = "model.json"
_BINARY = "binary:logistic"
_VALUES = ("reg:", "count:", "survival:")
_BOOSTERS = ("gbtree", "dart")
_LOG = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft")
_ODDS = (_BINARY, "reg:logistic")


class XgboostFormat:
    """Boosters, and the boosters inside XGBoost's scikit-learn estimators.

    What comes back from a package is always a plain `Booster`, cut off at the best iteration where
    early stopping found one.
    """

    flavour: Flavour = "xgboost"
    library = "xgboost"

    def claims(self, estimator: object) -> bool:
        """Tell whether it is XGBoost's."""
        return type(estimator).__module__.partition(".")[0] == "xgboost"

    def fit(
        self,
        estimator: Any,
        inputs: Inputs,
        features: pl.DataFrame,
        outcome: npt.NDArray[np.generic] | None,
        groups: npt.NDArray[np.int64] | None,
    ) -> Any:
        """Fit on the matrix; text columns are told to XGBoost as categories."""
        if inputs.categorical:
            kinds = ["c" if at in inputs.categorical else "q" for at in range(len(inputs.columns))]
            estimator.set_params(feature_types=kinds, enable_categorical=True)
        more = {} if groups is None else {"qid": groups}
        return estimator.fit(inputs.matrix(features), outcome, **more)

    def task(self, estimator: Any, asked: Task | None) -> Task:
        """Read the task off the objective."""
        learner = _config(_booster(estimator))
        objective: str = learner["objective"]["name"]
        kind: str = learner["learner_train_param"]["booster"]
        if kind not in _BOOSTERS:
            raise UsageError(
                f"an XGBoost model of the kind {kind!r} can't be served",
                remedy="Train trees (gbtree), or a linear model with scikit-learn.",
            )
        if objective == _BINARY:
            return agree(estimator, CHANCES, asked)
        if objective.startswith(_VALUES):
            return agree(estimator, VALUES, asked)
        if objective.startswith("rank:"):
            return agree(estimator, ("ranking",), asked)
        raise UsageError(
            f"an XGBoost model with the objective {objective!r} can't be served yet",
            remedy="Use binary:logistic, or an objective that begins with reg:, count: or rank:.",
            objective=objective,
        )

    def form(self, estimator: Any) -> Form:
        """XGBoost takes the matrix."""
        del estimator
        return "matrix"

    def width(self, estimator: Any) -> int:
        """Return the booster's number of features."""
        return int(_booster(estimator).num_features())

    def dump(self, estimator: Any) -> dict[str, bytes]:
        """Write the model as JSON, up to the best iteration where early stopping found one."""
        booster = _booster(estimator)
        best = booster.attr("best_iteration")
        if best is not None:
            booster = booster[: int(best) + 1]
            booster.set_attr(best_iteration=None, best_score=None)
        return {_FILE: bytes(booster.save_raw("json"))}

    def load(self, files: Mapping[str, bytes]) -> Any:
        """Read a `Booster`."""
        return _load(files, threads=1)

    def scorer(self, files: Mapping[str, bytes], task: Task, *, threads: int) -> Scorer:
        """Answer without a `DMatrix`: documented as thread-safe and free of locks for trees."""
        del task  # the objective gives its answer by itself
        booster = _load(files, threads=threads)

        def score(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            answers = booster.inplace_predict(rows, missing=math.nan, validate_features=False)
            return np.asarray(answers, dtype=np.float64).reshape(len(rows))

        return score


def xgboost_contributions(files: Mapping[str, bytes]) -> Contributions:
    """Open a package's booster for explaining. Its contributions are 32-bit numbers."""
    booster = _load(files, threads=1)
    objective: str = _config(booster)["objective"]["name"]
    scale: Scale = "value"
    if objective in _ODDS:
        scale = "log-odds"
    elif objective in _LOG:
        scale = "log"
    elif objective.startswith("rank:"):
        scale = "score"
    asked = _asking(booster)
    return Contributions(
        of=lambda rows: asked(rows, pred_contribs=True),
        raw=lambda rows: asked(rows, output_margin=True),
        scale=scale,
    )


def xgboost_leaves(files: Mapping[str, bytes]) -> Callable[[Any], npt.NDArray[np.int64]]:
    """Return what tells in which leaf of each tree rows end, `(n, trees)`."""
    asked = _asking(_load(files, threads=1))
    return lambda rows: asked(rows, pred_leaf=True).astype(np.int64).reshape(len(rows), -1)


def _asking(booster: Any) -> Callable[..., npt.NDArray[np.float64]]:
    """Return what asks a booster about a matrix for something else than answers."""
    xgboost = load_extra("xgboost", "xgboost")
    kinds = booster.feature_types

    def asked(rows: npt.NDArray[np.float64], **how: bool) -> npt.NDArray[np.float64]:
        matrix = xgboost.DMatrix(
            rows,
            missing=math.nan,
            feature_types=kinds,
            enable_categorical=True,
            nthread=1,
            feature_names=booster.feature_names,
        )
        return np.asarray(booster.predict(matrix, **how), dtype=np.float64)

    return asked


def _load(files: Mapping[str, bytes], *, threads: int) -> Any:
    if set(files) != {_FILE}:
        raise IntegrityError(f"an XGBoost package holds {_FILE!r}, not {sorted(files)}")
    document = read_object(files[_FILE], "the XGBoost package")
    if not {"learner", "version"} <= set(document):
        raise IntegrityError("the XGBoost package holds JSON that is not a model")
    xgboost = load_extra("xgboost", "xgboost")
    try:
        booster = xgboost.Booster({"nthread": threads}, model_file=bytearray(files[_FILE]))
    except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
        raise IntegrityError(f"the XGBoost model can't be read: {type(error).__name__}") from error
    learner = _config(booster)
    if learner["learner_train_param"]["booster"] not in _BOOSTERS:
        raise IntegrityError("the XGBoost package holds another kind of booster than trees")
    return booster


def _booster(estimator: Any) -> Any:
    """Return the fitted booster itself."""
    if type(estimator).__name__ == "Booster":
        return estimator
    try:
        return estimator.get_booster()
    except (AttributeError, ValueError) as error:  # NotFittedError is both
        raise UsageError(
            f"the {type(estimator).__name__} holds no fitted booster", remedy="Call fit first."
        ) from error


def _config(booster: Any) -> dict[str, Any]:
    return msgspec.json.decode(booster.save_config().encode())["learner"]
