"""Reads the decision log for a rollout: each answer and each label is taken in exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np
import polars as pl

from towpath.assets.models.losses import find_loss
from towpath.operate.decisions.contract import OUTPUT
from towpath.operate.rollouts.confidence import Moments
from towpath.operate.rollouts.latencies import Latencies
from towpath.operate.rollouts.measures import Signal
from towpath.operate.rollouts.scoring import inputs_of, pairs_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    import numpy.typing as npt

    from towpath.assets.models import Predictor
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.rollouts.declaration import Rollout
    from towpath.operate.rollouts.evidence import Evidence, Stage

_ARMS = ("champion", "challenger")


class Observer(Protocol):
    """Takes spans of event time into the evidence of one rollout.

    Only decisions that a gateway made under this rollout count, so those of callers that were
    answered before the split reached every gateway do not, nor those that asked for a version.
    """

    def answers(self, evidence: Evidence, *, since: datetime, until: datetime) -> Evidence:
        """Take in the answers whose event time is in [since, until): did they fail, how long took they?"""
        ...

    def callers(
        self, evidence: Evidence, stage: int, *, since: datetime, until: datetime
    ) -> Evidence:
        """Count the different callers of both arms at a stage, from its beginning."""
        ...

    def labels(
        self, evidence: Evidence, *, since: datetime, until: datetime, maturity: timedelta
    ) -> Evidence:
        """Take in what became known, `maturity` after they were made, of decisions in [since, until)."""
        ...


class ArmObserver:
    """Observes two arms of which each answers a part of the traffic, or all of it.

    Args:
        predictors: The champion's and the challenger's model, where both are to be scored on every
            row; None where each arm's own answers are compared.
        output: Name of the output that the label belongs to.
    """

    def __init__(
        self,
        decisions: DecisionLog,
        plan: Rollout,
        *,
        service: str,
        rollout: str,
        output: str,
        predictors: Mapping[str, Predictor] | None,
    ) -> None:
        self._decisions = decisions
        self._plan = plan
        self._service = service
        self._rollout = rollout
        self._output = OUTPUT + output
        self._predictors = predictors
        self._signals = [one for one in (*plan.required, *plan.guarding) if isinstance(one, Signal)]

    def answers(self, evidence: Evidence, *, since: datetime, until: datetime) -> Evidence:
        """See `Observer.answers`."""
        columns = ["decision_id", "at", "arm", "rollout", "stage", *ANSWERED]
        scan = self._decisions.scan(self._service, since=since, until=until, columns=columns)
        rows = self._own(scan).sort("at", "decision_id").collect()
        if rows.is_empty():
            return evidence
        for (number,), part in rows.group_by("stage"):
            place = int(str(number))
            evidence = evidence.at(place, with_answers(evidence.stages[place], part))
        if not evidence.stages[0].is_split:
            return evidence
        failures = evidence.failures.observe(
            (rows["arm"] == "challenger").to_numpy(), (rows["status"] == "error").to_numpy()
        )
        return msgspec.structs.replace(evidence, failures=failures)

    def baseline(
        self, evidence: Evidence, *, model: str, since: datetime, until: datetime
    ) -> Evidence:
        """Take in what the champion answered before the switch, where it answers nothing after it."""
        columns = ["decision_id", "at", "arm", "model", *ANSWERED]
        scan = self._decisions.scan(self._service, since=since, until=until, columns=columns)
        own = (pl.col("model") == model) & (pl.col("arm") == "champion")
        rows = scan.filter(own).collect()
        if rows.is_empty():
            return evidence
        return evidence.at(0, with_answers(evidence.stages[0], rows))

    def callers(
        self, evidence: Evidence, stage: int, *, since: datetime, until: datetime
    ) -> Evidence:
        """See `Observer.callers`."""
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
        """See `Observer.labels`."""
        if self._plan.metric is not None:
            evidence = self._losses(
                evidence, self._plan.metric, since=since, until=until, maturity=maturity
            )
        for signal in self._signals:
            evidence = self._signalled(
                evidence, signal, since=since, until=until, maturity=maturity
            )
        return evidence

    def _losses(
        self, evidence: Evidence, metric: str, *, maturity: timedelta, **span: datetime
    ) -> Evidence:
        columns = ["decision_id", "at", "arm", "rollout", "stage", "status", "weight", self._output]
        names = [] if self._predictors is None else inputs_of(self._predictors)
        scan = self._decisions.scan_labelled(
            self._service,
            **span,
            matured_by=span["until"] + maturity,
            columns=[*columns, *names],
        )
        in_time = pl.col("label_at") <= pl.col("at") + maturity
        answered = (pl.col("status") == "ok") & pl.col(self._output).is_not_null()
        rows = self._own(scan).filter(in_time & answered).sort("at", "decision_id").collect()
        if rows.is_empty():
            return evidence
        loss = find_loss(metric)
        losses = loss(floats(rows["label"]), floats(rows[self._output]))
        for number, chosen in _by_stage(rows):
            stage = evidence.stages[number]
            champion, challenger = _arms_of(rows, losses, chosen)
            stage = msgspec.structs.replace(
                stage,
                champion=stage.champion.merge(champion),
                challenger=stage.challenger.merge(challenger),
            )
            evidence = evidence.at(number, stage)
        if self._predictors is None:
            return evidence
        pairs = pairs_of(rows, self._predictors, loss=loss, output=self._output)
        return msgspec.structs.replace(evidence, pairs=evidence.pairs.merge(pairs))

    def _signalled(
        self, evidence: Evidence, signal: Signal, *, maturity: timedelta, **span: datetime
    ) -> Evidence:
        """Take in a signal; harm is upward, so one that is better higher enters with its sign turned."""
        columns = ["decision_id", "at", "arm", "rollout", "stage", "status", "weight"]
        since, until = span["since"], span["until"]
        scan = self._decisions.scan(self._service, since=since, until=until, columns=columns)
        sent = self._decisions.scan_signals(
            self._service,
            names=[signal.signal],
            since=since,
            until=until,
            matured_by=until + maturity,
        ).select("decision_id", "value", "signal_at")
        in_time = pl.col("signal_at") <= pl.col("at") + maturity
        value = pl.when(in_time).then(pl.col("value"))
        if signal.absent is not None:
            value = value.fill_null(signal.absent)
        rows = (
            self._own(scan)
            .filter(pl.col("status") == "ok")
            .join(sent, on="decision_id", how="left")
            .with_columns(value=value.clip(*signal.clip))
            .filter(pl.col("value").is_not_null())
            .collect()
        )
        if rows.is_empty():
            return evidence
        harms = floats(rows["value"]) * (-1.0 if signal.better == "higher" else 1.0)
        for number, chosen in _by_stage(rows):
            stage = evidence.stages[number]
            new = _arms_of(rows, harms, chosen)
            old = stage.signals.get(signal.signal, (Moments(), Moments()))
            both = (old[0].merge(new[0]), old[1].merge(new[1]))
            signals = {**stage.signals, signal.signal: both}
            evidence = evidence.at(number, msgspec.structs.replace(stage, signals=signals))
        return evidence

    def _own(self, scan: pl.LazyFrame) -> pl.LazyFrame:
        return scan.filter((pl.col("rollout") == self._rollout) & pl.col("arm").is_in(_ARMS))


ANSWERED = ("status", "latency_us", "weight")
"""The columns that `with_answers` reads beside `arm`."""


def with_answers(stage: Stage, rows: pl.DataFrame) -> Stage:
    """Return the stage with answers taken in: whether they failed, and how long the others took."""
    failed, latencies = list(stage.failed), list(stage.latencies)
    for place, arm in enumerate(_ARMS):
        part = rows.filter(pl.col("arm") == arm)
        broke = (part["status"] == "error").to_numpy()
        weights = floats(part["weight"])
        failed[place] = failed[place].merge(Moments.of(broke.astype(np.float64), weights))
        micros = floats(part["latency_us"])[~broke]
        latencies[place] = latencies[place].merge(Latencies.of(micros, weights[~broke]))
    return msgspec.structs.replace(
        stage,
        answers=stage.answers + len(rows),
        failed=(failed[0], failed[1]),
        latencies=(latencies[0], latencies[1]),
    )


def floats(values: pl.Series) -> npt.NDArray[np.float64]:
    """Return a column as numbers, null as NaN."""
    return values.cast(pl.Float64).to_numpy()


def _by_stage(rows: pl.DataFrame) -> list[tuple[int, npt.NDArray[np.bool_]]]:
    stages = rows["stage"].to_numpy()
    return [(int(one), stages == one) for one in np.unique(stages)]


def _arms_of(
    rows: pl.DataFrame, values: npt.NDArray[np.float64], chosen: npt.NDArray[np.bool_]
) -> tuple[Moments, Moments]:
    """Summarise the values of chosen rows by arm, champion first."""
    weights = floats(rows["weight"])
    challenger = (rows["arm"] == "challenger").to_numpy()
    one, two = (chosen & side for side in (~challenger, challenger))
    return Moments.of(values[one], weights[one]), Moments.of(values[two], weights[two])
