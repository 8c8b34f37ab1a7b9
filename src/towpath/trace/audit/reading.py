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

READ = "decisions.read"


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

    def counted(
        self,
        service: str | None,
        *,
        actor: str,
        since: datetime | None = None,
        until: datetime | None = None,
        where: DecisionFilter = ANY,
    ) -> None:
        """Enter that decisions are counted, where the filter singles somebody or something out."""
        if where.subject is not None or where.key is not None:
            self._record(service or "all", actor, since, until, where, count=True)

    def _record(
        self,
        service: str,
        actor: str,
        since: datetime | None,
        until: datetime | None,
        where: DecisionFilter,
        **said: Any,
    ) -> None:
        with self._ledger.write(actor=actor) as tx:
            tx.events.append(READ, f"service:{service}", **asked_for(since, until, where), **said)


def asked_for(
    since: datetime | None, until: datetime | None, where: DecisionFilter = ANY
) -> dict[str, Any]:
    """Return what may be said of a reading: callers' keys stay out, subjects are hashes."""
    window = {
        name: None if moment is None else moment.isoformat()
        for name, moment in (("since", since), ("until", until))
    }
    asked = {name: value for name, value in where.asked().items() if name != "key"}
    return {**window, "where": asked}
