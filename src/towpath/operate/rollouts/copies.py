"""Reads what a shadow answered beside what the champion did: every request is a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import polars as pl

from towpath.assets.models.losses import find_loss
from towpath.operate.decisions.contract import OUTPUT
from towpath.operate.rollouts.confidence import Pairs
from towpath.operate.rollouts.measures import Agreement
from towpath.operate.rollouts.observing import ANSWERED, floats, with_answers
from towpath.operate.rollouts.scoring import hours_of
from towpath.operate.rollouts.shadows import shadow_of

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.rollouts.declaration import Rollout
    from towpath.operate.rollouts.evidence import Evidence

_KEYS = ("decision_id", "at", "key", "rollout")


class CopyObserver:
    """Observes a shadow. Requests whose copy was dropped count for neither side.

    A copy has the event time of its original, so both lie in one span; a copy that is not in the log by
    the time that its span has settled counts as dropped.

    Args:
        outputs: The champion's and the shadow's output that the label belongs to.
    """

    def __init__(
        self,
        decisions: DecisionLog,
        plan: Rollout,
        *,
        service: str,
        rollout: str,
        outputs: tuple[str, str],
    ) -> None:
        self._decisions = decisions
        self._plan = plan
        self._service = service
        self._rollout = rollout
        self._outputs = (OUTPUT + outputs[0], OUTPUT + outputs[1])

    def answers(self, evidence: Evidence, *, since: datetime, until: datetime) -> Evidence:
        """See `Observer.answers`."""
        original = self._outputs[0]
        scan = self._decisions.scan(
            self._service,
            since=since,
            until=until,
            columns=["decision_id", "at", "arm", "rollout", original, *ANSWERED],
        )
        own = scan.filter((pl.col("rollout") == self._rollout) & (pl.col("arm") == "champion"))
        pairs = own.join(
            self._copies(since, until, *ANSWERED),
            left_on="decision_id",
            right_on="key",
            suffix=".copy",
        ).collect()
        if pairs.is_empty():
            return evidence
        copied = {one: pl.col(f"{one}.copy") for one in ANSWERED if one != "weight"}
        both = pl.concat(
            [
                pairs.select("arm", *ANSWERED),
                pairs.with_columns(pl.lit("challenger").alias("arm"), **copied).select(
                    "arm", *ANSWERED
                ),
            ]
        )
        evidence = evidence.at(0, with_answers(evidence.stages[0], both))
        return msgspec.structs.replace(evidence, alike=self._alike(evidence, pairs))

    def callers(
        self, evidence: Evidence, stage: int, *, since: datetime, until: datetime
    ) -> Evidence:
        """Nobody is split: everybody is answered by the champion."""
        del stage, since, until
        return evidence

    def labels(
        self, evidence: Evidence, *, since: datetime, until: datetime, maturity: timedelta
    ) -> Evidence:
        """See `Observer.labels`."""
        if self._plan.metric is None:
            return evidence
        original = self._outputs[0]
        scan = self._decisions.scan_labelled(
            self._service,
            since=since,
            until=until,
            matured_by=until + maturity,
            columns=["decision_id", "at", "arm", "rollout", "status", "weight", original],
        )
        in_time = pl.col("label_at") <= pl.col("at") + maturity
        own = (pl.col("rollout") == self._rollout) & (pl.col("arm") == "champion")
        rows = (
            scan.filter(in_time & own & (pl.col("status") == "ok"))
            .join(self._copies(since, until), left_on="decision_id", right_on="key")
            .filter(pl.col("answer").is_not_null() & pl.col(original).is_not_null())
            .sort("at", "decision_id")
            .collect()
        )
        if rows.is_empty():
            return evidence
        loss, outcome = find_loss(self._plan.metric), floats(rows["label"])
        harm = loss(outcome, floats(rows["answer"])) - loss(outcome, floats(rows[original]))
        pairs = Pairs.of(harm, hours_of(rows), floats(rows["weight"]))
        return msgspec.structs.replace(evidence, pairs=evidence.pairs.merge(pairs))

    def _copies(self, since: datetime, until: datetime, *more: str) -> pl.LazyFrame:
        """Return what the shadow answered: `key` (the original's id), `answer`, and `more` columns."""
        answer = self._outputs[1]
        scan = self._decisions.scan(
            shadow_of(self._service),
            since=since,
            until=until,
            columns=[*dict.fromkeys((*_KEYS, answer, *more))],
        )
        return scan.filter(pl.col("rollout") == self._rollout).select(
            "key", *more, answer=pl.col(answer)
        )

    def _alike(self, evidence: Evidence, pairs: pl.DataFrame) -> tuple[float, float]:
        """Return the requests that both answered, and how many alike, with those of before."""
        measures = (*self._plan.required, *self._plan.guarding)
        tolerance = next((one.tolerance for one in measures if isinstance(one, Agreement)), 0.0)
        answered = pairs.filter((pl.col("status") == "ok") & (pl.col("status.copy") == "ok"))
        apart = np.abs(floats(answered[self._outputs[0]]) - floats(answered["answer"]))
        before = evidence.alike
        return (
            before[0] + len(answered),
            before[1] + float((apart <= tolerance + 1e-12).sum()),
        )
