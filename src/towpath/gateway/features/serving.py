"""Features by entity: looked up, computed, pushed. Whatever the words they are asked for in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import structlog

from towpath.assets.features.online import Push, TableQuery, typed_frame
from towpath.core.clock import from_micros
from towpath.core.errors import InvalidRequest, NotFound, TowpathError, Unavailable
from towpath.gateway.features.catalogue import FeatureCatalogue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from towpath.assets.features.online import DeclaredView, OnlineReader, OnlineRows, Pushed
    from towpath.assets.features.online.opened import Opened
    from towpath.gateway.features.catalogue import ServedService
    from towpath.gateway.features.computing import Computers
    from towpath.gateway.moments import Moments
    from towpath.ledger.contract import Ledger
    from towpath.storage.keys import Keyring
    from towpath.storage.online import OnlineStore

_log = structlog.get_logger(__name__)
ROWS_MOST: Final = 10_000
INLINE_ROWS: Final = 256
"""Up to this many look-ups are unpacked in the event loop: cheaper than a thread's wake-up."""


class Features:
    """Serves features. Made and used in one event loop, but for `refresh`.

    Attributes:
        catalogue: The services that are known; replaced whole.
    """

    def __init__(
        self,
        ledger: Ledger,
        store: OnlineStore,
        reader: OnlineReader,
        keyring: Keyring,
        *,
        computers: Computers,
        moments: Moments,
    ) -> None:
        self.catalogue = FeatureCatalogue()
        self._ledger = ledger
        self._store = store
        self._reader = reader
        self._keyring = keyring
        self._computers = computers
        self._moments = moments
        self._loop = asyncio.get_running_loop()
        self._reads = reader.in_loop()

    def refresh(self) -> None:
        """Read the services again, and look at the open tables. For a thread beside the loop.

        Looking gives files back that a new generation has replaced, and finds a new time to live.
        """
        with self._ledger.read() as tx:
            catalogue = FeatureCatalogue.read(tx)
        if catalogue != self.catalogue:
            self.catalogue = catalogue
            wanted = self._computers.serve_only(catalogue.codes)
            asyncio.run_coroutine_threadsafe(wanted, self._loop)
        for view in self._reader.known():
            try:
                self._reader.refresh(view)
            except TowpathError as error:  # whoever asks for it next is told
                _log.warning("features.unrefreshed", view=view, reason=error.message)

    async def aclose(self) -> None:
        """End the processes that compute, and the look-ups."""
        await self._computers.close()
        await self._reads.aclose()

    async def names(self) -> dict[str, list[str]]:
        """Return the services, and the views that have online rows."""
        views = await asyncio.to_thread(self._store.tables)
        return {"services": sorted(self.catalogue.services), "views": views}

    async def types(self, name: str) -> Mapping[str, str]:
        """Return the columns that a service or view is asked by, with their types."""
        service = self.catalogue.services.get(name)
        return (await self._opened(name)).entity_types if service is None else service.columns

    def computed_types(self, name: str) -> dict[str, str]:
        """Return the features that a service computes on demand, with their types; a view has none."""
        service = self.catalogue.services.get(name)
        return {} if service is None else dict(service.computed)

    async def declared(self, view: str) -> DeclaredView:
        """Return a view as it was declared when it was materialised. Raises `NotFound`."""
        return (await self._opened(view)).table.declared

    async def _opened(self, view: str) -> Opened:
        """Return a view's table; one that was never asked for is looked at beside the loop."""
        known = self._reader.last_seen(view)
        return await asyncio.to_thread(self._reader.open, view) if known is None else known

    async def look_up(
        self, name: str, columns: Mapping[str, Sequence[Any]], *, at_us: int | None = None
    ) -> OnlineRows:
        """Return the features of a service, or else of a view.

        Args:
            name: The service or view.
            columns: What it is asked by, by column.
            at_us: The moment by which the time to live is judged; now when None.

        Raises:
            NotFound: There is neither, or a column is missing.
            InvalidRequest: A value is not of its column's type, or there are too many rows.
            Withdrawn: A row is about a subject that has withdrawn.
            Unavailable: On-demand features can't be computed now; or the rows are about subjects, and it
                is not known any more who has withdrawn.
            StepFailed: An on-demand transformation failed.
        """
        service = self.catalogue.services.get(name)
        if service is None:
            return await self.query((TableQuery(view=name),), columns, at_us=at_us)
        asked = {one: columns[one] for one in service.columns if one in columns}
        missing = [one for one in service.columns if one not in asked]
        if missing:
            raise NotFound.named("column", missing[0], columns)
        found = await self.query(service.queries, asked, at_us=at_us)
        if not service.computed or not found.count:
            return found
        return msgspec.structs.replace(found, computed=await self._computed(service, found))

    async def query(
        self,
        queries: tuple[TableQuery, ...],
        columns: Mapping[str, Sequence[Any]],
        *,
        at_us: int | None = None,
    ) -> OnlineRows:
        """Look into tables, as of a moment or now."""
        count = max((len(values) for values in columns.values()), default=0)
        if count > ROWS_MOST:
            raise InvalidRequest(
                f"the request has {count} rows", remedy=f"Send {ROWS_MOST:,} at most."
            )
        at_us = self._moments.now_us() if at_us is None else at_us
        if count * len(queries) > INLINE_ROWS:
            return await asyncio.to_thread(self._reader.look_up, queries, columns, at_us=at_us)
        return await self._reader.look_up_in_loop(self._reads, queries, columns, at_us=at_us)

    async def push(self, view: str, columns: Mapping[str, Sequence[Any]]) -> Pushed:
        """Take observations in.

        Raises:
            NotFound: The view has no online rows yet.
            SchemaViolation: A column is missing, or a row can't be.
            InvalidRequest: A value is not of its column's type.
        """
        return await asyncio.to_thread(self._push, view, columns)

    def latest(self, times: Sequence[str | None]) -> int:
        """Return the latest moment that the rows of a request say they are of, as decisions do."""
        return max(
            (self._moments.of_decision(one) for one in times), default=self._moments.now_us()
        )

    def _push(self, name: str, columns: Mapping[str, Sequence[Any]]) -> Pushed:
        declared = self._reader.refresh(name).table.declared
        view = declared.view()
        known = {column.name: column for column in view.source.columns}
        given = [known[one] for one in columns if one in known]
        frame = typed_frame(given, columns)
        at_us = self._moments.of_push(_newest_us(frame, view.time))
        push = Push(
            self._ledger,
            self._store,
            self._keyring,
            view,
            project=declared.project,
            now=from_micros(at_us),
        )
        return push.run(frame)

    async def _computed(self, service: ServedService, found: OnlineRows) -> dict[str, list[Any]]:
        if service.code is None:
            raise Unavailable(
                f"the on-demand features of {service.name!r} have no code to compute them",
                remedy="Apply the project that declares it: towpath apply.",
            )
        columns = {**found.entities, **dict(found.columns())}
        return await self._computers.compute(service.code, service.name, columns)


def _newest_us(frame: pl.DataFrame, time: str) -> int:
    """Return the newest time of rows, microseconds; 0 where there is none to be judged by."""
    if time not in frame.columns:  # the push says so
        return 0
    return cast("int | None", frame.get_column(time).dt.timestamp("us").max()) or 0
