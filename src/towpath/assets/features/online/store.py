"""Online features over an online store, the offline feature store and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from towpath.assets.features.online.asking import columns_of
from towpath.assets.features.online.checking import compare, status_of
from towpath.assets.features.online.computing import compute
from towpath.assets.features.online.erasing import erase_subject
from towpath.assets.features.online.materializing import Materialization
from towpath.assets.features.online.opened import TableQuery
from towpath.assets.features.online.pushing import Push
from towpath.assets.features.online.reading import OnlineReader
from towpath.assets.features.online.table import decode_table
from towpath.assets.features.service import FeatureService, lookups_of
from towpath.core.clock import to_micros

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    import polars as pl

    from towpath.assets.features.contract import Features, FeatureStore
    from towpath.assets.features.declaration import FeatureView
    from towpath.assets.features.online.answer import OnlineRows
    from towpath.assets.features.online.contract import (
        Entities,
        Materialized,
        Pushed,
        ViewStatus,
    )
    from towpath.assets.features.online.table import OnlineTable
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger
    from towpath.storage.keys import Keyring
    from towpath.storage.online import OnlineStore

_QUESTIONS_KEPT = 256


@dataclass(frozen=True, slots=True)
class _Question:
    """What a service, a view or a lookup asks, worked out once.

    Attributes:
        features: What it was worked out from; held, so that its identity stays its own.
        columns: What the caller must give.
        service: The service, where there is something to compute on demand.
    """

    features: Features
    queries: tuple[TableQuery, ...]
    columns: tuple[str, ...]
    service: FeatureService | None


class OnlineFeatureStore:
    """See `OnlineFeatures`.

    Args:
        ledger: Where views, runs and withdrawals are.
        offline: Where layouts are.
        store: Where online rows are.
        keyring: Hashes subjects.
        clock: Event time.
        withdrawn: Returns the keyed hashes of who has withdrawn; called on each look-up.
    """

    def __init__(
        self,
        ledger: Ledger,
        offline: FeatureStore,
        store: OnlineStore,
        keyring: Keyring,
        clock: Clock,
        *,
        withdrawn: Callable[[], AbstractSet[str]],
    ) -> None:
        self._ledger = ledger
        self._offline = offline
        self._store = store
        self._keyring = keyring
        self._clock = clock
        self.reader = OnlineReader(store, keyring, withdrawn)
        self._questions: dict[int, _Question] = {}

    def get(
        self, features: Features, entities: Entities, *, at: datetime | None = None
    ) -> OnlineRows:
        """See `OnlineFeatures.get`."""
        question = self._question(features)
        columns = columns_of(entities, question.columns)
        at_us = to_micros(at or self._clock.now())
        found = self.reader.look_up(question.queries, columns, at_us=at_us)
        service = question.service
        return found if service is None else compute(service, found)

    def materialize(
        self, view: FeatureView, *, project: str, at: datetime | None = None, whole: bool = False
    ) -> Materialized:
        """See `OnlineFeatures.materialize`."""
        work = Materialization(
            self._ledger,
            self._offline,
            self._store,
            view,
            project=project,
            at=at or self._clock.now(),
        )
        return work.run(whole=whole)

    def push(self, view: FeatureView, rows: pl.DataFrame, *, project: str) -> Pushed:
        """See `OnlineFeatures.push`."""
        now = self._clock.now()
        push = Push(self._ledger, self._store, self._keyring, view, project=project, now=now)
        return push.run(rows)

    def status(self, view: FeatureView, *, project: str, sample: int = 0) -> ViewStatus:
        """See `OnlineFeatures.status`."""
        now = self._clock.now()
        status = status_of(self._ledger, self._store, view, project=project, now=now)
        if sample <= 0 or status.freshness == "absent":
            return status
        self._offline.build(view, project=project)
        newest = self._offline.newest(view, at=now)
        skew = compare(
            self._store, view, newest.batches, project=project, at=newest.at, sample=sample
        )
        return replace(status, skew=skew)

    def tables(self) -> list[OnlineTable]:
        """See `OnlineFeatures.tables`."""
        heads = [self._store.head(name) for name in self._store.tables()]
        return [decode_table(head.body) for head in heads if head is not None]

    def erase(self, field: str) -> list[str]:
        """See `OnlineFeatures.erase`."""
        return erase_subject(self._ledger, self._offline, self._store, field)

    def drop(self, view: str) -> bool:
        """See `OnlineFeatures.drop`."""
        return self._store.drop(view)

    def close(self) -> None:
        """Give the store back. Idempotent."""
        self._store.close()

    def _question(self, features: Features) -> _Question:
        known = self._questions.get(id(features))
        if known is not None:
            return known
        lookups = lookups_of(features)
        service = features if isinstance(features, FeatureService) else None
        if service is None:
            columns = tuple(dict.fromkeys(name for one in lookups for name in one.by))
        else:
            columns = tuple(one.name for one in (*service.entity, *service.request))
        question = _Question(
            features,
            tuple(TableQuery.of(one) for one in lookups),
            columns,
            service if service is not None and service.on_demand else None,
        )
        if len(self._questions) >= _QUESTIONS_KEPT:
            self._questions.clear()
        self._questions[id(features)] = question
        return question
