"""Parts of a version as versions of their own, with the run that parted them between."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from towpath.assets.datasets.splits.parting import find_cuts, part_of
from towpath.core.digests import digest_json
from towpath.core.errors import UsageError
from towpath.core.ids import new_id
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from towpath.assets.datasets.contract import DatasetStore, Load
    from towpath.assets.datasets.declaration import Dataset
    from towpath.assets.datasets.splits.contract import Cuts, Split
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Version


def commit_split(
    ledger: Ledger,
    store: DatasetStore,
    dataset: Dataset,
    split: Split,
    *,
    names: Sequence[str],
    project: str,
    ref: Ref | None = None,
) -> list[Version]:
    """Part a version, and commit each part as the next version of a data set `NAME.PART`.

    The parts have the version's declaration and subject, so an erasure reaches them. A run of kind
    `split` used the version and made the parts; its parameters say how. Memory is bounded: rows are
    read and written in pieces. Parts that are the latest versions already are not written again.

    Args:
        ledger: Where the run is recorded.
        store: Where versions are.
        dataset: The declaration.
        split: How to part.
        names: What the parts are called, the first part's first.
        project: The project.
        ref: The version; the latest by default.

    Raises:
        UsageError: There are not as many names as parts, or a part would be empty.
    """
    if len(names) != split.parts or len(set(names)) != split.parts:
        raise UsageError(
            f"{split.parts} parts need as many different names, and there are {len(names)}",
            remedy="Name each, such as train,test.",
        )
    with ledger.read() as tx:
        version = tx.versions.get(ref or dataset.ref)
    run_id = new_id()
    with ledger.write() as tx:
        tx.runs.start(
            kind="split",
            name=f"{dataset.name} into {', '.join(names)}",
            project=project,
            run_id=run_id,
            params={key: str(value) for key, value in msgspec.to_builtins(split).items()},
        )
        tx.graph.link(Ref("run", run_id), "used", version.ref)
    parts = [replace(dataset, name=f"{dataset.name}.{part}", rules=()) for part in names]
    try:
        versions = _commit_parts(
            store, parts, split, version=version, project=project, run_id=run_id
        )
    except BaseException as error:
        with ledger.write() as tx:
            tx.runs.finish(run_id, "failed", error=type(error).__name__)
        raise
    with ledger.write() as tx:
        for one in versions:
            # A part that was there already is this run's result too.
            tx.graph.link(one.ref, "made", Ref("run", run_id))
        tx.runs.finish(run_id, "finished")
    return versions


def _commit_parts(
    store: DatasetStore,
    parts: Sequence[Dataset],
    split: Split,
    *,
    version: Version,
    project: str,
    run_id: str,
) -> list[Version]:
    rows = store.scan(version.ref)
    cuts = find_cuts(rows, split)
    name = f"split-{digest_json([str(version.ref), version.revision, cuts])[:16]}"
    loads = [
        store.load(part, project=project, name=name, mode="overwrite", made_by=run_id)
        for part in parts
    ]
    try:
        _fill(loads, rows, cuts)
        _check_filled(loads, parts)
        return [load.commit() for load in loads]
    except BaseException:
        for load in loads:
            load.discard()
        raise


def _fill(loads: Sequence[Load], rows: pl.LazyFrame, cuts: Cuts) -> None:
    for piece in rows.collect_batches():
        part = part_of(piece, cuts)
        for number, load in enumerate(loads):
            chosen = piece.filter(part == number)
            if not chosen.is_empty():
                load.write(chosen)


def _check_filled(loads: Sequence[Load], parts: Sequence[Dataset]) -> None:
    for load, part in zip(loads, parts, strict=True):
        if load.rows == 0:
            raise UsageError(
                f"the part {part.name!r} would have no rows",
                remedy="Give it a larger share, or split by something else.",
            )
