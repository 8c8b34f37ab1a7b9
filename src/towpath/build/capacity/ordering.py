"""Whose pipeline run a worker takes next: priority, then fair-share debt, then first come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.build.capacity.claims import claim_of, queue_for
from towpath.build.capacity.declaration import queue_path
from towpath.build.capacity.limits import nodes_of
from towpath.build.capacity.sharing import Debts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.core.clock import Clock
    from towpath.ledger import DueRows
    from towpath.ledger.contract import Transaction


class RunOrder:
    """Picks the project whose row is claimed, for a `ControllerLoop`.

    Steps stand in line for places and money once their run has begun; this is about the workers that
    runs need before. Rows of one project and priority are taken in the order they came.

    Args:
        clock: Event time, which use is forgotten by.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, tx: Transaction, kinds: Sequence[str]) -> DueRows | None:
        """Return whose turn it is; None where nothing is due."""
        due = tx.intents.due(kinds)
        if len(due) < 2:
            return due[0] if due else None
        running = [claim_of(row) for row in tx.line.granted()]
        debts = Debts(tx.line.shares(), running, nodes_of(tx), self._clock.now())
        return min(due, key=lambda one: (-one.priority, debts.of(one.project), one.since))


def priority_of(tx: Transaction, project: str, pipeline: str) -> int:
    """Return the priority of the queue that a pipeline stands in; 0 where it stands in none."""
    nodes = nodes_of(tx)
    queue = queue_for(pipeline, project, nodes)
    return nodes[queue_path(project, queue)].priority if queue else 0
