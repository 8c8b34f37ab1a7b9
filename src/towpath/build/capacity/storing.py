"""What keeping data costs: a day's storage, charged once to whoever keeps it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from towpath.build.capacity.crossings import tell_crossings
from towpath.build.capacity.declaration import ORGANISATION, path_of, project_path
from towpath.build.capacity.holdings import Holdings
from towpath.build.capacity.limits import day_of, nodes_of
from towpath.build.capacity.money import storage_cost
from towpath.build.capacity.pricing import current_prices
from towpath.core.clock import parse_time
from towpath.ledger import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.build.capacity.holdings import Holding
    from towpath.core.clock import Clock
    from towpath.ledger import Intent, Ledger
    from towpath.ledger.contract import Transaction
    from towpath.storage.blobs import BlobStore

log = structlog.get_logger()
KIND = "storage_meter"
STORAGE = "storage:"
"""What the cause of an entry begins with; the data set's name follows."""
_NAME = "all"
_DAY = timedelta(days=1)
_LOOK_AGAIN_S = 600.0
_DAYS_MOST = 31


class StorageMeter:
    """Charges each project with a budget for what its data sets keep on each day, once that is over.

    Every stored byte of a data set counts, once: old versions and branches too, as long as they can be
    read. What is kept when the day is charged stands for the day.

    Storage is not admitted, since refusing it would lose data: its cost is an `adjust` that can take
    spending above a cap, which raises an alert and lets nothing start until it is below.

    Args:
        ledger: Where versions and the account are.
        blobs: Where the data sets' bytes are.
        clock: Event time: whose days count.
    """

    kinds = (KIND,)

    def __init__(self, ledger: Ledger, blobs: BlobStore, clock: Clock) -> None:
        self._ledger = ledger
        self._holdings = Holdings(ledger, blobs)
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
        held_now = self._holdings.read() if days else []  # before the transaction: it reads blobs
        with self._ledger.write(actor="storage") as tx:
            for day in days:
                _charge(tx, held_now, day, now)
            status = {"until": today.isoformat()}
            tx.intents.advance(held, status=status, due_in_s=_LOOK_AGAIN_S)
        if days:
            log.info("storage.charged", days=len(days))


def _charge(tx: Transaction, held: Sequence[Holding], day: datetime, now: datetime) -> None:
    nodes = nodes_of(tx)
    prices = current_prices(tx)
    entries: list[Entry] = []
    for one in held:
        if project_path(one.project) not in nodes and ORGANISATION not in nodes:
            continue
        micros = storage_cost(one.size_bytes, round(_DAY.total_seconds()), prices.rates)
        permit = f"storage/{one.project}/{one.dataset}/{day:%Y-%m-%d}"
        if not micros or tx.account.entries(permit=permit, limit=1):
            continue
        entries.append(
            Entry(
                permit=permit,
                kind="adjust",
                at=now,
                day=day,
                project=one.project,
                cause=f"{STORAGE}{one.dataset}",
                micros=micros,
                prices=prices.version,
                body={"dataset": one.dataset, "size_bytes": one.size_bytes},
                budgets=path_of(one.project, ""),
            )
        )
    tx.account.append(entries)
    tell_crossings(tx, now=now)
