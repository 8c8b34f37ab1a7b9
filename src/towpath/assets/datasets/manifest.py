"""The manifest: the one small document that says which files make up a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from towpath.assets.datasets.hashing import bucket_of
from towpath.assets.datasets.schema import ColumnType  # noqa: TC001 - msgspec reads annotations
from towpath.core.digests import canonical_json
from towpath.core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.assets.datasets.declaration import Dataset

FORMAT = 2
Role: TypeAlias = Literal["rows", "deletes"]


class ManifestColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column as the manifest records it; what a reader of the files must know."""

    name: str
    type: ColumnType
    nullable: bool
    personal: bool


class DataFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One content-addressed Parquet file, and its place in a version.

    Attributes:
        digest: SHA-256 of the file's bytes, and its name in the blob store.
        bucket: Which of the manifest's buckets its rows' subjects belong to; None for rows without a
            subject, and for data sets without subjects.
        rows: How many rows it has: live and superseded ones, or delete markers.
        size_bytes: Its length.
        time_min: Earliest event time in it, in microseconds since 1970 UTC; None without a time
            column. Never recorded where the time column is personal.
        time_max: Latest event time in it, likewise.
        layer: Its height in its bucket. A row lives unless its key occurs in a higher layer of the
            bucket; 0 is the base, what is above it are overlays. A key occurs once per layer.
        role: `rows`, or `deletes`: keys (with the subject of the row that each deletes) which say
            that a row of a lower layer does not live.
        superseded: How many of its rows do not live in this version; 0 for delete markers.
    """

    digest: str
    bucket: int | None
    rows: int
    size_bytes: int
    time_min: int | None
    time_max: int | None
    layer: int = 0
    role: Role = "rows"
    superseded: int = 0

    @property
    def live(self) -> int:
        """How many rows of the version it holds."""
        return self.rows - self.superseded if self.role == "rows" else 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything needed to read a version with nothing but the blob store.

    Encoded as canonical JSON, so that equal content has an equal digest. Files are ordered by bucket,
    layer, time and digest. It holds no value of any personal column. What needs neither overlays nor
    bytes is written as format 1, byte for byte as before there was a second.

    Within a bucket each subject is *self-contained*: whatever supersedes a subject's row is an entry
    (newer row, or delete marker) of the same subject. So taking every entry of one subject away
    changes nothing about anybody else's rows.

    Attributes:
        format: Version of this document's layout: 2 where files have layers, or columns hold bytes.
        dataset: The data set's name, without a branch. It is in the files too, so that two data sets
            never share one and an erasure need only look at its own.
        columns: In declared order, which is the order in the files.
        key: Columns that tell rows apart.
        time: The column that windows are cut by.
        subject: The column that rows are bucketed by.
        subject_field: What the subject is called across data sets.
        buckets: The N of Iceberg's `bucket[N]` transform of the subject column.
        files: The files.
    """

    format: int = 1
    dataset: str
    columns: tuple[ManifestColumn, ...]
    key: tuple[str, ...]
    time: str | None
    subject: str | None
    subject_field: str | None
    buckets: int
    files: tuple[DataFile, ...]

    @property
    def rows(self) -> int:
        """How many rows the version has: the live ones."""
        return sum(file.live for file in self.files)

    @property
    def size_bytes(self) -> int:
        """How many bytes its files have."""
        return sum(file.size_bytes for file in self.files)

    @property
    def layered(self) -> bool:
        """Whether any bucket has overlays, so that its files can't be read as they lie."""
        return any(file.layer or file.role == "deletes" for file in self.files)

    def encode(self) -> bytes:
        """Return the canonical JSON."""
        return canonical_json(self)

    def with_files(self, files: list[DataFile]) -> Manifest:
        """Return the same table with other files, put in order."""
        placed = msgspec.structs.replace(self, files=tuple(sorted(files, key=_order)))
        binary = any(column.type == "binary" for column in self.columns)
        return msgspec.structs.replace(placed, format=2 if placed.layered or binary else 1)

    def of_subject(self, value: str) -> list[DataFile]:
        """Return the files that may hold rows or delete markers of a subject: one bucket's."""
        if self.subject is None:
            return []
        bucket = bucket_of(value, self.buckets)
        return [file for file in self.files if file.bucket == bucket]

    def shard(self, part: tuple[int, int] | None) -> Manifest:
        """Return the manifest of one shard's files alone: whole buckets, so rows and layers hold."""
        if part is None:
            return self
        index, of = part
        mine = tuple(file for file in self.files if (file.bucket or 0) % of == index)
        return msgspec.structs.replace(self, files=mine)

    def overlapping(self, since: int | None, until: int | None) -> list[DataFile]:
        """Return the files that may hold live rows with since ≤ time < until, in microseconds."""
        return [file for file in self.files if file.live and _overlaps(file, since, until)]

    def above(self, files: Iterable[DataFile]) -> list[DataFile]:
        """Return the files whose keys decide which rows of `files` live: the overlays over them."""
        lowest: dict[int | None, int] = {}
        for file in files:
            if file.superseded:
                lowest[file.bucket] = min(file.layer, lowest.get(file.bucket, file.layer))
        return [
            file
            for file in self.files
            if file.bucket in lowest and file.layer > lowest[file.bucket]
        ]


def blank(dataset: Dataset) -> Manifest:
    """Return the manifest of a data set without files."""
    return Manifest(
        dataset=dataset.name,
        columns=tuple(
            ManifestColumn(
                name=column.name,
                type=column.type,
                nullable=column.nullable,
                personal=column.personal,
            )
            for column in dataset.columns
        ),
        key=dataset.key_columns,
        time=dataset.time,
        subject=dataset.subject,
        subject_field=dataset.subject_field,
        buckets=dataset.buckets,
        files=(),
    )


def decode(data: bytes, *, digest: str) -> Manifest:
    """Read a manifest.

    Raises:
        IntegrityError: It is not a manifest, or of a format that this version does not know.
    """
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise IntegrityError(f"blob {digest} is not a data set's manifest: {error}") from error
    if not 1 <= manifest.format <= FORMAT:
        raise IntegrityError(
            f"manifest {digest} has format {manifest.format}, and this Towpath reads 1 to {FORMAT}",
            remedy="Use the version of Towpath that wrote it, or a later one.",
        )
    return manifest


def _order(file: DataFile) -> tuple[int, int, int, str]:
    return (
        -1 if file.bucket is None else file.bucket,
        file.layer,
        -1 if file.time_min is None else file.time_min,
        file.digest,
    )


def _overlaps(file: DataFile, since: int | None, until: int | None) -> bool:
    if file.time_min is None or file.time_max is None:
        return True
    return (since is None or file.time_max >= since) and (until is None or file.time_min < until)
