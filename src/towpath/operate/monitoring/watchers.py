"""The kinds of monitors there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.core.errors import NotFound
from towpath.operate.monitoring.drift import DriftWatcher
from towpath.operate.monitoring.performance import PerformanceWatcher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.operate.monitoring.contract import Watcher


def standard_watchers() -> dict[str, Watcher[Any]]:
    """Return the watchers that come with the program, by kind. A new kind is one more line here."""
    watchers: list[Watcher[Any]] = [
        DriftWatcher(),
        PerformanceWatcher(),
    ]
    return {watcher.kind: watcher for watcher in watchers}


def find_watcher(watchers: Mapping[str, Watcher[Any]], kind: str) -> Watcher[Any]:
    """Return the watcher of a kind.

    Raises:
        NotFound: This program has none; a newer one applied the project.
    """
    if kind not in watchers:
        raise NotFound.named("kind of monitor", kind, sorted(watchers))
    return watchers[kind]
