"""Which steps an erasure leaves alone: those that read shards of a data set in which it changed nothing.

SISA training (Bourtoule et al., *Machine Unlearning*, IEEE S&P 2021) splits the data by subject, trains
a constituent on each shard, and answers with all of them: a withdrawal then retrains one constituent. Here
a shard is whole buckets of a version (`Selection.shard`), a constituent is a step's result in the cache,
and retraining is the recipe again. What was made from an unchanged shard is neither purged nor forgotten,
so the recipe finds it; what was made from the subject's shard, and all that follows from it, goes.

A shard is unchanged when its files in the redacted version are the files that the step read. So this takes
nobody's word for where the subject was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets import load_manifest
from towpath.build.pipelines.planning.subject_shards import Shard, decode_shards, is_unchanged

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from towpath.core.refs import Ref
    from towpath.ledger.contract import Ledger
    from towpath.storage.blobs.contract import BlobStore


def spared_steps(
    ledger: Ledger,
    blobs: BlobStore,
    sources: Sequence[Ref],
    *,
    ahead: Mapping[str, Collection[str]] | None = None,
) -> frozenset[tuple[Ref, Ref]]:
    """Return pairs of a redacted version and a step that read nothing of it that has changed.

    Reads manifests, so it is called outside of transactions that write.

    Args:
        ledger: The ledger.
        blobs: Where manifests are.
        sources: The versions.
        ahead: For a plan, before anything is redacted: by version, the digests of the files that are
            going to be.
    """
    spared: set[tuple[Ref, Ref]] = set()
    with ledger.read() as tx:
        manifests = {str(ref): tx.versions.get(ref).body["manifest"] for ref in sources}
        readers = {
            (source, edge.child)
            for source in sources
            for edge in tx.graph.impact(source, depth=1).edges
            if edge.parent == source and edge.relation == "used" and edge.child.kind == "run"
        }
        steps = {run: tx.runs.get(run.name) for _, run in readers}
    for source, run in readers:
        step = steps[run]
        shards = [one for one in decode_shards(step.tags) if one.ref == str(source)]
        if (
            step.kind == "step"
            and shards
            and all(is_unchanged(one, manifests[one.ref], blobs) for one in shards)
            and not (ahead and any(_holds(one, manifests[one.ref], blobs, ahead) for one in shards))
        ):
            spared.add((source, run))
    return frozenset(spared)


def _holds(
    shard: Shard, manifest: str, blobs: BlobStore, ahead: Mapping[str, Collection[str]]
) -> bool:
    """Tell whether a shard has one of the files that are going to be redacted."""
    doomed = ahead.get(shard.ref, frozenset())
    files = load_manifest(blobs, manifest).shard(shard.part).files
    return any(file.digest in doomed for file in files)
