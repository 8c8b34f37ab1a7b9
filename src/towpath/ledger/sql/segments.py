"""The list of a stream's files, pruned by time and id."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from towpath.ledger.records import Segment
from towpath.ledger.sql.session import chunked
from towpath.ledger.sql.upserts import put_all
from towpath.storage.database import tables

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from towpath.ledger.sql.events import SqlEvents
    from towpath.ledger.sql.session import Session

_segments = tables.segments


class SqlSegments:
    """See `Segments`."""

    def __init__(self, session: Session, events: SqlEvents) -> None:
        self._session = session
        self._events = events

    def add(self, segments: Iterable[Segment], *, retire: Iterable[str] = ()) -> None:
        """See `Segments.add`."""
        self._session.require_writable()
        new, old = list(segments), sorted(set(retire))
        for piece in chunked(old):
            self._session.write(sa.delete(_segments).where(_segments.c.digest.in_(piece)))
        put_all(self._session, _segments, [asdict(segment) for segment in new])
        if new or old:
            self._events.append(
                "segments.changed",
                "segments",
                streams=sorted({segment.stream for segment in new}),
                added=[segment.digest for segment in new],
                retired=old,
                rows=sum(segment.rows for segment in new),
            )

    def list(
        self,
        stream: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        record_id: str | None = None,
    ) -> list[Segment]:
        """See `Segments.list`."""
        query = sa.select(_segments).order_by(_segments.c.since, _segments.c.digest)
        if stream is not None:
            query = query.where(_segments.c.stream == stream)
        if since is not None:
            query = query.where(_segments.c.until >= since)
        if until is not None:
            query = query.where(_segments.c.since < until)
        if record_id is not None:
            query = query.where(_segments.c.first_id <= record_id, _segments.c.last_id >= record_id)
        return [Segment(**row) for row in self._session.mappings(query)]
