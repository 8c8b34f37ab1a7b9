"""Rows that are handed to a step unread: it says who reads them, this process or a cluster, in parts."""

# pyright: reportUnknownMemberType=false, reportUnknownParameterType=false
# (pyarrow has no types)

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from towpath.assets.datasets.reading import dataset_on_ray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    import polars as pl
    import ray.data

    from towpath.storage.blobs import BlobStore


class Shards(Protocol):
    """What a parameter annotated `tp.Shards` is given: a table, or a window of a data-set version.

    Nothing is read before it is asked for, and no row passes through the step's own process on its way
    to a cluster: each task there reads its part from the blob store and verifies it.
    """

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        ...

    def polars(self) -> pl.LazyFrame:
        """Return the rows lazily, for this process."""
        ...

    def ray(self, **options: object) -> ray.data.Dataset:
        """Return the rows as a Ray data set, read side by side by the cluster that this step joined.

        Args:
            options: Passed on to `ray.data.read_datasource`.

        Raises:
            UsageError: Ray Data is not installed.
        """
        ...


class SelectionShards:
    """A window of a version: its files are the parts, grouped so that overlays are read once.

    Args:
        blobs: Where its files are.
        manifest: Digest of the version's manifest.
        rows: The same rows, lazily.
        since: Begin of the window.
        until: End of the window.
    """

    def __init__(
        self,
        blobs: BlobStore,
        manifest: str,
        rows: pl.LazyFrame,
        *,
        since: datetime | None,
        until: datetime | None,
    ) -> None:
        self._blobs = blobs
        self._manifest = manifest
        self._rows = rows
        self._since = since
        self._until = until

    @property
    def columns(self) -> list[str]:
        """See `Shards`."""
        return self._rows.collect_schema().names()

    def polars(self) -> pl.LazyFrame:
        """See `Shards`."""
        return self._rows

    def ray(self, **options: object) -> ray.data.Dataset:
        """See `Shards`."""
        return dataset_on_ray(
            self._blobs, self._manifest, since=self._since, until=self._until, options=options
        )


class TableShards:
    """A table that a step made: the row groups of its file are the parts.

    Args:
        blobs: Where the file is.
        digest: Its digest.
        rows: The same rows, lazily.
    """

    def __init__(self, blobs: BlobStore, digest: str, rows: pl.LazyFrame) -> None:
        self._blobs = blobs
        self._digest = digest
        self._rows = rows

    @property
    def columns(self) -> list[str]:
        """See `Shards`."""
        return self._rows.collect_schema().names()

    def polars(self) -> pl.LazyFrame:
        """See `Shards`."""
        return self._rows

    def ray(self, **options: object) -> ray.data.Dataset:
        """See `Shards`."""
        data: Any = importlib.import_module("ray.data")
        block: Any = importlib.import_module("ray.data.block")
        blobs, digest = self._blobs, self._digest
        with blobs.open_local(digest) as path:
            footer, schema = pq.read_metadata(path), pq.read_schema(path)
        groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
        sizes = [(group.num_rows, group.total_byte_size) for group in groups]  # these can travel

        def reader(number: int) -> Callable[[], Iterator[pa.Table]]:
            def read() -> Iterator[pa.Table]:
                with blobs.open_local(digest) as path, pq.ParquetFile(path) as file:
                    yield file.read_row_group(number)

            return read

        class TableSource(data.Datasource):
            """Reads one stored table."""

            def get_name(self) -> str:
                """Name it in Ray's plans."""
                return f"Towpath({digest[:12]})"

            def estimate_inmemory_data_size(self) -> int:
                """Return the decompressed size, which decides how many tasks there are."""
                return sum(size_bytes for _, size_bytes in sizes)

            def get_read_tasks(self, *_: object, **__: object) -> list[Any]:
                """Return one task per row group."""
                return [
                    data.ReadTask(
                        reader(number),
                        block.BlockMetadata(
                            num_rows=rows,
                            size_bytes=size_bytes,
                            exec_stats=None,
                        ),
                        schema=schema,
                    )
                    for number, (rows, size_bytes) in enumerate(sizes)
                ]

        return data.read_datasource(TableSource(), **options)
