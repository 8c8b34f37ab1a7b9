"""Rows with their bytes, read only when somebody looks at them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.io.plugins import register_io_source

from towpath.assets.filesets.declaration import BYTES, FILE_COLUMNS
from towpath.core.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path

    from towpath.storage.blobs import BlobStore

_BATCH_BYTES = 64 << 20
_BATCH_FILES = 4096
_THREADS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a version.

    Attributes:
        path: Where it lies in the set.
        digest: SHA-256 of its bytes.
        size_bytes: Its length.
        media_type: What its name says it is.
        attributes: What else is known of it.
    """

    path: str
    digest: str
    size_bytes: int
    media_type: str
    attributes: Mapping[str, Any]
    store: BlobStore

    def read(self) -> bytes:
        """Return its bytes, verified."""
        return self.store.get(self.digest)

    @contextmanager
    def open(self) -> Generator[Path]:
        """Give a local, read-only path with its bytes, verified on first use."""
        with self.store.open_local(self.digest) as path:
            yield path


class Files:
    """The files that a step was given: `files: tp.Files`.

    Nothing is read until it is asked for. Iterating goes through the files by path, one at a time;
    `table()` gives all of them as a table with a column of bytes.

    Args:
        rows: One row per file, as a file set keeps them.
        store: The area of the blob store with their bytes.
    """

    def __init__(self, rows: pl.LazyFrame, store: BlobStore) -> None:
        missing = set(FILE_COLUMNS) - set(rows.collect_schema().names())
        if missing:
            raise UsageError(
                f"rows without {min(missing)!r} are not those of a file set",
                remedy="Select from a FileSet: photos.all().",
            )
        self.rows = rows
        self._store = store

    def __iter__(self) -> Iterator[File]:
        for row in self.rows.sort("path").collect().iter_rows(named=True):
            own = {name: row.pop(name) for name in FILE_COLUMNS}
            yield File(**own, attributes=row, store=self._store)

    def __len__(self) -> int:
        return self.rows.select(pl.len()).collect().item()

    def filter(self, *predicates: pl.Expr) -> Files:
        """Return the files whose rows match."""
        return Files(self.rows.filter(*predicates), self._store)

    def __getitem__(self, path: str) -> File:
        """Return the file at a path. Raises `NotFound`."""
        for file in self.filter(pl.col("path") == path):
            return file
        raise NotFound("there is no such file in the selection", remedy="Look at its rows.")

    def table(self) -> pl.LazyFrame:
        """Return the rows with a column `bytes`; see `FileSetStore.read`."""
        return with_bytes(self.rows, self._store)


def with_bytes(rows: pl.LazyFrame, store: BlobStore) -> pl.LazyFrame:
    """Return rows with a column `bytes` (Binary), lazily; see `FileSetStore.read`."""
    schema = rows.collect_schema()

    def read(
        wanted: list[str] | None, predicate: pl.Expr | None, count: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        names = [*schema, BYTES] if wanted is None else wanted
        about_bytes = predicate is not None and BYTES in predicate.meta.root_names()
        frame = rows if predicate is None or about_bytes else rows.filter(predicate)
        if BYTES not in names and not about_bytes:
            yield (frame if count is None else frame.head(count)).select(names).collect()
            return
        yield pl.DataFrame(schema={**schema, BYTES: pl.Binary}).select(names)
        left = count
        table = (frame if count is None or about_bytes else frame.head(count)).collect()
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="read") as pool:
            for batch in _batches(table):
                held = pl.Series(BYTES, list(pool.map(store.get, batch["digest"])), pl.Binary)
                whole = batch.with_columns(held)
                if predicate is not None and about_bytes:
                    whole = whole.filter(predicate)
                whole = whole if left is None else whole.head(left)
                yield whole.select(names)
                left = None if left is None else left - whole.height
                if left == 0:
                    return

    return register_io_source(read, schema={**schema, BYTES: pl.Binary()}, is_pure=True)


def _batches(table: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Cut rows so that the bytes of a batch fit in memory: 64 MiB, or one larger file."""
    start = size_bytes = 0
    for place, length in enumerate(table["size_bytes"]):
        too_many = place - start >= _BATCH_FILES or size_bytes + length > _BATCH_BYTES
        if place > start and too_many:
            yield table[start:place]
            start, size_bytes = place, 0
        size_bytes += length
    if start < table.height:
        yield table[start:]
