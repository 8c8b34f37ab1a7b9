"""Reads the decision log for a rollout: each answer and each label is taken in exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import polars as pl
import structlog

from towpath.assets.models.losses import find_loss
from towpath.core.errors import InvalidRequest
from towpath.operate.decisions.contract import INPUT, OUTPUT
from towpath.operate.rollouts.confidence import Moments, Pairs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    import numpy.typing as npt

    from towpath.assets.models import Predictor
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.rollouts.evidence import Evidence, Stage

_log = structlog.get_logger(__name__)
_ARMS = ("champion", "challenger")


class Observer:
    """Takes spans of event time into the evidence of one rollout.

    Only decisions that a gateway made under this rollout count, so those of callers that were
    answered before the split reached every gateway do not, nor those that asked for a version.

    Args:
        predictors: The champion's and the challenger's model, where both are to be scored on every
            row; None where each arm's own answers are compared.
        output: Name of the output that the label belongs to.
    """

    def __init__(
        self,
        decisions: DecisionLog,
        *,
        service: str,
        rollout: str,
        metric: str,
        output: str,
        predictors: Mapping[str, Predictor] | None,
    ) -> None:
        self._decisions = decisions
        self._service = service
        self._rollout = rollout
        self._loss = find_loss(metric)
        self._output = OUTPUT + output
        self._predictors = predictors

    def answers(self, evidence: Evidence, *, since: datetime, until: datetime) -> Evidence:
        """Take in the answers whose event time is in [since, until): did they fail?"""
        columns = ["decision_id", "at", "arm", "rollout", "stage", "status"]
        scan = self._decisions.scan(self._service, since=since, until=until, columns=columns)
        rows = self._own(scan).sort("at", "decision_id").collect()
        if rows.is_empty():
            return evidence
        for number, size in rows.group_by("stage").len().iter_rows():
            stage = evidence.stages[number]
            counted = msgspec.structs.replace(stage, answers=stage.answers + size)
            evidence = evidence.at(number, counted)
        failures = evidence.failures.observe(
            (rows["arm"] == "challenger").to_numpy(), (rows["status"] == "error").to_numpy()
        )
        return msgspec.structs.replace(evidence, failures=failures)

    def callers(
        self, evidence: Evidence, stage: int, *, since: datetime, until: datetime
    ) -> Evidence:
        """Count the different callers of both arms at a stage, from its beginning."""
        columns = ["decision_id", "arm", "rollout", "stage", "key", "subject"]
        scan = self._decisions.scan(self._service, since=since, until=until, columns=columns)
        caller = pl.coalesce("subject", "key", "decision_id")
        counts = dict(
            self._own(scan)
            .filter(pl.col("stage") == stage)
            .group_by("arm")
            .agg(caller.n_unique())
            .collect()
            .iter_rows()
        )
        before = evidence.stages[stage]
        callers = (counts.get("champion", 0), counts.get("challenger", 0))
        counted = msgspec.structs.replace(before, callers=callers, counted_at=before.answers)
        return evidence.at(stage, counted)

    def labels(
        self, evidence: Evidence, *, since: datetime, until: datetime, maturity: timedelta
    ) -> Evidence:
        """Take in the decisions in [since, until) that had a label `maturity` after they were made."""
        columns = ["decision_id", "at", "arm", "rollout", "stage", "status", self._output]
        names = [] if self._predictors is None else _inputs(self._predictors)
        scan = self._decisions.scan_labelled(
            self._service,
            since=since,
            until=until,
            matured_by=until + maturity,
            columns=[*columns, *(INPUT + name for name in names)],
        )
        in_time = pl.col("label_at") <= pl.col("at") + maturity
        answered = (pl.col("status") == "ok") & pl.col(self._output).is_not_null()
        rows = self._own(scan).filter(in_time & answered).sort("at", "decision_id").collect()
        if rows.is_empty():
            return evidence
        for (number,), part in rows.group_by("stage"):
            place = int(str(number))
            evidence = evidence.at(place, self._with_losses(evidence.stages[place], part))
        pairs = evidence.pairs.merge(self._pairs(rows))
        return msgspec.structs.replace(evidence, pairs=pairs)

    def _own(self, scan: pl.LazyFrame) -> pl.LazyFrame:
        return scan.filter((pl.col("rollout") == self._rollout) & pl.col("arm").is_in(_ARMS))

    def _with_losses(self, stage: Stage, rows: pl.DataFrame) -> Stage:
        losses = self._loss(_floats(rows["label"]), _floats(rows[self._output]))
        challenger = (rows["arm"] == "challenger").to_numpy()
        return msgspec.structs.replace(
            stage,
            champion=stage.champion.merge(Moments.of(losses[~challenger])),
            challenger=stage.challenger.merge(Moments.of(losses[challenger])),
        )

    def _pairs(self, rows: pl.DataFrame) -> Pairs:
        """Score, for each row, the model that did not answer it; the answered score is on record."""
        if self._predictors is None:
            return Pairs()
        harms: list[npt.NDArray[np.float64]] = []
        hours: list[npt.NDArray[np.int64]] = []
        for arm, other in (_ARMS, _ARMS[::-1]):
            answered = rows.filter(pl.col("arm") == arm)
            if answered.is_empty():
                continue
            scores = _score(self._predictors[other], answered)
            outcome, given = _floats(answered["label"]), _floats(answered[self._output])
            change = self._loss(outcome, scores) - self._loss(outcome, given)
            scored = ~np.isnan(scores)
            harms.append((change if other == "challenger" else -change)[scored])
            hours.append(answered["at"].dt.truncate("1h").to_physical().to_numpy()[scored])
        return Pairs.of(np.concatenate(harms), np.concatenate(hours))


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


def _inputs(predictors: Mapping[str, Predictor]) -> list[str]:
    signatures = (one.signature for one in predictors.values())
    return sorted({column.name for signature in signatures for column in signature.inputs})


def _floats(values: pl.Series) -> npt.NDArray[np.float64]:
    return values.cast(pl.Float64).to_numpy()
