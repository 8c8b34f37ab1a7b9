"""Follows the ledger: keeps the routing table current and tells the ledger what is in force."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from towpath.core.clock import parse_time
from towpath.core.errors import TowpathError
from towpath.core.ids import new_id
from towpath.core.refs import Ref
from towpath.gateway.loading import RouteLoader
from towpath.gateway.routing import RoutingTable
from towpath.operate.releases.route import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.assets.models import Predictor
    from towpath.gateway.moments import Moments
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent, Json

HEARTBEAT_S: Final = 1.0
RETRY_S: Final = 1.0
_POLL_S: Final = 0.1
_FORGET: Final = timedelta(minutes=10)

_log = structlog.get_logger()


class LedgerFollower:
    """Polls the route and the list of withdrawn subjects, in a thread of its own.

    A new route is loaded completely before it replaces the old one, so no request waits for a model.
    With the database away, or a model that can't be loaded, the gateway serves on with what it has.
    What is in force is reported each second, and at once when it changes, as `gateway/<id>`; the report
    follows a flush of the decisions made under the table before, so whoever reads that a withdrawal is
    in force knows that no later decision is about that subject.

    Args:
        environment: Whose route to follow.
        address: Where this gateway answers, for people.
        rpc_address: Where it answers gRPC too, if it does.
        load: Opens a model package.
        publish: Puts a table in force and returns once no request sees the older one, and what was
            decided under it is on disk.
        moments: Event time; its clock is read with each look.
        refresh: Called every second, and before the gateway is ready: looks at everything else.
        keyed_hash: Puts pseudonyms in the place of inputs that are recorded as hashes.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        environment: str,
        address: str,
        rpc_address: str | None,
        load: Callable[[str], Predictor],
        publish: Callable[[RoutingTable], None],
        moments: Moments,
        refresh: Callable[[], None],
        keyed_hash: Callable[[str, str], str],
    ) -> None:
        self.id = new_id()
        self._ledger = ledger
        self._environment = environment
        self._spec = {
            "pid": os.getpid(),
            "address": address,
            "rpc_address": rpc_address,
            "environment": environment,
        }
        self._loader = RouteLoader(environment, load, keyed_hash)
        self._standby_of: Route | None = None
        self._standby_missing: tuple[str, ...] = ()
        self._publish = publish
        self._moments = moments
        self._refresh = refresh
        self._table = RoutingTable()
        self._seen_route: tuple[int, datetime] | None = None
        self._seen_suppression: tuple[int, datetime] | None = None
        self._retry_at = float("inf")
        self._reported_at = float("-inf")
        self._announced = False
        self._away = False
        self._stop = Event()
        self._thread = Thread(target=self._run, name="ledger-follower", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and take the report back."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        try:
            with self._ledger.write(actor="gateway") as tx:
                tx.intents.delete("gateway", self.id)
        except TowpathError as error:
            _log.warning("gateway.unreported", reason=error.message)

    def step(self) -> None:
        """Look once, and put in force what changed. Raises what the ledger raises."""
        with self._ledger.read() as tx:
            route = tx.intents.find("route", self._environment)
            suppression = tx.intents.find("suppression", "all")
        self._moments.refresh()
        is_time = time.monotonic() - self._reported_at >= HEARTBEAT_S
        if is_time:
            self._refresh()
        before = self._table
        self._follow_suppression(suppression)
        self._follow_route(route)
        if not self._table.loaded:
            self._put_in_force(replace(self._table, loaded=True))
        if is_time or self._table is not before:
            self._report()
        self._stand_by()

    def _run(self) -> None:
        while not self._stop.wait(_POLL_S if self._announced or self._away else 0):
            try:
                self.step()
            except TowpathError as error:
                if not self._away:
                    _log.warning("ledger.away", reason=error.message)
                self._away = True
            except Exception:  # noqa: BLE001 - a gateway that serves must go on following
                _log.exception("gateway.confused")
                self._away = True
            else:
                self._away = False

    def _follow_suppression(self, row: Intent | None) -> None:
        seen = None if row is None else (row.generation, row.created_at)
        if row is None or seen == self._seen_suppression:
            return
        hashes = frozenset[str](row.spec.get("hashes", ()))
        self._put_in_force(
            replace(self._table, suppressed=hashes, suppression_generation=row.generation)
        )
        self._seen_suppression = seen
        _log.info("suppression.followed", generation=row.generation, subjects=len(hashes))

    def _follow_route(self, row: Intent | None) -> None:
        """Load what a new route names; a service that fails stays as it was, and is tried again."""
        seen = None if row is None else (row.generation, row.created_at)
        if row is None or (seen == self._seen_route and time.monotonic() < self._retry_at):
            return
        route = msgspec.convert(row.spec, Route)
        services, lines, broken = self._loader.services(route, self._table)
        self._retry_at = time.monotonic() + RETRY_S if broken else float("inf")
        if seen == self._seen_route and broken == self._table.broken:
            return
        release = None
        if route.release is not None:
            release = str(Ref("release", self._environment, route.release))
        table = replace(
            self._table,
            services=services,
            lines=lines,
            release=release,
            known=frozenset(route.known),
            refuses_unknown=route.unknown == "refuse",
            broken=broken,
            route_generation=row.generation if not broken else self._table.route_generation,
        )
        self._put_in_force(table)
        self._seen_route = seen
        self._standby_of = route
        _log.info("route.followed", generation=row.generation, services=sorted(services))

    def _stand_by(self) -> None:
        """Load what a new route keeps for the way back: after it is in force, and reported."""
        route, self._standby_of = self._standby_of, None
        if route is None:
            return
        missing = self._loader.stand_by(route)
        if missing != self._standby_missing:
            self._standby_missing = missing
            self._report()

    def _put_in_force(self, table: RoutingTable) -> None:
        self._publish(table)
        self._table = table

    def _report(self) -> None:
        """Say what is in force."""
        table = self._table
        status = {
            "route_generation": table.route_generation,
            "suppression_generation": table.suppression_generation,
            "broken": list(table.broken),
            "standby_missing": list(self._standby_missing),
            "asked": table.asked.report(table.known),
            "at": datetime.now(UTC).isoformat(),
        }
        with self._ledger.write(actor="gateway") as tx:
            if self._announced and tx.intents.find("gateway", self.id) is not None:
                tx.intents.report("gateway", self.id, status=status)
            else:
                self._announce(tx, status)
        self._announced = True
        self._reported_at = time.monotonic()

    def _announce(self, tx: Transaction, status: Json) -> None:
        """Appear among the gateways, and forget those that died long ago."""
        for row in tx.intents.list("gateway"):
            said = row.status.get("at")
            if said is None or datetime.now(UTC) - parse_time(said) > _FORGET:
                tx.intents.delete("gateway", row.name)
        tx.intents.put(
            "gateway", self.id, project="towpath", spec=self._spec, status=status, due=False
        )
