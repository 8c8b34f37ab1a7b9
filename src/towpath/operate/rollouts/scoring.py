"""Losses of two models on the same rows: the one that answered, and the one that did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import structlog

from towpath.core.errors import InvalidRequest
from towpath.operate.decisions.contract import INPUT
from towpath.operate.rollouts.confidence import Pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from towpath.assets.models import Predictor
    from towpath.assets.models.losses import Loss

_log = structlog.get_logger(__name__)
_ARMS = ("champion", "challenger")


def pairs_of(
    rows: pl.DataFrame, predictors: Mapping[str, Predictor], *, loss: Loss, output: str
) -> Pairs:
    """Score, for each row, the model that did not answer it; the answered score is on record.

    Args:
        rows: With `arm`, `at`, `label`, `weight`, the column `output` and all inputs.
        predictors: By arm.
        loss: Loss per row.
        output: The column that holds the answer.
    """
    harms: list[npt.NDArray[np.float64]] = []
    hours: list[npt.NDArray[np.int64]] = []
    weights: list[npt.NDArray[np.float64]] = []
    for arm, other in (_ARMS, _ARMS[::-1]):
        answered = rows.filter(pl.col("arm") == arm)
        if answered.is_empty():
            continue
        scores = _score(predictors[other], answered)
        outcome = answered["label"].cast(pl.Float64).to_numpy()
        given = answered[output].cast(pl.Float64).to_numpy()
        change = loss(outcome, scores) - loss(outcome, given)
        scored = ~np.isnan(scores)
        harms.append((change if other == "challenger" else -change)[scored])
        hours.append(hours_of(answered)[scored])
        weights.append(answered["weight"].cast(pl.Float64).to_numpy()[scored])
    return Pairs.of(np.concatenate(harms), np.concatenate(hours), np.concatenate(weights))


def hours_of(rows: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Return the hour of event time that each row belongs to, as a number."""
    return rows["at"].dt.truncate("1h").to_physical().to_numpy()


def inputs_of(predictors: Mapping[str, Predictor]) -> list[str]:
    """Return the log's columns of all inputs that any of the models takes."""
    signatures = (one.signature for one in predictors.values())
    return sorted({INPUT + column.name for signature in signatures for column in signature.inputs})


def _score(predictor: Predictor, rows: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Return the model's answer to recorded inputs, NaN for rows that it refuses."""
    output = predictor.signature.output
    columns = {one.name: rows[INPUT + one.name].to_list() for one in predictor.signature.inputs}
    try:
        return predictor.predict(columns)[output]
    except InvalidRequest:
        scores = np.full(len(rows), np.nan)
    for row in range(len(rows)):
        try:
            single = {name: values[row : row + 1] for name, values in columns.items()}
            scores[row] = predictor.predict(single)[output][0]
        except InvalidRequest:
            continue
    _log.warning("rollout.unscored", rows=int(np.isnan(scores).sum()), of=len(rows))
    return scores
