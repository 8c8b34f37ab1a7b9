"""What may be added to a version: under which declaration, and which rows are new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.datasets.manifest import Manifest, blank
from towpath.assets.datasets.parquet import read_files
from towpath.assets.datasets.validation import Violation, first_rows, violation_error
from towpath.core.errors import SchemaViolation

if TYPE_CHECKING:
    from towpath.assets.datasets.declaration import Dataset
    from towpath.storage.blobs import BlobStore

_LAYOUT = ("key", "time", "subject", "subject_field", "buckets")


def continued(dataset: Dataset, before: Manifest) -> Manifest:
    """Return the manifest to append to: today's declaration over yesterday's files.

    Raises:
        SchemaViolation: The declaration changed in more than new columns that may be missing.
    """
    today = blank(dataset)
    had = {column.name: column for column in before.columns}
    has = {column.name: column for column in today.columns}
    changed = [name for name in had if name not in has or has[name].type != had[name].type]
    changed += [name for name in has if name not in had and not has[name].nullable]
    changed += [name for name in _LAYOUT if getattr(before, name) != getattr(today, name)]
    if changed:
        raise SchemaViolation(
            f"data set {dataset.name!r} was declared otherwise when its latest version was "
            f"committed: {changed[0]!r} has changed",
            remedy="Append keeps columns, types, key, time, subject and buckets; new columns must be "
            "nullable. Commit everything with mode='overwrite' to change more.",
            dataset=dataset.name,
            changed=changed,
        )
    return today.with_files(list(before.files))


def unseen(
    blobs: BlobStore,
    dataset: Dataset,
    before: Manifest,
    rows: pl.DataFrame,
    *,
    given: pl.DataFrame,
) -> pl.DataFrame:
    """Return the rows whose key is new to a version.

    Args:
        blobs: Where the version's files are.
        dataset: What is appended to.
        before: The version.
        rows: What is left of the given rows once withdrawn subjects are out.
        given: The rows as the caller numbers them.

    Raises:
        SchemaViolation: A stored key comes with other values.
    """
    keys = list(before.key)
    stored = _stored_like(blobs, before, rows)
    if stored.is_empty():
        return rows
    told_apart = [name for name in rows.columns if name in stored.columns]
    known = rows.join(stored, on=keys, how="semi")
    clashing = known.join(stored, on=told_apart, how="anti", nulls_equal=True)
    if clashing.is_empty():
        return rows.join(stored, on=keys, how="anti", maintain_order="left")
    places = given.with_row_index("__row").join(clashing, on=keys, how="semi")["__row"]
    violation = Violation(
        column=", ".join(keys),
        rule="repeats the key of a stored row that has other values",
        count=clashing.height,
        rows=first_rows(places.sort()),
    )
    raise violation_error(dataset, given, [violation])


def _stored_like(blobs: BlobStore, before: Manifest, rows: pl.DataFrame) -> pl.DataFrame:
    """Return stored rows that share a key with the new ones.

    The bounds of the first key column let whole row groups be skipped: batches that arrive in order
    read next to nothing.
    """
    if rows.is_empty() or not before.files:
        return rows.clear()
    first = before.key[0]
    near = pl.col(first).is_between(pl.lit(rows[first].min()), pl.lit(rows[first].max()))
    keys = read_files(blobs, before, before.files, columns=before.key, where=near)
    shared = keys.join(rows, on=list(before.key), how="semi")
    if shared.is_empty():
        return rows.clear()
    candidates = read_files(blobs, before, before.files, where=near)
    return candidates.join(shared, on=list(before.key), how="semi")
