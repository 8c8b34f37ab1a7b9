"""Other attributes for the same bytes: labels, for instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.filesets.changing import Base, Change
from towpath.assets.filesets.contract import Added
from towpath.assets.filesets.declaration import FILE_COLUMNS
from towpath.assets.filesets.rows import check_attributes, describe, differing
from towpath.core.errors import Conflict, NotFound

if TYPE_CHECKING:
    import polars as pl

    from towpath.assets.filesets.declaration import FileSet
    from towpath.assets.filesets.parts import Parts

_ATTEMPTS = 16


def annotate(
    parts: Parts,
    fileset: FileSet,
    attributes: pl.DataFrame,
    *,
    project: str,
    branch: str | None = None,
    made_by: str | None = None,
) -> Added:
    """Give paths other attributes; see `FileSetStore.annotate`."""
    given = check_attributes(fileset, attributes)
    dataset = fileset.dataset

    base = Base.read(parts.ledger, parts.blobs, dataset, branch=branch)
    for _ in range(_ATTEMPTS):
        if base.version is None:
            raise NotFound.named("file set", dataset.ref.on(branch).name)
        change = _described(fileset, given, base)
        version = base.version
        try:
            if not change.is_empty:
                version = change.commit(
                    parts.datasets,
                    dataset,
                    project=project,
                    branch=branch,
                    made_by=made_by,
                )
        except Conflict:
            before = base
            base = Base.read(parts.ledger, parts.blobs, dataset, branch=branch)
            if base.number == before.number:
                raise
            continue
        return Added(
            version=version,
            added=0,
            changed=change.differing.height,
            removed=0,
            unchanged=base.rows.height - change.differing.height,
            read=0,
            read_bytes=0,
            unmatched=given.height - change.rows.height,
        )
    raise Conflict(
        f"file set {fileset.name!r} changed {_ATTEMPTS} times meanwhile",
        remedy="Try again, or let fewer writers add to it at once.",
        fileset=fileset.name,
    )


def _described(fileset: FileSet, given: pl.DataFrame, base: Base) -> Change:
    known = base.rows.join(given, on="path", how="semi")
    described = describe(fileset, known["path"].to_list(), given=given, before=known)
    rows = known.select(FILE_COLUMNS).join(described, on="path", maintain_order="left")
    return Change(
        rows=rows,
        differing=differing(rows, known),
        removed=known.clear().select("path"),
        base=base,
    )
