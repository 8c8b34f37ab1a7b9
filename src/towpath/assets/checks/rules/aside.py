"""The rule that keeps a quarantine from swallowing everything."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  fields of dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.assets.checks.contract import Rule
from towpath.assets.checks.rules.values import spell_share

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Quarantined(Rule):
    """At most a share of the rows that come is set aside; beyond it something else is wrong.

    Attributes:
        at_most: The share, 0 to below 1.
    """

    at_most: float

    @property
    def says(self) -> str:
        """`at most 5% of the rows quarantined`."""
        return f"at most {spell_share(self.at_most)} of the rows quarantined"

    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """See `Rule.check`."""
        self.require(columns)
        if not 0 <= self.at_most < 1:
            self.refuse(f"at_most is {self.at_most}", "It is a share: 0 ≤ at_most < 1.")
        if self.policy == "quarantine" or self.tolerance:
            self.refuse("it is about rows that are in quarantine already", "Refuse or warn.")
