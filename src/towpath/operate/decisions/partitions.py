"""How rows are cut into Parquet files: by event time and subject, as finely as they are many."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from towpath.core.digests import digest_bytes
from towpath.ledger.records import Segment
from towpath.operate.decisions.streams import id_column, time_column
from towpath.operate.decisions.tags import tagged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROWS_PER_FILE: Final = 200_000
"""Roughly how many rows a file should hold: some 10 to 30 MB of Parquet."""

_ROW_GROUP_ROWS: Final = 16_384
"""Of which a look-up by id reads one: half as many cost a quarter more bytes, twice as many twice the time."""
_BUCKET_BITS: Final = 16
_GRAINS: Final = (
    ("hour", "%Y-%m-%dT%H", timedelta(hours=1)),
    ("day", "%Y-%m-%d", timedelta(days=1)),
    ("month", "%Y-%m", timedelta(days=30)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetFile:
    """A file that is encoded but not stored yet, and what the ledger will say of it."""

    segment: Segment
    data: bytes


def cut(stream: str, rows: pl.DataFrame) -> Iterator[ParquetFile]:
    """Encode rows of a stream, partitioned by event time and bucket of subject.

    The grain is the hour where hours are full, else the day, else the month: a quiet service, or a year
    replayed in minutes, does not end in thousands of tiny files. A part that is still too big is split
    by subject into `bucket=I-of-N`, so that erasing one reads an N-th of it; labels and signals, which
    name none, are spread by their ids.
    """
    at = time_column(stream)
    grain, pattern = _grain(rows, at)
    labelled = rows.with_columns(pl.col(at).dt.strftime(pattern).alias("_part"))
    for (part,), group in labelled.group_by("_part", maintain_order=True):
        whole = group.drop("_part")
        buckets = 1
        while whole.height > buckets * ROWS_PER_FILE:
            buckets *= 2
        if buckets == 1:
            yield encode(stream, f"{grain}={part}", whole)
            continue
        numbered = whole.with_columns((_bucket_column(stream, whole) % buckets).alias("_bucket"))
        for (bucket,), members in numbered.group_by("_bucket", maintain_order=True):
            name = f"{grain}={part}/bucket={bucket}-of-{buckets}"
            yield encode(stream, name, members.drop("_bucket"))


def encode(stream: str, partition: str, rows: pl.DataFrame) -> ParquetFile:
    """Encode rows as one Parquet file, sorted by id so that a look-up reads one row group of it."""
    at, name = time_column(stream), id_column(stream)
    rows = tagged(rows.sort(name, maintain_order=True))
    buffer = io.BytesIO()
    rows.write_parquet(
        buffer, compression="zstd", compression_level=3, row_group_size=_ROW_GROUP_ROWS
    )
    data = buffer.getvalue()
    bounds: dict[str, Any] = rows.select(
        first=pl.col(name).first(),
        last=pl.col(name).last(),
        since=pl.col(at).min(),
        until=pl.col(at).max(),
    ).row(0, named=True)
    segment = Segment(
        stream=stream,
        partition=partition,
        digest=digest_bytes(data),
        rows=rows.height,
        size_bytes=len(data),
        first_id=bounds["first"],
        last_id=bounds["last"],
        since=bounds["since"],
        until=bounds["until"],
    )
    return ParquetFile(segment=segment, data=data)


def time_part(partition: str) -> str:
    """Return the part of a partition's name that tells its time: files with the same may merge."""
    return partition.partition("/")[0]


def may_hold(partition: str, subject_hash: str) -> bool:
    """Tell whether a file of this partition may hold rows of a subject."""
    return bool(held_by(partition, [subject_hash]))


def held_by(partition: str, subjects: Sequence[str]) -> Sequence[str]:
    """Return those of some subjects of whom a file of this partition may hold rows."""
    _, _, bucket = partition.partition("/bucket=")
    index, _, buckets = bucket.partition("-of-")
    if not buckets:
        return subjects
    return [one for one in subjects if _bucket_of(one) % int(buckets) == int(index)]


def _grain(rows: pl.DataFrame, at: str) -> tuple[str, str]:
    """Return the finest grain whose parts are at least a quarter full, else the coarsest."""
    first, last = rows.select(first=pl.col(at).min(), last=pl.col(at).max()).row(0)
    for name, pattern, width in _GRAINS:
        if rows.height >= ROWS_PER_FILE / 4 * max(1.0, (last - first) / width):
            return name, pattern
    return _GRAINS[-1][:2]


def _bucket_of(subject_hash: str) -> int:
    """Return the bucket number of a keyed hash: its first four hexadecimal digits."""
    return int(subject_hash[: _BUCKET_BITS // 4], 16)


def _bucket_column(stream: str, rows: pl.DataFrame) -> pl.Expr:
    """Return the expression of `_bucket_of` per row; rows without a subject go by their id's tail."""
    name = id_column(stream)
    if name == "key":
        return pl.col(name).hash(seed=0) % (1 << _BUCKET_BITS)
    digits = _BUCKET_BITS // 4
    spread = pl.col(name).str.slice(-digits)
    if "subject" in rows.columns:
        spread = pl.coalesce(pl.col("subject").str.slice(0, digits), spread)
    return spread.str.to_integer(base=16)
