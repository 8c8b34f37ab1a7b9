"""Keeps the online rows of declared views up to date, and deletes those of views that are gone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import structlog

from towpath.assets.features.online.declared import declared_in
from towpath.core.clock import parse_time
from towpath.core.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.assets.features.online.contract import OnlineFeatures
    from towpath.assets.features.online.declared import DeclaredView
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Intent, Version

KIND = "feature_view"
_log = structlog.get_logger(__name__)


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The status of a view's intent.

    Attributes:
        generation: The spec's generation that was materialised.
        source: The source version that was the latest then, `dataset:NAME@V`.
        source_revision: Its revision.
        ref: The view's version that the online rows reach.
        at: Event time that they reach.
        rows: How many rows were written last; `whole` tells whether that was all of them.
        why: Why there is nothing online; empty otherwise.
    """

    generation: int = 0
    source: str = ""
    source_revision: int = 0
    ref: str = ""
    at: str = ""
    rows: int = 0
    whole: bool = False
    why: str = ""


class FeatureViewReconciler:
    """Reconciles intents of kind `feature_view`, for ever.

    A view is materialised when its declaration is new, when its source has a new version or revision,
    and besides as often as it says. One that is not declared any more is dropped, and its row with it.

    Args:
        ledger: Where the rows and the sources' versions are.
        online: What materialises.
        clock: Event time, which schedules follow.
        poll_s: Wall time between two looks.
    """

    kinds: tuple[str, ...] = (KIND,)

    def __init__(
        self, ledger: Ledger, online: OnlineFeatures, clock: Clock, *, poll_s: float = 5.0
    ) -> None:
        self._ledger = ledger
        self._online = online
        self._clock = clock
        self._poll_s = poll_s

    def reconcile(self, held: Intent) -> None:
        """Materialise the view if it is time to, or drop it."""
        view = declared_in(held.spec)
        if not view.wanted:
            self._online.drop(view.name)
            with self._ledger.write(actor="features") as tx:
                tx.intents.advance(held, phase="dropped")
                tx.intents.delete(held.kind, held.name)
            return
        state = msgspec.convert(held.status or {}, State)
        now = self._clock.now()
        with self._ledger.read() as tx:
            source = tx.versions.latest("dataset", view.source)
        if source is None:
            why = f"data set {view.source!r} has no version yet"
            self._save(held, State(why=why), phase="waiting")
        elif _is_due(held, view, state, source, now):
            self._save(held, self._materialize(held, view, source, now), phase="online")
        else:
            self._save(held, state, phase="online")

    def _materialize(
        self, held: Intent, view: DeclaredView, source: Version, now: datetime
    ) -> State:
        try:
            done = self._online.materialize(view.view(), project=view.project, at=now)
        except NotFound as error:
            _log.warning("features.unmaterialized", view=view.name, reason=error.message)
            return State(why=error.message)
        return State(
            generation=held.generation,
            source=str(source.ref),
            source_revision=source.revision,
            ref=str(done.ref),
            at=done.at.isoformat(),
            rows=done.rows,
            whole=done.whole,
        )

    def _save(self, held: Intent, state: State, *, phase: str) -> None:
        with self._ledger.write(actor="features") as tx:
            tx.intents.advance(
                held, phase=phase, status=msgspec.to_builtins(state), due_in_s=self._poll_s
            )


def _is_due(held: Intent, view: DeclaredView, state: State, source: Version, now: datetime) -> bool:
    seen = (held.generation, str(source.ref), source.revision)
    if (state.generation, state.source, state.source_revision) != seen or not state.at:
        return True
    if view.every_s is None:
        return False
    return now - parse_time(state.at) >= timedelta(seconds=view.every_s)
