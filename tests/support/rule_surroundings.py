"""What rules may read beside the rows they judge, for rules tested on frames alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl


@dataclass
class Table:
    """Stands for a data set: its columns, what is stored, and what others hold."""

    columns: dict[str, pl.DataType] = field(default_factory=dict)
    key: tuple[str, ...] = ("id",)
    time: str | None = "at"
    at: datetime = datetime(2026, 3, 1, tzinfo=UTC)
    there: pl.DataFrame | None = None
    others: dict[str, pl.DataFrame] = field(default_factory=dict)

    def declared(self, rows: pl.DataFrame) -> list:
        return []

    def stored(self, columns: list[str]) -> pl.LazyFrame:
        names = list(dict.fromkeys([*self.key, *columns]))
        if self.there is None:
            return pl.LazyFrame(schema={name: self.columns[name] for name in names})
        return self.there.lazy().select(names)

    def column_of(self, dataset: str, columns: list[str]) -> pl.LazyFrame:
        return self.others[dataset].lazy().select(columns)
