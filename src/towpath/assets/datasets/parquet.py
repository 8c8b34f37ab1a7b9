"""One bucket's rows as Parquet bytes and back, in the one order that makes equal rows equal bytes.

These functions know files, not versions: they see superseded rows too. `layers` tells which rows live.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from towpath.assets.datasets.hashing import buckets_of
from towpath.assets.datasets.manifest import DataFile, Manifest, Role
from towpath.assets.datasets.schema import POLARS_TYPES
from towpath.core.digests import digest_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from towpath.storage.blobs import BlobStore

ROWS_PER_FILE_MOST = 1_000_000
_ROWS_PER_GROUP = 131_072
_THREADS = 4
_BUCKET = "__bucket"
_NO_SUBJECT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedFile:
    """A file that is not in the blob store yet."""

    entry: DataFile
    data: memoryview


def polars_schema(manifest: Manifest) -> pl.Schema:
    """Return the columns of a manifest as Polars reads them."""
    return pl.Schema({column.name: POLARS_TYPES[column.type] for column in manifest.columns})


def by_bucket(manifest: Manifest, rows: pl.DataFrame) -> dict[int | None, pl.DataFrame]:
    """Split rows by subject bucket; rows without a subject are in bucket None."""
    if rows.is_empty():
        return {}
    if manifest.subject is None:
        return {None: rows}
    numbered = rows.with_columns(_bucket_numbers(manifest, rows))
    parts = numbered.partition_by(_BUCKET, as_dict=True, include_key=False)
    return {
        None if bucket == _NO_SUBJECT else int(bucket): part for (bucket,), part in parts.items()
    }


def encode_rows(manifest: Manifest, rows: pl.DataFrame) -> list[EncodedFile]:
    """Encode rows as `encode_buckets` encodes what `by_bucket` splits, in less memory.

    Each thread takes one bucket's rows out when it is their turn, so what is held besides the rows is
    a few buckets, and not all of them.
    """
    if rows.is_empty():
        return []
    if manifest.subject is None:
        return encode_buckets(manifest, {None: rows})
    numbers = _bucket_numbers(manifest, rows)

    def encode(number: int) -> list[EncodedFile]:
        bucket = None if number == _NO_SUBJECT else number
        part = _ordered(manifest, rows.filter(numbers == number), "rows")
        return [
            _encode(manifest, bucket, one, role="rows", layer=0)
            for one in part.iter_slices(ROWS_PER_FILE_MOST)
        ]

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="encode") as pool:
        return [one for files in pool.map(encode, numbers.unique().sort()) for one in files]


def _bucket_numbers(manifest: Manifest, rows: pl.DataFrame) -> pl.Series:
    """Return the bucket of each row, `_NO_SUBJECT` for those without one."""
    assert manifest.subject is not None
    subjects = rows.select(pl.col(manifest.subject).unique().drop_nulls())
    numbered = subjects.with_columns(
        pl.Series(_BUCKET, buckets_of(subjects[manifest.subject], manifest.buckets))
    )
    # Joining the subjects alone spares a copy of all the other columns.
    found = rows.select(manifest.subject).join(
        numbered, on=manifest.subject, how="left", maintain_order="left"
    )
    return found[_BUCKET].fill_null(_NO_SUBJECT)


def encode_buckets(
    manifest: Manifest,
    parts: Mapping[int | None, pl.DataFrame],
    *,
    role: Role = "rows",
    layers: Mapping[int | None, int] | None = None,
) -> list[EncodedFile]:
    """Encode each bucket's rows as one file, or several of a million rows, on a few threads.

    Args:
        manifest: What the files are of.
        parts: Rows by bucket: all columns, or those of `delete_columns`.
        role: What the rows are.
        layers: The layer of each bucket's files; 0 where it says nothing.
    """
    slices: list[tuple[int | None, pl.DataFrame, bool]] = []
    for bucket, rows in parts.items():
        if rows.height > ROWS_PER_FILE_MOST:
            ordered = _ordered(manifest, rows, role).iter_slices(ROWS_PER_FILE_MOST)
            slices += [(bucket, part, True) for part in ordered]
        elif not rows.is_empty():
            slices.append((bucket, rows, False))

    def encode(one: tuple[int | None, pl.DataFrame, bool]) -> EncodedFile:
        bucket, rows, is_ordered = one
        # What fits one file is only sorted now: few sorted copies are alive at a time.
        part = rows if is_ordered else _ordered(manifest, rows, role)
        return _encode(manifest, bucket, part, role=role, layer=(layers or {}).get(bucket, 0))

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="encode") as pool:
        return list(pool.map(encode, slices))


def store_blobs(blobs: BlobStore, data: Iterable[memoryview | bytes]) -> None:
    """Put blobs on a few threads: each waits for its own fsync or request."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="store") as pool:
        list(pool.map(blobs.put, data))


def read_files(
    blobs: BlobStore,
    manifest: Manifest,
    files: Sequence[DataFile],
    *,
    columns: Sequence[str] | None = None,
    where: pl.Expr | None = None,
) -> pl.DataFrame:
    """Return the rows of some of a version's files, verified, in the files' order."""
    names = list(polars_schema(manifest).names() if columns is None else columns)
    if not files:
        return pl.DataFrame(schema={name: polars_schema(manifest)[name] for name in names})
    with ExitStack() as held:
        frame = scan_paths(manifest, open_files(blobs, files, held)).select(names)
        return (frame if where is None else frame.filter(where)).collect()


def decode_file(manifest: Manifest, data: memoryview) -> pl.DataFrame:
    """Return the rows of a file that is not in the blob store yet, with a version's columns."""
    return pl.read_parquet(bytes(data), schema=polars_schema(manifest), missing_columns="insert")


def open_files(blobs: BlobStore, files: Sequence[DataFile], held: ExitStack) -> list[Path]:
    """Return local paths of verified files that live as long as `held`, fetched side by side."""

    def enter(file: DataFile) -> Path:
        opened: AbstractContextManager[Path] = blobs.open_local(file.digest)
        return held.enter_context(opened)

    if len(files) == 1:
        return [enter(files[0])]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="open") as pool:
        return list(pool.map(enter, files))


def scan_paths(
    manifest: Manifest, paths: Sequence[Path | str], *, include_file_paths: str | None = None
) -> pl.LazyFrame:
    """Scan files that were written under this manifest's columns or fewer of them."""
    return pl.scan_parquet(
        [str(path) for path in paths],
        schema=polars_schema(manifest),
        missing_columns="insert",
        glob=False,
        include_file_paths=include_file_paths,
    )


def scan_texts(
    paths: Sequence[str], column: str, *, include_file_paths: str | None = None
) -> pl.LazyFrame:
    """Scan one column of texts of files that may differ in all others; null where one lacks it."""
    return pl.scan_parquet(
        list(paths),
        schema={column: pl.String()},
        missing_columns="insert",
        extra_columns="ignore",
        glob=False,
        include_file_paths=include_file_paths,
    )


def delete_columns(manifest: Manifest) -> list[str]:
    """Return the columns of delete markers: the key, and the subject whose row it deletes."""
    subject = [] if manifest.subject is None else [manifest.subject]
    return list(dict.fromkeys([*manifest.key, *subject]))


def _ordered(manifest: Manifest, rows: pl.DataFrame, role: Role) -> pl.DataFrame:
    """Sort by time, then key: content decides the bytes, and a window reads few row groups."""
    if role == "deletes":
        return rows.select(delete_columns(manifest)).sort(delete_columns(manifest))
    return rows.sort([*([manifest.time] if manifest.time else []), *manifest.key])


def _encode(
    manifest: Manifest, bucket: int | None, rows: pl.DataFrame, *, role: Role, layer: int
) -> EncodedFile:
    # Markers of a table that is nothing but its key would else have the bytes of its rows.
    told = {} if role == "rows" else {"towpath.role": role}
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest()).replace_schema_metadata(
        {"towpath.dataset": manifest.dataset, **told}
    )
    personal = {column.name for column in manifest.columns if column.personal}
    described = [name for name in table.column_names if name not in personal]
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        compression_level=3,
        row_group_size=_ROWS_PER_GROUP,
        # Bounds of a personal column are somebody's value, outside the rows that hold it.
        write_statistics=described,  # pyright: ignore[reportArgumentType]  # the stub lacks lists
    )
    data = memoryview(sink.getvalue())
    since, until = (None, None) if role == "deletes" else _time_bounds(manifest, personal, rows)
    return EncodedFile(
        entry=DataFile(
            digest=digest_bytes(data),
            bucket=bucket,
            rows=rows.height,
            size_bytes=data.nbytes,
            time_min=since,
            time_max=until,
            layer=layer,
            role=role,
        ),
        data=data,
    )


def _time_bounds(
    manifest: Manifest, personal: set[str], rows: pl.DataFrame
) -> tuple[int | None, int | None]:
    if manifest.time is None or manifest.time in personal:
        return None, None
    micros = rows.get_column(manifest.time).dt.timestamp("us")
    return int(micros[0]), int(micros[-1])
