"""How many decisions models made, by service and day: what a bad model, or bad rows, reached in the world.

A sealed file of decisions never changes, so what was counted in one is remembered by its digest; asking
again costs the files that came since. Counts name nobody.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from towpath.operate.decisions.contract import DecisionLog

_FILES_MOST = 20_000
_COLUMNS = ("service", "model", "at", "status")

_Cell: TypeAlias = "tuple[str, str, date]"
_Counts: TypeAlias = "dict[_Cell, tuple[int, int]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The decisions of one service that one model made on one day.

    Attributes:
        service: Who was asked.
        model: Reference of the model version that answered.
        day: The day of event time, in UTC.
        decisions: How many are recorded.
        errors: Those of them that failed.
    """

    service: str
    model: str
    day: date
    decisions: int
    errors: int


class AnsweredCounts:
    """Counts recorded decisions. Thread-safe; remembers some twenty thousand files."""

    def __init__(self, decisions: DecisionLog) -> None:
        self._decisions = decisions
        self._known: OrderedDict[str, _Counts] = OrderedDict()
        self._lock = threading.Lock()

    def by(self, models: Collection[str]) -> list[Answered]:
        """Return what some models answered, by service, model and day."""
        if not models:
            return []
        wanted = set(models)
        return [
            Answered(service=service, model=model, day=day, decisions=count, errors=errors)
            for (service, model, day), (count, errors) in sorted(self._every().items())
            if model in wanted
        ]

    def _every(self) -> _Counts:
        with self._lock:
            known = dict(self._known)
        seen = self._decisions.filewise(None, columns=_COLUMNS, known=known.keys())
        fresh = {digest: _counted(rows) for digest, rows in seen.read.items()}
        with self._lock:
            self._known |= fresh
            for digest in seen.known:
                if digest in self._known:
                    self._known.move_to_end(digest)
            while len(self._known) > _FILES_MOST:
                self._known.popitem(last=False)
        parts = [known[digest] for digest in seen.known]
        return _added([*parts, *fresh.values(), _counted(seen.unsealed)])


def _counted(rows: pl.DataFrame) -> _Counts:
    if rows.is_empty():
        return {}
    counts = rows.group_by("service", "model", pl.col("at").dt.date().alias("day")).agg(
        pl.len().alias("count"), (pl.col("status") == "error").sum().alias("errors")
    )
    return {
        (service, model, day): (count, errors)
        for service, model, day, count, errors in counts.iter_rows()
    }


def _added(parts: list[_Counts]) -> _Counts:
    total: _Counts = {}
    for part in parts:
        for cell, (count, errors) in part.items():
            before = total.get(cell, (0, 0))
            total[cell] = (before[0] + count, before[1] + errors)
    return total


__all__ = ["Answered", "AnsweredCounts"]
