"""What keeping data costs: a day's storage, charged once to whoever keeps it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from towpath.build.capacity.crossings import tell_crossings
from towpath.build.capacity.declaration import ORGANISATION, path_of, project_path
from towpath.build.capacity.limits import day_of, nodes_of
from towpath.build.capacity.money import storage_cost
from towpath.build.capacity.pricing import current_prices
from towpath.core.clock import parse_time
from towpath.ledger import Entry

if TYPE_CHECKING:
    from towpath.core.clock import Clock
    from towpath.ledger import Intent, Ledger
    from towpath.ledger.contract import Transaction

log = structlog.get_logger()
KIND = "storage_meter"
_NAME = "all"
_DAY = timedelta(days=1)
_LOOK_AGAIN_S = 600.0
_DAYS_MOST = 31


class StorageMeter:
    """Charges each project with a budget for what its data sets held on each day, once that is over.

    Storage is not admitted, since refusing it would lose data: its cost is an `adjust` that can take
    spending above a cap, which raises an alert and lets nothing start until it is below.

    Args:
        ledger: Where versions and the account are.
        clock: Event time: whose days count.
    """

    kinds = (KIND,)

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def declare(self, tx: Transaction) -> None:
        """Put the row there that is looked at every few minutes."""
        tx.intents.put(KIND, _NAME, project="", spec={})

    def reconcile(self, held: Intent) -> None:
        """Charge the days that ended since the last look. After a long pause, the last 31 of them."""
        now = self._clock.now()
        today = day_of(now)
        seen = held.status.get("until")
        first = today if seen is None else max(parse_time(seen), today - _DAYS_MOST * _DAY)
        days = [first + number * _DAY for number in range((today - first).days)]
        with self._ledger.write(actor="storage") as tx:
            for day in days:
                _charge(tx, day, now)
            status = {"until": today.isoformat()}
            tx.intents.advance(held, status=status, due_in_s=_LOOK_AGAIN_S)
        if days:
            log.info("storage.charged", days=len(days))


def stored_bytes(tx: Transaction) -> dict[str, int]:
    """Return how much each project's data sets hold in their newest versions.

    Older versions share most of their files with the newest and are not counted, nor are step results.
    """
    found: dict[str, int] = {}
    for asset in tx.versions.assets("dataset"):
        latest = tx.versions.latest("dataset", asset.name)
        if latest is not None:
            size_bytes = int(latest.body.get("bytes", 0))
            found[asset.project] = found.get(asset.project, 0) + size_bytes
    return found


def _charge(tx: Transaction, day: datetime, now: datetime) -> None:
    nodes = nodes_of(tx)
    prices = current_prices(tx)
    entries: list[Entry] = []
    for project, size_bytes in stored_bytes(tx).items():
        if project_path(project) not in nodes and ORGANISATION not in nodes:
            continue
        micros = storage_cost(size_bytes, round(_DAY.total_seconds()), prices.rates)
        permit = f"storage/{project}/{day:%Y-%m-%d}"
        if not micros or tx.account.entries(permit=permit, limit=1):
            continue
        entries.append(
            Entry(
                permit=permit,
                kind="adjust",
                at=now,
                day=day,
                project=project,
                cause="storage",
                micros=micros,
                prices=prices.version,
                body={"size_bytes": size_bytes},
                budgets=path_of(project, ""),
            )
        )
    tx.account.append(entries)
    tell_crossings(tx, nodes, now=now)
