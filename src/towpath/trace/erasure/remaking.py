"""How the replacement of a model was made: from everything, or from the shards alone that somebody left.

Told from the ledger and from nothing else: which shards the steps of both runs read, by the digest of the
rows, and what they made of them. A pipeline's own declaration plays no part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.build.pipelines.planning.calls import made_by
from towpath.build.pipelines.planning.subject_shards import decode_shards
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.build.pipelines.planning.subject_shards import Shard
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Json, Run

_MOMENTS = "moments/"
_Place = tuple[str, str, tuple[int, int]]


def remaking_of(tx: Transaction, before: str | None, after: str | None) -> Json:
    """Return how a replacement came about.

    Args:
        tx: The snapshot to read.
        before: The pipeline run that made the model that had to go.
        after: The one that made its replacement.

    Returns:
        `method`: `retrain` from all that was left; `sisa`, from results of shards of which `shards` says how
        many there are, and `again` which were made again, with the digests of their results; or `downdate`,
        where these results are exact sums and the model their exact solution. `steps` counts how many steps
        the later run computed, and how many it found as they were.
    """
    old = dict(_sharded(tx, before)) if before else {}
    steps = tx.runs.list(parent=after, kind="step", limit=None) if after else []
    found = sum(1 for step in steps if step.tags.get("cached") == "true")
    said: Json = {
        "method": "retrain",
        "steps": {"computed": len(steps) - found, "found": found},
    }
    new = dict(_sharded(tx, after)) if after else {}
    if not new or new.keys() != old.keys():
        return said
    again = [
        {
            "step": place[0],
            "dataset": place[1],
            "shard": list(place[2]),
            "before": _result(tx, old[place][0]),
            "after": _result(tx, step),
        }
        for place, (step, shard) in sorted(new.items())
        if shard.digest != old[place][1].digest
    ]
    exact = all(_is_moments(tx, step) for step, _ in new.values())
    return {
        **said,
        "method": "downdate" if exact else "sisa",
        "shards": len(new),
        "again": again,
    }


def _sharded(tx: Transaction, run: str | None) -> Iterator[tuple[_Place, tuple[Run, Shard]]]:
    """Yield the steps of a run that read a shard, by their name, version and shard."""
    for step in tx.runs.list(parent=run, kind="step", limit=None):
        for shard in decode_shards(step.tags):
            yield (step.name, shard.ref, shard.part), (step, shard)


def _result(tx: Transaction, step: Run) -> str | None:
    """Return the digest of what a step made; it outlives the bytes."""
    made = (
        edge.child.name
        for edge in tx.graph.impact(Ref("run", step.id), depth=1).edges
        if edge.relation == "made" and edge.parent.name == step.id
    )
    return min(made, default=None)


def _is_moments(tx: Transaction, step: Run) -> bool:
    execution = None if step.key is None else tx.cache.look(step.key)
    artifacts = () if execution is None else made_by(execution).artifacts
    return bool(artifacts) and all(one.codec.startswith(_MOMENTS) for one in artifacts)
