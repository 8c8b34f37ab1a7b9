"""What a commit does to a version's rows: which are added, which take another's place, which go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.datasets.changes.lookup import FILE, Stored, find
from towpath.assets.datasets.validation import Violation, first_rows, violation_error

if TYPE_CHECKING:
    from towpath.assets.datasets.declaration import Dataset
    from towpath.assets.datasets.manifest import Manifest
    from towpath.storage.blobs import BlobStore

_STORED = "__stored:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A version's next content, as what is different from its last.

    Attributes:
        added: Rows whose key the version did not have.
        replacing: Rows that take the place of stored rows with their keys.
        removed: The stored rows that go, replaced or deleted, with their place in `lookup.FILE`.
        known: The key columns and bucket of everything stored under one of the keys, live or not.
    """

    added: pl.DataFrame
    replacing: pl.DataFrame
    removed: pl.DataFrame
    known: pl.DataFrame

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return self.added.is_empty() and self.removed.is_empty()

    @property
    def incoming(self) -> pl.DataFrame:
        """The rows that were not there before."""
        return pl.concat([self.added, self.replacing])


def appending(
    blobs: BlobStore,
    dataset: Dataset,
    before: Manifest,
    rows: pl.DataFrame,
    *,
    given: pl.DataFrame,
) -> Change:
    """Add the rows whose key is new; those that are there already, equal in every column, are skipped.

    Args:
        blobs: Where the version's files are.
        dataset: What is appended to.
        before: The version, under today's declaration.
        rows: What is left of the given rows once withdrawn subjects are out.
        given: The rows as the caller numbers them.

    Raises:
        SchemaViolation: A stored key comes with other values.
    """
    stored, different = _against(blobs, before, rows)
    if not different.is_empty():
        keys = list(before.key)
        places = given.with_row_index("__row").join(different, on=keys, how="semi")["__row"]
        violation = Violation(
            column=", ".join(keys),
            rule="repeats the key of a stored row that has other values",
            count=different.height,
            rows=first_rows(places.sort()),
        )
        raise violation_error(dataset, given, [violation])
    return _change(before, rows, stored, replacing=different)


def merging(blobs: BlobStore, before: Manifest, rows: pl.DataFrame) -> Change:
    """Add the rows whose key is new, and replace those whose key is there with other values."""
    stored, different = _against(blobs, before, rows)
    return _change(before, rows, stored, replacing=different)


def deleting(blobs: BlobStore, before: Manifest, keys: pl.DataFrame) -> Change:
    """Remove the rows that have one of the keys."""
    stored = find(blobs, before, keys)
    nothing = stored.rows.drop(FILE).clear()
    return Change(added=nothing, replacing=nothing, removed=stored.rows, known=stored.entries)


def _against(blobs: BlobStore, before: Manifest, rows: pl.DataFrame) -> tuple[Stored, pl.DataFrame]:
    """Return what is stored under the rows' keys, and the rows that differ from it in any column."""
    stored = find(blobs, before, rows.select(before.key))
    others = [name for name in rows.columns if name not in before.key]
    was = stored.rows.select(*before.key, pl.col(others).name.prefix(_STORED))
    differs = pl.any_horizontal(
        pl.lit(value=False), *(pl.col(one).ne_missing(pl.col(_STORED + one)) for one in others)
    )
    both = rows.join(was, on=list(before.key), maintain_order="left")
    return stored, both.filter(differs).select(rows.columns)


def _change(
    before: Manifest, rows: pl.DataFrame, stored: Stored, *, replacing: pl.DataFrame
) -> Change:
    keys = list(before.key)
    return Change(
        added=rows.join(stored.rows, on=keys, how="anti", maintain_order="left"),
        replacing=replacing,
        removed=stored.rows.join(replacing, on=keys, how="semi", maintain_order="left"),
        known=stored.entries,
    )
