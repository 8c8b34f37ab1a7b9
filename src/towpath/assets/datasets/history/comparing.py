"""Compares the rows of two versions by key, a bucket at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.datasets.history.aligning import align
from towpath.assets.datasets.history.contract import CHANGE, RowChanges
from towpath.assets.datasets.parquet import polars_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.assets.datasets.history.contract import ChangeKind
    from towpath.assets.datasets.manifest import Manifest
    from towpath.storage.blobs import BlobStore

_OTHER = "\0after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What differs in one bucket.

    Attributes:
        added: Rows only the later version has.
        removed: Rows only the earlier version has.
        before: Rows that changed, as they were; in the order of `after`.
        after: The same rows as they are.
        columns: In how many of the changed rows each column differs.
    """

    added: pl.DataFrame
    removed: pl.DataFrame
    before: pl.DataFrame
    after: pl.DataFrame
    columns: dict[str, int] = field(default_factory=dict[str, int])


class RowComparison:
    """Compares two versions that are keyed alike.

    Rows are compared in every column that either version has; a missing column counts as null. Numbers
    of different types are compared as numbers, other types as text.
    """

    def __init__(self, blobs: BlobStore, before: Manifest, after: Manifest) -> None:
        self._blobs = blobs
        self._before = before
        self._after = after
        self._key = list(after.key)
        self._alignment = align(before, after)
        names = [*polars_schema(after), *polars_schema(before)]
        self._values = [name for name in dict.fromkeys(names) if name not in self._key]

    def pieces(self) -> Iterator[Piece]:
        """Yield what differs, bucket by bucket, and last the rows that moved between buckets."""
        moved = self._moved()
        aside: list[tuple[pl.DataFrame, pl.DataFrame]] = []
        for old_side, new_side in self._alignment.pairs:
            old, new = old_side.read(self._blobs), new_side.read(self._blobs)
            if moved is not None:
                aside.append(
                    (
                        old.join(moved, on=self._key, how="semi"),
                        new.join(moved, on=self._key, how="semi"),
                    )
                )
                old = old.join(moved, on=self._key, how="anti")
                new = new.join(moved, on=self._key, how="anti")
            yield self._compare(old, new)
        if aside:
            olds, news = zip(*aside, strict=True)
            yield self._compare(pl.concat(olds), pl.concat(news))

    def count(self) -> RowChanges:
        """Return how many rows differ."""
        added = removed = changed = 0
        columns: dict[str, int] = {}
        for piece in self.pieces():
            added += piece.added.height
            removed += piece.removed.height
            changed += piece.after.height
            for name, count in piece.columns.items():
                columns[name] = columns.get(name, 0) + count
        return RowChanges(
            added=added,
            removed=removed,
            changed=changed,
            unchanged=self._after.rows - added - changed,
            columns={name: columns[name] for name in self._values if columns.get(name)},
            files_shared=self._alignment.files_shared,
            files_compared=self._alignment.files_compared,
        )

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the rows that differ, marked; see `DatasetHistory.changes`."""
        for piece in self.pieces():
            parts: tuple[tuple[ChangeKind, pl.DataFrame], ...] = (
                ("added", piece.added),
                ("removed", piece.removed),
                ("before", piece.before),
                ("after", piece.after),
            )
            marked = [
                rows.select(pl.lit(kind).alias(CHANGE), pl.all())
                for kind, rows in parts
                if rows.height
            ]
            if marked:
                yield pl.concat(marked, how="diagonal_relaxed").select(
                    CHANGE, *self._key, *self._values
                )

    def _moved(self) -> pl.DataFrame | None:
        """Return the keys that left one bucket for another: their subject changed."""
        if not self._alignment.by_subject:
            return None
        left: list[pl.DataFrame] = []
        come: list[pl.DataFrame] = []
        for old_side, new_side in self._alignment.pairs:
            old = old_side.read(self._blobs, self._key)
            new = new_side.read(self._blobs, self._key)
            left.append(old.join(new, on=self._key, how="anti"))
            come.append(new.join(old, on=self._key, how="anti"))
        if not left:
            return None
        moved = pl.concat(left).join(pl.concat(come), on=self._key, how="semi")
        return moved if moved.height else None

    def _compare(self, old: pl.DataFrame, new: pl.DataFrame) -> Piece:
        both = new.join(old, on=self._key, how="inner", suffix=_OTHER, maintain_order="left")
        differs = (
            both.select(
                *self._key, *(_differs(name, new, old).alias(name) for name in self._values)
            ).filter(pl.any_horizontal(pl.col(self._values)))
            if self._values
            else both.head(0)
        )
        keys = differs.select(self._key)
        sums = differs.select(pl.col(name).sum() for name in self._values)
        return Piece(
            added=new.join(old, on=self._key, how="anti"),
            removed=old.join(new, on=self._key, how="anti"),
            before=keys.join(old, on=self._key, how="left", maintain_order="left"),
            after=keys.join(new, on=self._key, how="left", maintain_order="left"),
            columns=sums.to_dicts()[0] if differs.height else {},
        )


def _differs(name: str, new: pl.DataFrame, old: pl.DataFrame) -> pl.Expr:
    """Return whether a column differs, in a frame that has both versions of the rows."""
    if name not in old.columns:
        return pl.col(name).is_not_null()
    if name not in new.columns:
        return pl.col(name).is_not_null()
    mine, theirs = pl.col(name), pl.col(name + _OTHER)
    kinds = (new.schema[name], old.schema[name])
    if kinds[0] != kinds[1] and not all(kind.is_numeric() for kind in kinds):
        mine, theirs = mine.cast(pl.String), theirs.cast(pl.String)
    return mine.ne_missing(theirs)
