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
from towpath.gateway.routes.keeping import Known, Row
from towpath.gateway.routes.loading import RouteLoader
from towpath.gateway.routes.routing import RoutingTable
from towpath.gateway.routes.withdrawn import WithdrawnSubjects
from towpath.ledger.owners import is_dead, this_owner
from towpath.operate.releases.route import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from towpath.gateway.moments import Moments
    from towpath.gateway.routes.arming import ModelOpener
    from towpath.gateway.routes.keeping import LastKnown
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Json
    from towpath.ledger.withdrawals import Withdrawal
    from towpath.operate.releases.route import Arm
    from towpath.storage.database import CommitWatch

HEARTBEAT_S: Final = 1.0
RETRY_S: Final = 1.0
_POLL_S: Final = 0.1
_FORGET: Final = timedelta(minutes=10)
_SLACK: Final = timedelta(minutes=1)
"""A look at a database that hangs takes so long at most, and the staleness is judged after it."""

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
        opener: Opens models.
        last_known: Keeps what is in force, for a start without the ledger.
        stale_s: How long after the ledger was last read rows about subjects are answered.
        about: Says how the gateway is, for the report.
        publish: Puts a table in force and returns once no request sees the older one, and what was
            decided under it is on disk.
        admit: Called when there is nothing to answer with and nobody can say when there will be: whoever
            waits at the door is told so.
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
        opener: ModelOpener,
        last_known: LastKnown,
        stale_s: float,
        about: Callable[[], Json],
        publish: Callable[[RoutingTable], None],
        admit: Callable[[], object],
        moments: Moments,
        refresh: Callable[[], None],
        keyed_hash: Callable[[str, str], str],
    ) -> None:
        self.id = new_id()
        self._ledger = ledger
        self._environment = environment
        self._spec = {
            "pid": os.getpid(),
            "owner": this_owner(),
            "address": address,
            "rpc_address": rpc_address,
            "environment": environment,
        }
        self._opener = opener
        self._loader = RouteLoader(environment, opener.open, keyed_hash)
        self._last_known = last_known
        self._stale_s = stale_s
        self._about = about
        self._known = Known()
        self._has_recalled = False
        self._confirmed_at = time.monotonic()
        self._standby_of: Route | None = None
        self._standby_missing: tuple[str, ...] = ()
        self._publish = publish
        self._admit = admit
        self._moments = moments
        self._refresh = refresh
        self._withdrawn = WithdrawnSubjects()
        self._table = RoutingTable(suppressed=self._withdrawn.subjects)
        self._seen_route: tuple[int, datetime] | None = None
        self._retry_at = float("inf")
        self._reported_at = float("-inf")
        self._commits: CommitWatch | None = None
        self._is_behind = True
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
        if self._commits is not None:
            self._commits.close()
        try:
            with self._ledger.write(actor="gateway") as tx:
                tx.intents.delete("gateway", self.id)
        except TowpathError as error:
            _log.warning("gateway.unreported", reason=error.message)

    def step(self) -> None:
        """Look once, and put in force what changed. Raises what the ledger raises.

        Between two reports the ledger is read only if somebody committed to it: ten times a second is
        often enough to switch within one, and what it finds is nearly always nothing.
        """
        self._moments.refresh()
        is_time = time.monotonic() - self._reported_at >= HEARTBEAT_S
        if self._commits is None:
            self._commits = self._ledger.watch()
        if not (self._commits.has_changed() or is_time or self._is_behind):
            return
        self._is_behind = True
        self._look(is_time=is_time)
        self._is_behind = False

    def _look(self, *, is_time: bool) -> None:
        """Read the ledger, and put in force what changed."""
        if not self._announced:
            self._report()  # from here on an erasure waits for it to let go of what it may be about to read
        with self._ledger.read() as tx:
            route = Row.of(tx.intents.find("route", self._environment))
            withdrawn = self._withdrawn.look(tx)
        if is_time or not self._table.loaded:
            self._refresh()
        before = self._table
        self._follow_withdrawals(withdrawn)
        self._follow_route(route)
        try:
            if is_time or not self._table.loaded or self._table is not before:
                self._remember(route)
        finally:  # a disk that refuses keeps nobody from being answered; what was not kept is not reported
            self._now_fresh()
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
                self._do_without()
            except Exception:  # noqa: BLE001 - a gateway that serves must go on following
                _log.exception("gateway.confused")
                self._away = True
            else:
                self._away = False

    @property
    def ledger_age_s(self) -> float:
        """How long ago the ledger was last read, by this gateway or the one before it."""
        return max(0.0, time.monotonic() - self._confirmed_at)

    def _now_fresh(self) -> None:
        """Take note that what is in force is what the ledger says now."""
        self._confirmed_at = time.monotonic()
        if not self._table.loaded or self._table.is_stale:
            self._put_in_force(replace(self._table, loaded=True, is_stale=False))

    def _do_without(self) -> None:
        """Serve on without the ledger: with what is in force, or was when a gateway last could read it."""
        try:
            if not self._table.loaded:
                self._recall()
            elif self._table.broken:
                self._follow_route(self._known.route)
            is_stale = self.ledger_age_s > self._stale_s
            if is_stale and self._table.loaded and not self._table.is_stale:
                self._put_in_force(replace(self._table, is_stale=True))
                _log.warning("suppression.stale", hours=round(self.ledger_age_s / 3600, 1))
        except TowpathError as error:
            _log.error("gateway.unrecalled", reason=error.message)
        if not self._table.loaded:
            self._admit()

    def _recall(self) -> None:
        """Put in force what was, as it was kept; whom a gateway told of a withdrawal, that is in it."""
        if self._has_recalled:
            return
        self._has_recalled = True
        found = self._last_known.recall()
        if found is None:
            return
        known, subjects, age_s = found
        self._known = known
        self._opener.bodies = {**known.models, **self._opener.bodies}
        self._confirmed_at = time.monotonic() - age_s
        self._withdrawn.recall(subjects, known.position)
        self._follow_withdrawals([])
        self._let_go(known.route)  # a gateway that was killed may have had no time to
        self._follow_route(known.route)
        self._put_in_force(replace(self._table, loaded=True))
        _log.warning("gateway.recalled", services=sorted(self._table.services), age_s=int(age_s))

    def _remember(self, route: Row | None) -> None:
        """Keep what is in force on disk, and let go of what else is there, before anybody is told.

        In this order: a gateway that is killed in between starts with what is in force now, has all that
        it needs for that, and lets go then. A route that could not be loaded whole is not kept, and the
        models of the one before stay.
        """
        is_new = not self._table.broken and route != self._known.route
        route = self._known.route if self._table.broken else route
        models = self._opener.bodies
        if is_new:
            needed = {arm.model for arm in _needed(route)}
            models = {name: body for name, body in models.items() if name in needed}
        self._known = Known(route=route, models=dict(models))
        self._last_known.remember(self._known, self._withdrawn.order)
        self._last_known.confirm()
        if is_new:
            self._let_go(route)

    def _let_go(self, route: Row | None) -> None:
        """Let go of all models that a route does not name, on disk and in memory."""
        if route is not None:
            arms = _needed(route)
            self._loader.keep_only(arms)
            self._opener.keep_only(arms)

    def _follow_withdrawals(self, news: Sequence[Withdrawal]) -> None:
        """Have it that nobody who withdrew is decided about; a flush follows, as for every table."""
        self._withdrawn.take(news)
        position = self._withdrawn.position
        if not news and position == self._table.suppression_generation:
            return
        self._put_in_force(replace(self._table, suppression_generation=position))
        _log.info("suppression.followed", position=position, subjects=len(news))

    def _follow_route(self, row: Row | None) -> None:
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
        now = datetime.now(UTC)
        status = {
            "route_generation": table.route_generation,
            "suppression_generation": table.suppression_generation,
            "broken": list(table.broken),
            "standby_missing": list(self._standby_missing),
            **self._about(),
            "asked": table.asked.report(table.known),
            "at": now.isoformat(),
            "answers_until": (now + timedelta(seconds=self._stale_s) + _SLACK).isoformat(),
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
        now = datetime.now(UTC)
        for row in tx.intents.list("gateway", limit=None):
            until = row.status.get("answers_until") or row.status.get("at")
            gone = until is None or now - parse_time(until) > _FORGET
            if gone or is_dead(row.spec.get("owner", "")):
                tx.intents.delete("gateway", row.name)
        tx.intents.put(
            "gateway", self.id, project="towpath", spec=self._spec, status=status, due=False
        )


def _needed(route: Row | None) -> list[Arm]:
    """Return all arms that a route names, standing by or not."""
    if route is None:
        return []
    shares = [share for _, share in msgspec.convert(route.spec, Route).shares()]
    standing_by = [share.previous for share in shares if share.previous is not None]
    return [*(arm for share in shares for arm in share.arms), *standing_by]
