"""Why a version must stay: what was made from it and lives, what is under way, who names it."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from towpath.assets.datasets.history.branching import CARRIAGES
from towpath.assets.datasets.lines import BASE, living_branches
from towpath.core.digests import canonical_json
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from towpath.assets.datasets.catalogue import Catalogue
    from towpath.assets.datasets.history.contract import Retention
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent, Version

# States in which nothing can be asked of a version any more: its bytes are gone, or it never counted.
_GONE = frozenset({"collected", "deleted", "rejected"})
_OPEN = frozenset({"scheduled", "running"})
_DONE = frozenset({"done", "failed"})
_REFERENCE = re.compile(r"dataset:[a-z0-9_.~-]+@[1-9][0-9]*")


def old_enough(
    tx: Transaction, seen: Catalogue, retention: Retention, now: datetime
) -> list[Version]:
    """Return the versions that the rules allow to go, oldest first: of each line all but the last."""
    living = {seen.dataset, *(asset.name for asset in living_branches(tx, seen.dataset))}
    lines: dict[str, list[Version]] = defaultdict(list)
    for version in seen.versions:
        lines[version.ref.name].append(version)
    allowed: list[Version] = []
    for name, versions in lines.items():
        versions.sort(key=lambda version: version.ref)
        keep = retention.keep_last if name in living else 0
        successors = [*versions[1:], None]
        for version, next_one in list(zip(versions, successors, strict=True))[
            : len(versions) - keep
        ]:
            replaced_at = version.created_at if next_one is None else next_one.created_at
            if retention.older_than is None or now - replaced_at >= retention.older_than:
                allowed.append(version)
    return sorted(allowed, key=lambda version: (version.created_at, version.ref))


class Reasons:
    """What one transaction knows of the uses of a data set's versions."""

    def __init__(self, tx: Transaction, dataset: str) -> None:
        self._tx = tx
        self._named = _named_by_work(tx)
        for asset in living_branches(tx, dataset):
            base = Ref("dataset", dataset, int(asset.tags[BASE]))
            self._named.setdefault(base, f"the base of branch {Ref('dataset', asset.name).branch}")

    def why(self, version: Version) -> str | None:
        """Return why a version must stay, or None."""
        if version.aliases:
            return f"tagged {', '.join(version.aliases)}"
        return self._named.get(version.ref) or self._used(version.ref)

    def _used(self, ref: Ref) -> str | None:
        """Walk forward to the first thing that lives, through runs and what they stored.

        A version carried to another line or number has its content on its own account, and a model
        that a run was weighed against is not made of what the run read: the walk ends there.
        """
        onward: dict[Ref, list[Ref]] = defaultdict(list)
        for edge in self._tx.graph.impact(ref).edges:
            onward[edge.parent].append(edge.child)
        queue, met = [ref], {ref}
        for here in queue:
            for there in onward[here]:
                if there in met:
                    continue
                met.add(there)
                if there.kind == "run":
                    run = self._tx.runs.get(there.name)
                    if run.kind in CARRIAGES:
                        continue
                    if run.status in _OPEN:
                        return f"used by {run.kind} run {run.id}, which is {run.status}"
                elif there.version is not None:
                    if self._lives(there):
                        return f"{there} was made from it"
                    continue
                queue.append(there)
        return None

    def _lives(self, ref: Ref) -> bool:
        found = self._tx.versions.find(ref)
        return found is not None and found.state not in _GONE


def _named_by_work(tx: Transaction) -> dict[Ref, str]:
    """Return the versions that a row of desired state names, unless nothing is left to do for it."""
    named: dict[Ref, str] = {}
    for row in tx.intents.list(limit=None):
        if row.phase not in _DONE and (row.due_at is not None or row.owner is not None):
            for ref in _references(row):
                named.setdefault(ref, f"named by {row.kind.replace('_', ' ')} {row.name}")
    return named


def _references(row: Intent) -> Iterator[Ref]:
    text = canonical_json([row.spec, row.status]).decode()
    for found in _REFERENCE.findall(text):
        yield Ref.parse(found)
    pins = row.spec.get("pins")
    for name, number in (pins if isinstance(pins, dict) else {}).items():
        if isinstance(number, int) and number > 0:
            yield Ref("dataset", name, number)
