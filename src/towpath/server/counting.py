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
    counts anew, others wait for its answer instead of counting too. Files never change, so what one
    holds is counted once, and a count anew reads what came since.
    """

    def __init__(self, decisions: DecisionLog, *, max_age_s: float = 3.0) -> None:
        self._decisions = decisions
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, int], tuple[float, list[TrafficCount]]] = {}
        self._files: dict[tuple[str, int], dict[str, pl.DataFrame]] = {}

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
        counted = self._files.get((service, bin_s), {})
        found = self._decisions.filewise(service, columns=_COLUMNS, known=counted)
        files = {digest: counted[digest] for digest in found.known}
        files |= {digest: _binned(rows, bin_s) for digest, rows in found.read.items()}
        self._files[service, bin_s] = files
        every = pl.concat([*files.values(), _binned(found.unsealed, bin_s)])
        bins = every.group_by("bin", "model").sum().sort("bin", "model")
        return [
            TrafficCount(at=at, model=model, count=round(count), errors=round(errors))
            for at, model, count, errors in bins.iter_rows()
        ]


def _binned(rows: pl.DataFrame, bin_s: int) -> pl.DataFrame:
    """Count by bin and model what rows stand for: of a service that samples, more than there are."""
    weight = pl.col("weight").cast(pl.Float64)
    return rows.group_by(pl.col("at").dt.truncate(f"{bin_s}s").alias("bin"), "model").agg(
        count=weight.sum(), errors=weight.filter(pl.col("status") == "error").sum()
    )
