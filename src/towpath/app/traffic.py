"""Counts decisions for the pages, without looking at what was asked or answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.operate.decisions import DecisionLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Decisions of one service in one bin of event time that one model answered."""

    at: datetime
    model: str
    count: int
    errors: int


class LoggedTraffic:
    """Counts what the decision log holds. Thread-safe."""

    def __init__(self, decisions: DecisionLog) -> None:
        self._decisions = decisions

    def count(self, service: str, *, bin_s: int) -> list[Traffic]:
        """Return counts per bin of event time and model, ordered by bin."""
        wanted = ["at", "model", "status"]
        binned = (
            self._decisions.scan(service, columns=wanted)
            .group_by(pl.col("at").dt.truncate(f"{bin_s}s"), pl.col("model"))
            .agg(count=pl.len(), errors=(pl.col("status") == "error").sum())
            .sort("at", "model")
            .collect()
        )
        return [Traffic(**row) for row in binned.iter_rows(named=True)]
