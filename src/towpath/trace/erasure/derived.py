"""Finds what was derived from data-set versions: runs, artefacts, models, releases."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What depends on some data-set versions, each sorted.

    Attributes:
        artefacts: Digests of stored step results.
        logs: Digests of what the steps printed.
    """

    runs: tuple[Ref, ...]
    artefacts: tuple[str, ...]
    logs: tuple[str, ...]
    models: tuple[Ref, ...]
    releases: tuple[Ref, ...]


def derived_from(
    tx: Transaction,
    sources: Iterable[Ref],
    *,
    before: datetime | None = None,
    spared: Collection[tuple[Ref, Ref]] = (),
) -> Derived:
    """Walk the graph from data-set versions to everything made with their rows.

    Being weighed against a model does not derive from it, so runs that merely used a model are not
    followed. Going on from it does: what was fine-tuned from a model that goes, goes with it, whenever
    that was. Another data set that a run made is not followed either: it is redacted as a data set
    of its own.

    Args:
        tx: The snapshot to read.
        sources: The data-set versions.
        spared: Pairs of a version and a step that read nothing of it that changed; see `sparing`.
        before: Only follow runs that began earlier: later ones read redacted rows. What a later run
            made as well, to the byte, holds nothing of the erased rows and is left out. A step that
            went on from a model's weights is followed all the same: they are not redacted.
    """
    edges = {edge for source in sources for edge in tx.graph.impact(source).edges}
    onward: dict[Ref, list[Edge]] = defaultdict(list)
    for edge in edges:
        onward[edge.parent].append(edge)
    late = _Late(tx, before)
    reached: set[Ref] = set()
    tuning: set[Ref] = set()
    queue = deque(sources)
    while queue:
        node = queue.popleft()
        for edge in onward[node]:
            child = edge.child
            if child in reached or child.kind == "dataset" or (node, child) in spared:
                continue
            if edge.relation == "used" and node.kind == "model":
                if not _is_step(tx, child):
                    continue  # it only weighed against it
                tuning.add(child)
            elif late(child):
                continue
            reached.add(child)
            queue.append(child)
    remade = {
        edge.child
        for edge in edges
        if edge.relation == "made" and edge.parent not in tuning and late(edge.parent)
    }
    found = sorted(reached - remade)
    runs = [ref for ref in found if ref.kind == "run"]
    logs = {log for run in runs if (log := tx.runs.get(run.name).tags.get("log"))}
    return Derived(
        runs=tuple(runs),
        artefacts=tuple(ref.name for ref in found if ref.kind == "artifact"),
        logs=tuple(sorted(logs)),
        models=tuple(ref for ref in found if ref.kind == "model"),
        releases=tuple(ref for ref in found if ref.kind == "release"),
    )


def _is_step(tx: Transaction, node: Ref) -> bool:
    """Tell whether a run is that of a step: a step reads a model for its weights."""
    return node.kind == "run" and tx.runs.get(node.name).kind == "step"


class _Late:
    """Tells which nodes are runs that began at or after a moment."""

    def __init__(self, tx: Transaction, moment: datetime | None) -> None:
        self._tx = tx
        self._moment = moment
        self._known: dict[str, bool] = {}

    def __call__(self, node: Ref) -> bool:
        if self._moment is None or node.kind != "run":
            return False
        if node.name not in self._known:
            self._known[node.name] = self._tx.runs.get(node.name).started_at >= self._moment
        return self._known[node.name]
