"""Brings a view's online rows up to a moment: as a new generation, or by what changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from towpath.assets.features.online.contract import Materialized
from towpath.assets.features.online.keys import KeyEncoder
from towpath.assets.features.online.rows import NO_TAG, RowCodec
from towpath.assets.features.online.table import OnlineTable, decode_table
from towpath.core.clock import from_micros, to_micros
from towpath.core.errors import Conflict, IntegrityError, TowpathError
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    import polars as pl

    from towpath.assets.features.contract import FeatureStore, Newest
    from towpath.assets.features.declaration import FeatureView
    from towpath.ledger.contract import Ledger
    from towpath.storage.online import Head, OnlineStore, Row

RUN_KIND = "materialization"
_ACTOR = "features"
_log = structlog.get_logger(__name__)


class Materialization:
    """One attempt to bring one view up to a moment.

    The newest observations come in batches from the view's layout, are packed column by column and
    written as they come, so memory is that of a batch. A run in the ledger says what was used.
    """

    def __init__(
        self,
        ledger: Ledger,
        offline: FeatureStore,
        store: OnlineStore,
        view: FeatureView,
        *,
        project: str,
        at: datetime,
    ) -> None:
        self._ledger = ledger
        self._offline = offline
        self._store = store
        self._view = view
        self._project = project
        self._at = at
        self._table = OnlineTable.of(view, project=project)
        self._keys = KeyEncoder(self._table.entity)
        self._codec = RowCodec(self._table)

    def run(self, *, whole: bool) -> Materialized:
        """Lay the source out, if it is not, and write what is new."""
        head = self._store.head(self._view.name)
        self._offline.build(self._view, project=self._project)
        before = None if head is None or whole else self._usable(head)
        after = None
        if before is not None and before.after is not None:
            after = (*before.after, from_micros(before.at_us))
        newest = self._offline.newest(self._view, at=self._at, after=after)
        if newest.whole or head is None or before is None:
            return self._recorded(newest, lambda: self._anew(newest), whole=True)
        return self._brought_up(newest, head, before)

    def cleanse(self, table: OnlineTable) -> None:
        """Put a generation in force that only carries over what was pushed and may stay."""
        with self._store.begin(self._view.name) as draft:
            draft.publish(table.encode(), keep=self._keep())

    def _usable(self, head: Head) -> OnlineTable | None:
        """Return what is in force, if its rows mean what the view's do and don't reach further."""
        try:
            table = decode_table(head.body)
        except IntegrityError:
            return None
        if not table.means_the_same(self._table) or table.at_us > to_micros(self._at):
            return None
        return table

    def _anew(self, newest: Newest) -> int:
        """Write a new generation and put it in force."""
        count = 0
        table = self._table.reaching(newest.ref, newest.revision, newest.at)
        with self._store.begin(self._view.name) as draft:
            for rows in self._packed(newest.batches):
                draft.write(rows)
                count += len(rows)
            self._refuse_redacted(newest)
            draft.publish(table.encode(), keep=self._keep())
        return count

    def _refuse_redacted(self, newest: Newest) -> None:
        """Give up if an erasure overtook us: what it removed must not come back.

        An erasure redacts first and then begins a draft of its own. Whichever side of this look the
        redaction falls on, either we see it here or our draft is overtaken.
        """
        with self._ledger.read() as tx:
            revision = tx.versions.get(newest.ref).revision
        if revision != newest.revision:
            raise Conflict(
                f"{newest.ref} was redacted while it was materialised",
                remedy="Materialise it again.",
                view=self._view.name,
            )

    def _brought_up(self, newest: Newest, head: Head, before: OnlineTable) -> Materialized:
        """Write the entities that changed into the generation in force.

        An erasure that overtakes us puts another generation in force, and no update is taken then.
        """
        batches = self._packed(newest.batches)
        first = next(batches, None)
        table = self._table.reaching(newest.ref, newest.revision, newest.at, before=before)
        name = self._view.name

        def update(rows: list[Row], body: bytes | None = None) -> int:
            return self._store.update(name, rows, generation=head.generation, body=body)

        def write() -> int:
            pieces = () if first is None else (first, *batches)
            return sum(update(rows) for rows in pieces) + update([], table.encode())

        if first is None:
            write()
            return self._outcome(newest, whole=False, rows=0, run=None)
        return self._recorded(newest, write, whole=False)

    def _packed(self, batches: Iterable[pl.DataFrame]) -> Iterator[list[Row]]:
        for batch in batches:
            keys = self._keys.encode_frame(batch)
            values = self._codec.pack(batch)
            yield [(key, value) for key, value in zip(keys, values, strict=True) if key is not None]

    def _keep(self) -> Callable[[bytes, bytes], bool]:
        """Return which pushed rows go into the new generation: not of who withdrew, none too old."""
        with self._ledger.read() as tx:
            withdrawn = tx.withdrawals.subjects()
        tags = {bytes.fromhex(one) for one in withdrawn} - {NO_TAG}
        codec, ttl_us = self._codec, self._table.ttl_us
        oldest = None if ttl_us is None else to_micros(self._at) - ttl_us

        def keep(_key: bytes, value: bytes) -> bool:
            too_old = oldest is not None and codec.time_us(value) < oldest
            return not too_old and codec.tag(value) not in tags

        return keep

    def _recorded(self, newest: Newest, write: Callable[[], int], *, whole: bool) -> Materialized:
        """Do it as a run of the ledger, so that the graph says what the online rows were made of."""
        with self._ledger.write(actor=_ACTOR) as tx:
            run = tx.runs.start(
                kind=RUN_KIND,
                name=self._view.name,
                project=self._project,
                params={"ref": str(newest.ref), "at": newest.at.isoformat(), "whole": whole},
            )
            tx.graph.link(run.ref, "used", newest.ref)
        try:
            rows = write()
        except BaseException as error:
            why = error.message if isinstance(error, TowpathError) else type(error).__name__
            with self._ledger.write(actor=_ACTOR) as tx:
                tx.runs.finish(run.id, "failed", error=why)
            raise
        with self._ledger.write(actor=_ACTOR) as tx:
            tx.runs.finish(run.id, "finished")
            for dead in tx.runs.list(kind=RUN_KIND, name=self._view.name, status="running"):
                tx.runs.finish(dead.id, "killed", error="it did not come to an end")
            tx.graph.link(Ref("online", self._view.name), "made", run.ref)
        _log.info("features.materialized", view=self._view.name, rows=rows, whole=whole)
        return self._outcome(newest, whole=whole, rows=rows, run=run.id)

    def _outcome(self, newest: Newest, *, whole: bool, rows: int, run: str | None) -> Materialized:
        return Materialized(
            view=self._view.name,
            ref=newest.ref,
            revision=newest.revision,
            at=newest.at,
            whole=whole,
            rows=rows,
            run=run,
        )
