"""From rows to what came of them: through the runs that read them, as far as rows can be told apart.

A run is given windows of versions; which rows lay in them is counted, and a run that was given none of
them ends the way. What a run made carries the rows on: a part of a split, or another data set keyed alike,
is looked into; what can't be looked into (features, sums, joins) counts as reached whole, and is named.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from towpath.build.pipelines import decode_reads
from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.trace.lineage.rows import RowsRead

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from towpath.assets.datasets.history import Carried, RowTracker, Tracked
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Run

    Places: TypeAlias = NDArray[np.int64]

_SPLIT = "split"
_CARRIED = frozenset({"dataset", "features"})
_ONWARD = frozenset({"features", "feature_service", "online"})


@dataclass(slots=True)
class Reached:
    """What some rows reached, by way of runs.

    Attributes:
        parts: What else was looked into and carries some of the rows: parts of splits, data sets alike.
        reads: Every run that read some of the rows, once for each version that it read them from.
        spared: Runs that read such a version, and none of the rows.
        models: Model versions, with the most rows that one of their runs read (None: uncounted), and
            those runs.
        derived: What was made of the rows, and can't be looked into.
    """

    parts: dict[Ref, Carried] = field(default_factory=dict[Ref, "Carried"])
    reads: list[RowsRead] = field(default_factory=list[RowsRead])
    spared: set[str] = field(default_factory=set[str])
    models: dict[Ref, tuple[int | None, set[str]]] = field(
        default_factory=dict[Ref, "tuple[int | None, set[str]]"]
    )
    derived: set[Ref] = field(default_factory=set[Ref])


class RowReach:
    """Walks from the versions that carry rows to the models that came of them. One per answer."""

    def __init__(self, ledger: Ledger, tracker: RowTracker, tracked: Tracked) -> None:
        self._ledger = ledger
        self._tracker = tracker
        self._tracked = tracked
        self._family = {one.version.ref for one in tracked.carried}
        self._queue: deque[tuple[Ref, Places | None]] = deque()
        self._seen: set[Ref] = set()
        self.found = Reached()

    def walk(self) -> Reached:
        """Follow the rows from every version that carries one."""
        for one in self._tracked.carried:
            if one.rows:
                self._go_on(one.version.ref, one.places)
        while self._queue:
            ref, places = self._queue.popleft()
            self._from(ref, places)
        with self._ledger.read() as tx:
            self._tuned(tx)
        self.found.reads.sort(key=lambda read: (read.started_at, read.run), reverse=True)
        return self.found

    def _go_on(self, ref: Ref, places: Places | None) -> None:
        if ref not in self._seen:
            self._seen.add(ref)
            self._queue.append((ref, places))

    def _from(self, ref: Ref, places: Places | None) -> None:
        """Look at every run that read a version, and at what those made."""
        with self._ledger.read() as tx:
            readers = _readers(tx, ref)
            made = _made_by(tx, [run.ref for run in readers])
        for run in readers:
            windowed, inside = self._inside(run, ref, places)
            if inside is not None and not len(inside):
                self.found.spared.add(str(run.ref))
                continue
            count = None if inside is None else len(inside)
            self.found.reads.append(
                RowsRead(
                    run=str(run.ref),
                    kind=run.kind,
                    name=run.name,
                    started_at=run.started_at.isoformat(),
                    source=str(ref),
                    rows=count,
                    windowed=windowed,
                )
            )
            for one in made.get(run.ref, ()):
                self._made(run, one, count)

    def _inside(self, run: Run, ref: Ref, places: Places | None) -> tuple[bool, Places | None]:
        """Return which of the rows a run was given from a version, and whether that is on record."""
        reads = decode_reads(run.tags)
        if run.kind != "pipeline":
            return True, places  # whatever else reads a version reads it whole
        if reads is None:
            return False, places
        if places is None:
            return True, None
        windows = [read.window for read in reads if read.version == ref]
        if not windows:
            return False, places  # it is linked all the same: through features, or by a step
        parts = [self._tracked.inside(places, since, until) for since, until in windows]
        return True, np.unique(np.concatenate(parts))

    def _made(self, run: Run, ref: Ref, count: int | None) -> None:
        if ref.kind == "model":
            rows, runs = self.found.models.get(ref, (count, set[str]()))
            most = None if rows is None or count is None else max(rows, count)
            self.found.models[ref] = (most, runs | {str(run.ref)})
        elif ref.kind == "dataset" and ref not in self._family:
            self._another(run, ref)
        elif ref.kind in _ONWARD:
            self.found.derived.add(ref)
            self._go_on(ref, None)

    def _another(self, run: Run, ref: Ref) -> None:
        """Look into a data set that a run made: a part of a split is exact, another is so at least."""
        if ref in self._seen:
            return
        try:
            carried = self._tracker.carried_by(self._tracked, ref)
        except NotFound:
            carried = None  # collected: its rows are gone, and what was made of them is not
        if carried is not None and carried.rows:
            self.found.parts[ref] = carried
        if carried is not None and run.kind == _SPLIT:
            if carried.rows:
                self._go_on(ref, carried.places)
            return
        self.found.derived.add(ref)
        self._go_on(ref, None)

    def _tuned(self, tx: Transaction) -> None:
        """Add what was fine-tuned from a model reached: it goes on from weights that know the rows."""
        queue = deque(self.found.models)
        while queue:
            parent = queue.popleft()
            near = tx.graph.near([parent], backwards=False, most=1_000_000)[parent]
            for edge in near.edges:
                if edge.relation == "tuned" and edge.child not in self.found.models:
                    self.found.models[edge.child] = (None, set())
                    queue.append(edge.child)


def _readers(tx: Transaction, ref: Ref) -> list[Run]:
    """Return the runs that read a version; the run of a step stands behind its pipeline's."""
    edges = tx.graph.impact(ref, depth=1).edges
    ids = [edge.child.name for edge in edges if edge.relation == "used"]
    runs = tx.runs.some(ids)
    steps = {run.parent for run in runs.values() if run.kind == "step" and run.parent}
    runs |= tx.runs.some(sorted(steps - runs.keys()))
    return [run for run in runs.values() if run.kind != "step" or not run.parent]


def _made_by(tx: Transaction, runs: list[Ref]) -> dict[Ref, list[Ref]]:
    """Return what runs made, and what includes a feature view that they made."""
    near = tx.graph.near(runs, backwards=False, most=1_000_000)
    return {
        run: [edge.child for edge in one.edges if edge.relation == "made"]
        for run, one in near.items()
    }


__all__ = ["Reached", "RowReach"]
