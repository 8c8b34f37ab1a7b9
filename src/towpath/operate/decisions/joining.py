"""Finds the decisions that signals belong to, and puts their values beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from towpath.core.clock import as_utc
from towpath.operate.decisions.columns import last_labels, last_signals
from towpath.operate.decisions.contract import SIGNAL
from towpath.operate.decisions.view import Window

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from towpath.operate.decisions.view import View

COLUMNS: Final = (
    "decision_id",
    "signal",
    "value",
    "signal_at",
    "signal_recorded",
    "signal_source",
)


def signals_in(
    view: View,
    service: str,
    decisions: pl.DataFrame,
    *,
    names: Sequence[str] | None = None,
    matured_by: datetime | None = None,
) -> pl.DataFrame:
    """Return the signals that count for decisions of a service, given by id, key and time."""
    wanted = pl.lit(value=True)
    if names is not None:
        wanted &= pl.col("signal").is_in(list(names))
    if matured_by is not None:
        wanted &= pl.col("signal_at") <= as_utc(matured_by)
    every = [view.signals_of(decisions).filter(wanted).select(COLUMNS).collect()]
    keys = decisions.select("key").drop_nulls()
    keyed = pl.DataFrame()
    if not keys.is_empty():
        mine = view.keyed(service).filter(wanted)
        keyed = mine.join(keys.lazy(), on="key", how="semi").collect()
    if not keyed.is_empty():
        # One belongs to the last decision before it, which may be none of these.
        since = decisions.select(pl.col("at").min()).item()
        onwards = view.decisions(service, Window(since=since), ["decision_id", "key", "at"])
        every.append(owned(keyed.lazy(), onwards).select(COLUMNS).collect())
    known = decisions.select("decision_id")
    given = pl.concat(every).join(known, on="decision_id", how="semi")
    return last_signals(given.lazy()).collect()


def owned(keyed: pl.LazyFrame, decisions: pl.DataFrame) -> pl.LazyFrame:
    """Give signals by key the id of their decision; null where there is none.

    Args:
        keyed: Signals of one service's keys.
        decisions: `decision_id`, `key` and `at` of decisions of that service.
    """
    made = decisions.lazy().drop_nulls("key").select("decision_id", "key", "at").sort("at")
    asked = keyed.drop("decision_id").sort("signal_at", maintain_order=True)
    return asked.join_asof(
        made, left_on="signal_at", right_on="at", by="key", check_sortedness=False
    )


def with_labels(
    view: View, decisions: pl.DataFrame, *, matured_by: datetime | None = None, only: bool = False
) -> pl.DataFrame:
    """Return decisions with `label` and `label_at`; with `only` those that have one."""
    labels = view.labels_of(decisions)
    if matured_by is not None:
        labels = labels.filter(pl.col("label_at") <= as_utc(matured_by))
    counting = last_labels(labels).drop("label_recorded", "label_source")
    how = "inner" if only else "left"
    joined = decisions.lazy().join(counting, on="decision_id", how=how, maintain_order="left")
    return joined.collect()


def beside(decisions: pl.DataFrame, signals: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return decisions with a column `signal.NAME` for each name."""
    for name in dict.fromkeys(names):
        values = signals.filter(pl.col("signal") == name).select(
            "decision_id", pl.col("value").alias(SIGNAL + name)
        )
        decisions = decisions.join(values, on="decision_id", how="left", maintain_order="left")
    return decisions
