"""Shows decisions with what was asked and answered, and says in the ledger who looked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.operate.decisions.contract import ANY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import polars as pl

    from towpath.ledger.contract import Ledger
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.decisions.records import DecisionFilter, DecisionPage


class AuditedDecisions:
    """Reads decisions for people. Thread-safe.

    Each page is preceded by the event `decisions.read`, with the actor, the service and what was asked
    for, so that no reading goes unrecorded; keys stay out of it, and subjects are hashes.
    """

    def __init__(self, ledger: Ledger, decisions: DecisionLog) -> None:
        self._ledger = ledger
        self._decisions = decisions

    def page(
        self,
        service: str,
        *,
        actor: str,
        since: datetime | None = None,
        until: datetime | None = None,
        where: DecisionFilter = ANY,
        before: str | None = None,
        limit: int = 100,
    ) -> DecisionPage:
        """Return a page as `DecisionLog.page` does."""
        self._record(service, actor, since, until, where, before=before, limit=limit)
        return self._decisions.page(
            service, since=since, until=until, where=where, before=before, limit=limit
        )

    def pages(
        self,
        service: str,
        *,
        actor: str,
        since: datetime | None = None,
        until: datetime | None = None,
        where: DecisionFilter = ANY,
        signals: list[str] | None = None,
    ) -> Iterator[pl.DataFrame]:
        """Yield all pages as `DecisionLog.pages` does, recorded as one reading."""
        self._record(service, actor, since, until, where, export=True)
        yield from self._decisions.pages(
            service, since=since, until=until, where=where, signals=signals
        )

    def _record(
        self,
        service: str,
        actor: str,
        since: datetime | None,
        until: datetime | None,
        where: DecisionFilter,
        **said: Any,
    ) -> None:
        asked = {name: value for name, value in where.asked().items() if name != "key"}
        window = {
            name: None if moment is None else moment.isoformat()
            for name, moment in (("since", since), ("until", until))
        }
        with self._ledger.write(actor=actor) as tx:
            tx.events.append("decisions.read", f"service:{service}", **window, where=asked, **said)
