"""The kinds of monitors there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.core.errors import NotFound
from towpath.operate.monitoring.drift import DriftWatcher
from towpath.operate.monitoring.multivariate import MultivariateWatcher
from towpath.operate.monitoring.performance import PerformanceWatcher
from towpath.operate.monitoring.watching import (
    DataQualityWatcher,
    DetectorWatcher,
    EstimatedPerformanceWatcher,
    FairnessWatcher,
    HealthWatcher,
    OutliersWatcher,
    SkewWatcher,
    SlicesWatcher,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.assets.features import FeatureStore
    from towpath.ledger.contract import Ledger
    from towpath.operate.monitoring.contract import Watcher


def standard_watchers(
    ledger: Ledger | None = None, features: FeatureStore | None = None
) -> dict[str, Watcher[Any]]:
    """Return the watchers that come with the program, by kind. A new kind is one more line here.

    Args:
        ledger: Where gateways report and features are declared; None: nobody asks.
        features: The offline feature store, for skew; None: no monitor of that kind can be judged.
    """
    watchers: list[Watcher[Any]] = [
        DriftWatcher(),
        MultivariateWatcher(),
        PerformanceWatcher(),
        DataQualityWatcher(),
        HealthWatcher(ledger),
        EstimatedPerformanceWatcher(),
        SlicesWatcher(),
        FairnessWatcher(),
        OutliersWatcher(),
        DetectorWatcher(),
    ]
    if ledger is not None and features is not None:
        watchers.append(SkewWatcher(ledger, features))
    return {watcher.kind: watcher for watcher in watchers}


def find_watcher(watchers: Mapping[str, Watcher[Any]], kind: str) -> Watcher[Any]:
    """Return the watcher of a kind.

    Raises:
        NotFound: This program has none; a newer one applied the project.
    """
    if kind not in watchers:
        raise NotFound.named("kind of monitor", kind, sorted(watchers))
    return watchers[kind]
