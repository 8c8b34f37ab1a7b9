"""The output of running steps, as pieces by run and place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from towpath.ledger.logs import KEPT_BYTES, LogPart
from towpath.ledger.sql.session import chunked
from towpath.ledger.sql.upserts import insert_all_new
from towpath.storage.database import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from towpath.ledger.sql.session import Session

_pieces = tables.log_pieces


class SqlLogs:
    """See `Logs`. No facet of it appends an event."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def append(self, parts: Mapping[str, LogPart]) -> None:
        """See `Logs.append`."""
        self._session.require_writable()
        at = self._session.wall.now()
        rows = [
            {"run": run_id, "begins": part.begins, "data": part.data, "at": at}
            for run_id, part in parts.items()
            if part.data
        ]
        insert_all_new(self._session, _pieces, rows)
        for run_id, part in parts.items():
            old = (_pieces.c.run == run_id, _pieces.c.begins < part.ends - KEPT_BYTES)
            if part.ends > KEPT_BYTES:
                self._session.write(sa.delete(_pieces).where(*old))

    def read(self, run_id: str, *, after: int = 0) -> LogPart | None:
        """See `Logs.read`."""
        query = sa.select(_pieces.c.begins, _pieces.c.data).where(_pieces.c.run == run_id)
        rows = self._session.rows(query.order_by(_pieces.c.begins))
        if not rows:
            return None
        found = [(row.begins, row.data) for row in rows if row.begins + len(row.data) > after]
        if not found:
            last = rows[-1]
            return LogPart(begins=last.begins + len(last.data), data=b"")
        begins = max(after, found[0][0])
        whole = b"".join(data for _, data in found)
        return LogPart(begins=begins, data=whole[begins - found[0][0] :])

    def sizes(self) -> dict[str, int]:
        """See `Logs.sizes`."""
        size = sa.func.sum(sa.func.length(_pieces.c.data)).label("size")
        query = sa.select(_pieces.c.run, size).group_by(_pieces.c.run)
        return {row.run: int(row.size) for row in self._session.rows(query)}

    def drop(self, run_ids: Iterable[str]) -> int:
        """See `Logs.drop`."""
        self._session.require_writable()
        return sum(
            self._session.write(sa.delete(_pieces).where(_pieces.c.run.in_(ids))).rowcount
            for ids in chunked(sorted(set(run_ids)))
        )

    def prune(self, before: datetime) -> int:
        """See `Logs.prune`."""
        return self._session.write(sa.delete(_pieces).where(_pieces.c.at < before)).rowcount
