"""Finds the decisions that signals belong to, and puts their values beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from towpath.core.clock import as_utc
from towpath.operate.decisions.columns import last_signals
from towpath.operate.decisions.contract import SIGNAL
from towpath.operate.decisions.view import ALWAYS, Window

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
    window: Window = ALWAYS,
    *,
    names: Sequence[str] | None = None,
    matured_by: datetime | None = None,
) -> pl.DataFrame:
    """Return the signals that count for the decisions of a service in a window."""
    # A signal by key belongs to the last decision before it, which may be one after the window.
    onwards = Window(since=window.since)
    decisions = view.decisions(service, onwards, ["decision_id", "key", "at"])
    inside = decisions.filter(window.holds("at"))
    wanted = pl.lit(value=True)
    if names is not None:
        wanted &= pl.col("signal").is_in(list(names))
    if matured_by is not None:
        wanted &= pl.col("signal_at") <= as_utc(matured_by)
    by_id = view.signals_of(inside).filter(wanted).select(COLUMNS)
    by_key = owned(view.keyed(service).filter(wanted), decisions)
    every = pl.concat([by_id, by_key.select(COLUMNS)])
    mine = inside.lazy().select("decision_id")
    return last_signals(every.join(mine, on="decision_id", how="semi")).collect()


def owned(keyed: pl.LazyFrame, decisions: pl.DataFrame) -> pl.LazyFrame:
    """Give signals by key the id of their decision; null where there is none.

    Args:
        keyed: Signals of one service's keys.
        decisions: `decision_id`, `key` and `at` of decisions of that service.
    """
    made = decisions.lazy().drop_nulls("key").select("decision_id", "key", "at").sort("at")
    asked = keyed.drop("decision_id").sort("signal_at", maintain_order=True)
    return asked.join_asof(made, left_on="signal_at", right_on="at", by="key")


def beside(decisions: pl.DataFrame, signals: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return decisions with a column `signal.NAME` for each name."""
    for name in dict.fromkeys(names):
        values = signals.filter(pl.col("signal") == name).select(
            "decision_id", pl.col("value").alias(SIGNAL + name)
        )
        decisions = decisions.join(values, on="decision_id", how="left", maintain_order="left")
    return decisions
