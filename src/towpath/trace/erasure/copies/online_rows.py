"""Rows of feature views that are served online."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.trace.erasure.contract import HeldCopy

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

    def erase(self, about: About) -> None:
        """Make the tables anew from what redaction has left."""
        self._online.erase(about.field)

    def beyond(self, about: About) -> list[str]:
        """Return what the server does with what it is told to delete."""
        if self._server is None or not self.held(about):
            return []
        return [f"snapshots, logs and replicas of {self._server}, until it writes them anew"]
