"""Counts decisions for the pages, seldom enough not to compete with whoever makes them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import polars as pl

from towpath.server.contract import TrafficCount

if TYPE_CHECKING:
    from towpath.operate.decisions.contract import DecisionLog

_COLUMNS = ["at", "model", "status", "weight"]


class DecisionTraffic:
    """Implements `TrafficCounter` over the decision log. Thread-safe.

    A count is kept for `max_age_s` of wall time, however many pages ask for it; while one thread
    counts anew, others wait for its answer instead of counting too.
    """

    def __init__(self, decisions: DecisionLog, *, max_age_s: float = 3.0) -> None:
        self._decisions = decisions
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, int], tuple[float, list[TrafficCount]]] = {}

    def count(self, service: str, *, bin_s: int) -> list[TrafficCount]:
        """Return counts per bin of event time and model, ordered by bin."""
        key = service, bin_s
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or time.monotonic() - kept[0] > self._max_age_s:
                kept = time.monotonic(), self._count(service, bin_s)
                self._kept[key] = kept
            return kept[1]

    def _count(self, service: str, bin_s: int) -> list[TrafficCount]:
        bins = (
            self._decisions.scan(service, columns=_COLUMNS)
            .group_by(pl.col("at").dt.truncate(f"{bin_s}s").alias("bin"), "model")
            .agg(
                count=_whole(pl.col("weight")),
                errors=_whole(pl.col("weight").filter(pl.col("status") == "error")),
            )
            .sort("bin", "model")
            .collect()
        )
        return [
            TrafficCount(at=at, model=model, count=count, errors=errors)
            for at, model, count, errors in bins.iter_rows()
        ]


def _whole(weights: pl.Expr) -> pl.Expr:
    """Return how many decisions rows stand for: of a service that samples, more than there are."""
    return weights.sum().round().cast(pl.Int64)
