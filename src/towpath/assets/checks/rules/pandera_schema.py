"""Checks that are written for pandera already."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  fields of dataclasses
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import polars as pl

from towpath.assets.checks.contract import Broken, RowRule
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from towpath.assets.checks.contract import Surroundings

_WHOLE = "DataFrameSchema"


@dataclass(frozen=True, slots=True, eq=False)
class Pandera(RowRule):
    """Every check of a pandera schema for Polars; each is a line of its own in reports.

    Rows are judged, never changed: what the schema would coerce, fill or drop stays as it is. A check
    that fails without saying for which rows is broken by all of them. Needs `towpath[pandera]`.

    Attributes:
        schema: A `pandera.polars.DataFrameModel` class, or a `DataFrameSchema`.
    """

    schema: Any

    @property
    def says(self) -> str:
        """`fits the pandera schema Rides`."""
        name = getattr(self.schema, "__name__", None) or getattr(self.schema, "name", None)
        return f"fits the pandera schema {name}" if name else "fits the pandera schema"

    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """See `Rule.check`."""
        self.require(columns)
        wanted = getattr(self._schema(), "columns", None)
        if not isinstance(wanted, dict):
            self.refuse(f"{self.schema!r} is not a schema", "Give it a DataFrameModel of yours.")

    def broken(self, rows: pl.DataFrame, around: Surroundings) -> list[Broken]:
        """Return the rows that fail each check."""
        del around
        if rows.is_empty():
            return []
        from pandera.config import ValidationDepth, config_context  # noqa: PLC0415  optional
        from pandera.errors import SchemaErrors  # noqa: PLC0415  optional

        # An environment variable can turn pandera off, and a rule must not be off without a word.
        depth = ValidationDepth.SCHEMA_AND_DATA
        with config_context(validation_enabled=True, validation_depth=depth):
            try:
                self._schema().validate(rows, lazy=True)
            except SchemaErrors as errors:
                return _parts(rows, errors.failure_cases)
        return []

    def _schema(self) -> Any:
        try:
            import_module("pandera.polars")  # registers what Polars needs
        except ImportError as error:
            raise UsageError(
                f"the rule {self.title!r} needs pandera", remedy="pip install 'towpath[pandera]'"
            ) from error
        return self.schema.to_schema() if isinstance(self.schema, type) else self.schema


def _parts(rows: pl.DataFrame, failures: pl.DataFrame) -> list[Broken]:
    """Return one part per column and check. What failed is told by place; values are not looked at."""
    parts: list[Broken] = []
    named = failures.select("schema_context", "column", "check", "index")
    for (context, column, check), found in named.group_by(
        "schema_context", "column", "check", maintain_order=True
    ):
        places = found["index"]
        whole = places.null_count() > 0
        broken = pl.int_range(rows.height, eager=True).is_in(places.drop_nulls().implode())
        parts.append(
            Broken(
                columns=() if context == _WHOLE or column not in rows.columns else (str(column),),
                words=f"fails pandera's check {check}",
                rows=pl.repeat(value=True, n=rows.height, eager=True) if whole else broken,
            )
        )
    return parts
