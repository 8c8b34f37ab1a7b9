"""Rows of feature views that are served online."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from towpath.trace.erasure.contract import HeldCopy
from towpath.trace.erasure.copies.contract import FoundCopy
from towpath.trace.erasure.copies.finding import plain

if TYPE_CHECKING:
    from towpath.assets.features.online import OnlineFeatures
    from towpath.trace.erasure.copies.contract import About


class OnlineTables:
    """See `Copies`.

    Args:
        online: The features online.
        server: What keeps them besides this home, such as `Redis`; None where they lie in it.
    """

    kind = "online_tables"

    def __init__(self, online: OnlineFeatures, *, server: str | None = None) -> None:
        self._online = online
        self._server = server

    def held(self, about: About) -> list[HeldCopy]:
        """Return each table over the data sets."""
        return [
            HeldCopy(kind=self.kind, name=table.view, count=1)
            for table in self._online.tables()
            if table.declared.source in about.datasets
            or table.declared.subject_field == about.field
        ]

    def find(self, about: About) -> list[FoundCopy]:
        """Return the subject's row of each table by subject; rows by anything else are not told apart."""
        found: list[FoundCopy] = []
        held = {one.name for one in self.held(about)}
        for table in self._online.tables():
            declared = table.declared
            if table.view not in held:
                continue
            if declared.entity != (declared.subject,):
                by = ", ".join(declared.entity)
                note = f"the newest values by {by}, made from the data set {declared.source}"
                found.append(FoundCopy(name=table.view, count=None, note=note))
                continue
            whom = about.subject if declared.subject_hashed else about.value
            asked = {declared.entity[0]: [whom]}
            rows = self._online.get(declared.view(), asked).to_polars()
            told = rows.filter(pl.any_horizontal(pl.col(declared.features).is_not_null()))
            mine = tuple(plain(row) for row in told.iter_rows(named=True))
            found.append(FoundCopy(name=table.view, count=len(mine), rows=mine))
        return found

    def erase(self, about: About) -> None:
        """Make the tables anew from what redaction has left."""
        self._online.erase(about.field)

    def beyond(self, about: About) -> list[str]:
        """Return what the server does with what it is told to delete."""
        if self._server is None or not self.held(about):
            return []
        return [f"snapshots, logs and replicas of {self._server}, until it writes them anew"]
