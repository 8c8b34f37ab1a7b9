"""One version, opened: the same rows for every reader, whatever is committed meanwhile."""

# pyright: reportUnknownParameterType=false
# (pyarrow has no types)

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from towpath.assets.datasets.parquet import open_files
from towpath.assets.datasets.reading.frames import arrow_schema, record_batches, to_pandas
from towpath.assets.datasets.reading.ray_source import ray_dataset
from towpath.assets.datasets.reading.relation import relation_of_files, relation_of_frame
from towpath.assets.datasets.scanning import files_in, load_manifest, scan_manifest
from towpath.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import ray.data

    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore


class Snapshot:
    """A version as it was when it was opened, or some of its columns and a window of its rows.

    Every reader sees the rows that live, overlays applied; files are verified when they are first read.
    It is read as often as one likes, by any tool that knows Arrow's C stream interface, too: a
    snapshot is one (`duckdb.sql("select count(*) from rows")`, `pl.DataFrame(rows)`). An erasure
    replaces files: whoever begins to read after it reads the version as it is then, and `version` says
    so; whoever is in the middle gets `Unavailable`, and reads again. Tasks of Ray that begin after it
    raise `NotFound`.

    Close it, or use it in a `with` block, when DuckDB has read what it should: files that came from a
    bucket are kept for it until then. Not thread-safe; open one per thread.

    Attributes:
        version: The version, as the ledger had it.
        columns: The columns that are read, in order.
    """

    def __init__(
        self,
        blobs: BlobStore,
        version: Version,
        *,
        columns: list[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        present: Callable[[], Version] | None = None,
    ) -> None:
        self.version = version
        self._present = present
        self._blobs = blobs
        self._manifest = load_manifest(blobs, version.body["manifest"])
        known = [column.name for column in self._manifest.columns]
        for name in columns or ():
            if name not in known:
                raise NotFound.named("column", name, known)
        self.columns = known if columns is None else list(columns)
        self._since = since
        self._until = until
        self._held = ExitStack()

    def polars(self) -> pl.LazyFrame:
        """Return a lazy frame; filters and projections reach the files, and it can be streamed."""
        return scan_manifest(
            self._blobs,
            self.version.body["manifest"],
            columns=self.columns,
            since=self._since,
            until=self._until,
            present=self._refreshed,
        )

    def arrow(self) -> pa.RecordBatchReader:
        """Return a stream of record batches; memory holds a few of them."""
        return record_batches(self.polars())

    def pandas(self) -> pd.DataFrame:
        """Return a pandas frame, all of it in memory.

        Whole numbers and truth values that may be missing get pandas' nullable types, so that none of
        them becomes a float; times are in UTC.

        Raises:
            UsageError: pandas is not installed.
        """
        return to_pandas(self.arrow().read_all())

    def duckdb(
        self, connection: duckdb.DuckDBPyConnection | None = None
    ) -> duckdb.DuckDBPyRelation:
        """Return a relation, to query on or to be named in SQL; nothing is read before that.

        A version without overlays is scanned by DuckDB itself, in place and in parallel, in constant
        memory. One with overlays goes through Polars: DuckDB hands it the columns and filters of a
        query, and holds what is left in memory; compact the data set where that is too much.

        Args:
            connection: Where; DuckDB's default connection if None.

        Raises:
            UsageError: DuckDB is not installed.
        """
        if self._manifest.layered:
            return relation_of_frame(connection, self.polars())
        return relation_of_files(
            connection,
            self._manifest,
            self._opened(),
            columns=self.columns,
            since=self._since,
            until=self._until,
        )

    def ray(self, **options: object) -> ray.data.Dataset:
        """Return a Ray data set whose tasks read buckets side by side, each verified where it is read.

        The cluster must reach the blob store: a bucket, or a disk that its machines share. Tasks carry
        the blob store's address, with its credentials if they are part of it.

        Args:
            options: Passed on to `ray.data.read_datasource` (`concurrency`, `override_num_blocks`, …).

        Raises:
            UsageError: Ray Data is not installed.
        """
        return ray_dataset(
            self._blobs,
            self._manifest,
            columns=self.columns,
            since=self._since,
            until=self._until,
            options=options,
        )

    def __arrow_c_schema__(self) -> object:
        """Return the columns' types by Arrow's C data interface."""
        return arrow_schema(self.polars()).__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the rows by Arrow's C stream interface; each call reads them anew."""
        return self.arrow().__arrow_c_stream__(requested_schema)

    def _refreshed(self) -> str:
        """Take the version as it is now, and return the digest of its manifest."""
        if self._present is not None:
            self.version = self._present()
            self._manifest = load_manifest(self._blobs, self.version.body["manifest"])
        return self.version.body["manifest"]

    def _opened(self) -> list[Path]:
        """Open the files that are read in place; of the version as it is now, where it was erased from."""
        before = self.version.body["manifest"]
        while True:
            files = files_in(self._manifest, self._since, self._until)
            try:
                return open_files(self._blobs, files, self._held)
            except NotFound:
                present = self._refreshed()
                if present == before:
                    raise
                before = present

    def close(self) -> None:
        """Let go of files that were kept for DuckDB. Idempotent."""
        self._held.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
