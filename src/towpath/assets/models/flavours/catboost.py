"""CatBoost models: kept as CatBoost's own binary format, less when and as what it was trained.

CatBoost gives each training a random id and its time, so two equal trainings would be two models;
both are metadata that nothing reads, and are left out.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from towpath.assets.models.flavours.contract import Contributions
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

_FILE = "model.cbm"
_FLEETING = ("model_guid", "train_finish_time")
_BINARY = ("Logloss", "CrossEntropy")
_VALUES = (
    "RMSE", "MAE", "Quantile", "LogLinQuantile", "Poisson", "MAPE", "Lq", "Huber", "Expectile",
    "Tweedie", "LogCosh",
)  # fmt: skip
_RANKING = ("YetiRank", "YetiRankPairwise", "PairLogit", "PairLogitPairwise", "QueryRMSE",
            "QuerySoftMax", "QueryCrossEntropy", "LambdaMart", "StochasticRank")  # fmt: skip


class CatboostFormat:
    """CatBoost's classifiers, regressors and rankers.

    Text columns stay text: CatBoost makes its own statistics of categories, and must be given the
    same levels again. A model with such columns is therefore called with a frame, and a model without
    any with the matrix.
    """

    flavour: Flavour = "catboost"
    library = "catboost"

    def claims(self, estimator: object) -> bool:
        """Tell whether it is CatBoost's."""
        return type(estimator).__module__.partition(".")[0] == "catboost"

    def fit(
        self,
        estimator: Any,
        inputs: Inputs,
        features: pl.DataFrame,
        outcome: npt.NDArray[np.generic] | None,
        groups: npt.NDArray[np.int64] | None,
    ) -> Any:
        """Fit on numbers, or on numbers and text where there is text."""
        more: dict[str, Any] = {} if groups is None else {"group_id": groups}
        rows: Any = inputs.matrix(features)
        if inputs.categorical:
            rows = _mixed(inputs.frame(features), inputs.categorical)
            more["cat_features"] = inputs.categorical
        return estimator.fit(rows, outcome, **more)

    def task(self, estimator: Any, asked: Task | None) -> Task:
        """Read the task off the loss."""
        name = type(estimator).__name__
        if not estimator.is_fitted():
            raise UsageError(f"the {name} is not fitted", remedy="Call fit first.")
        loss = _loss(estimator)
        if loss in _BINARY:
            if [*map(str, estimator.classes_)] not in (["0", "1"], ["0.0", "1.0"]):
                raise UsageError(
                    f"the {name}'s classes are {len(estimator.classes_)} labels other than 0 and 1",
                    remedy="Train on an outcome that is 0 or 1.",
                )
            return agree(estimator, CHANCES, asked)
        if loss in _VALUES:
            return agree(estimator, VALUES, asked)
        if loss in _RANKING:
            return agree(estimator, ("ranking",), asked)
        raise UsageError(
            f"a CatBoost model with the loss {loss!r} can't be served yet",
            remedy=f"Use one of: {', '.join((*_BINARY, *_VALUES, *_RANKING))}.",
            loss=loss,
        )

    def form(self, estimator: Any) -> Form:
        """A model with categories takes a frame."""
        return "frame" if len(estimator.get_cat_feature_indices()) else "matrix"

    def width(self, estimator: Any) -> int:
        """Return how many features it was fitted on."""
        return len(estimator.feature_names_)

    def dump(self, estimator: Any) -> dict[str, bytes]:
        """Write CatBoost's binary format."""
        model = estimator.copy()
        metadata = model.get_metadata()
        for name in _FLEETING:
            if name in metadata.keys():  # noqa: SIM118 - it is no mapping
                del metadata[name]
        with tempfile.TemporaryDirectory() as folder:  # the library writes to files only
            path = Path(folder, _FILE)
            model.save_model(str(path), format="cbm")
            return {_FILE: path.read_bytes()}

    def load(self, files: Mapping[str, bytes]) -> Any:
        """Read a model; what comes back is a plain `CatBoost`, which predicts and trains on."""
        if set(files) != {_FILE}:
            raise IntegrityError(f"a CatBoost package holds {_FILE!r}, not {sorted(files)}")
        catboost = load_extra("catboost", "catboost")
        model = catboost.CatBoost()
        try:
            model.load_model(blob=files[_FILE])
        except (catboost.CatBoostError, ValueError, TypeError) as error:
            raise IntegrityError(f"the CatBoost model can't be read: {error}") from error
        return model

    def scorer(self, files: Mapping[str, bytes], task: Task, *, threads: int) -> Scorer:
        """Answer with probabilities where the loss was one of them."""
        del task
        model = self.load(files)
        categorical = [int(at) for at in model.get_cat_feature_indices()]
        chance = _loss(model) in _BINARY
        kind = "Probability" if chance else "RawFormulaVal"
        if _loss(model) == "Poisson":
            kind = "Exponent"

        def score(rows: Any) -> npt.NDArray[np.float64]:
            given = _mixed(rows, categorical) if categorical else rows
            answers = model.predict(given, prediction_type=kind, thread_count=threads)
            return np.ascontiguousarray(answers[:, 1] if chance else answers, dtype=np.float64)

        return score


def catboost_contributions(files: Mapping[str, bytes]) -> Contributions:
    """Open a package's model for explaining."""
    model = CatboostFormat().load(files)
    loss = _loss(model)
    scale: Scale = "value"
    if loss in _BINARY:
        scale = "log-odds"
    elif loss == "Poisson":
        scale = "log"
    elif loss in _RANKING:
        scale = "score"

    pool = catboost_pool(model)
    return Contributions(
        of=lambda rows: np.asarray(
            model.get_feature_importance(pool(rows), type="ShapValues", thread_count=1),
            dtype=np.float64,
        ),
        raw=lambda rows: np.asarray(
            model.predict(pool(rows), prediction_type="RawFormulaVal", thread_count=1),
            dtype=np.float64,
        ),
        scale=scale,
    )


def catboost_pool(model: Any) -> Callable[[Any], Any]:
    """Return what lays rows out as a model's library takes them."""
    catboost = load_extra("catboost", "catboost")
    categorical = [int(at) for at in model.get_cat_feature_indices()]

    def pool(rows: Any) -> Any:
        given = _mixed(rows, categorical) if categorical else rows
        return catboost.Pool(given, cat_features=categorical)

    return pool


def _mixed(frame: pl.DataFrame, categorical: list[int]) -> npt.NDArray[np.object_]:
    """Return the rows with text as text and numbers as numbers; missing text is the empty text."""
    rows = np.empty((frame.height, frame.width), dtype=object)
    for at, series in enumerate(frame.iter_columns()):
        if at in categorical:
            rows[:, at] = ["" if one is None else one for one in series.to_list()]
        else:
            rows[:, at] = series.cast(float).to_numpy()
    return rows


def _loss(model: Any) -> str:
    return str(model.get_all_params().get("loss_function", "")).partition(":")[0]
