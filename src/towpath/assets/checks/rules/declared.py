"""The rule that stands for what the schema says itself."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  fields of dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.assets.checks.contract import Broken, RowRule

if TYPE_CHECKING:
    import polars as pl

    from towpath.assets.checks.contract import Surroundings


@dataclass(frozen=True, slots=True)
class Declared(RowRule):
    """Rows keep what the schema declares: values where none may be missing, `Range`, `Values`, keys.

    Without this rule, rows that don't are refused. With `policy="quarantine"` they are set aside
    instead; of rows that share a key, all. Names and types of columns can't be set aside: they are
    always refused.
    """

    @property
    def says(self) -> str:
        """`keeps what the schema declares`."""
        return "keeps what the schema declares"

    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """See `Rule.check`."""
        self.require(columns)
        if self.policy == "warn":
            self.refuse("its policy is 'warn'", "Readers rely on the schema: relax it instead.")
        if self.tolerance:
            self.refuse("it has a tolerance", "Relax the schema instead.")

    def broken(self, rows: pl.DataFrame, around: Surroundings) -> list[Broken]:
        """Return the parts of the schema that rows break."""
        return around.declared(rows)
