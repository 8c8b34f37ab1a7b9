"""The flavours there are, and which one an estimator is of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.assets.models.flavours.catboost import CatboostFormat
from towpath.assets.models.flavours.factors import FactorsFormat
from towpath.assets.models.flavours.forecasts import ForecastFormat
from towpath.assets.models.flavours.keras import KerasFormat
from towpath.assets.models.flavours.lightgbm import LightgbmFormat
from towpath.assets.models.flavours.onnx import OnnxFormat
from towpath.assets.models.flavours.sklearn import SklearnFormat
from towpath.assets.models.flavours.torch import TorchFormat
from towpath.assets.models.flavours.xgboost import XgboostFormat
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.assets.models.contract import Task
    from towpath.assets.models.flavours.contract import Form, Format

FORMATS: Mapping[str, Format] = {
    known.flavour: known
    for known in (
        LightgbmFormat(),
        SklearnFormat(),
        XgboostFormat(),
        CatboostFormat(),
        OnnxFormat(),
        TorchFormat(),
        KerasFormat(),
        ForecastFormat(),
        FactorsFormat(),
    )
}


def format_of(estimator: object) -> Format:
    """Return the format that keeps an estimator.

    Raises:
        UsageError: None of them does.
    """
    for known in FORMATS.values():
        if known.claims(estimator):
            return known
    raise UsageError(
        f"a {type(estimator).__module__}.{type(estimator).__qualname__} is not a model that can be kept",
        remedy=f"Known flavours: {', '.join(FORMATS)}.",
    )


def recognise(estimator: Any, asked: Task | None, columns: int) -> tuple[Format, Form, Task]:
    """Return the format, form and task of a fitted estimator that is to take `columns` columns.

    Raises:
        UsageError: It can't be kept, does another task than `asked`, or takes another number of columns.
    """
    known = format_of(estimator)
    task = known.task(estimator, asked)
    width = known.width(estimator)
    if width != columns:
        raise UsageError(
            f"the {type(estimator).__name__} was fitted on {width} columns, but inputs has {columns}",
            remedy="Pass the features it was fitted on, in the same order.",
        )
    return known, known.form(estimator), task
