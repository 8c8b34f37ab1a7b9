"""Files without some subjects' rows."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import polars as pl
from msgspec.structs import replace

from towpath.assets.datasets.catalogue import manifest_of
from towpath.assets.datasets.changes.overlaying import needed
from towpath.assets.datasets.changes.profiling import batches
from towpath.assets.datasets.hashing import buckets_of
from towpath.assets.datasets.parquet import (
    EncodedFile,
    decode_file,
    delete_columns,
    encode_buckets,
    open_files,
    polars_schema,
    read_files,
    scan_texts,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

_THREADS = 4
_PATH = "__path"
_PLACE = "__place"
_LAYER = "__layer"
_TOP = "__top"
_Suspect: TypeAlias = "tuple[Manifest, DataFile]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """A file that held some of the subjects.

    Attributes:
        removed: Their rows in it, with all columns that the file has.
        key: Which of those tell rows apart.
        replacement: What takes the file's place; None where nobody is left.
    """

    removed: pl.DataFrame
    key: tuple[str, ...]
    replacement: EncodedFile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Without:
    """A version without the subjects.

    Attributes:
        manifest: Its next manifest.
        gone: The rows that it loses: those of the subjects that lived in it.
        touched: Digests of its files that held them, largest first.
    """

    manifest: Manifest
    gone: pl.DataFrame
    touched: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lost:
    """What a version loses with some of its files' entries.

    Attributes:
        gone: The subjects' rows that lived in it.
        superseded: By file that held them, in the manifest's order, how many of theirs did not.
    """

    gone: pl.DataFrame
    superseded: tuple[int, ...]


class Redaction:
    """Some subjects' absence from a data set's files.

    Every distinct file of their buckets is read once, and rewritten in memory if it holds one of them,
    however many versions share it, however many of them it holds, and however often it is asked for.
    """

    def __init__(self, blobs: BlobStore, subjects: Collection[str]) -> None:
        self._blobs = blobs
        self._subjects = pl.Series(sorted(subjects), dtype=pl.String)
        self._by_bucket: dict[int, dict[int, pl.Series]] = {}
        self._seen: dict[str, Redacted | None] = {}
        self._last: tuple[tuple[object, ...], _Lost] | None = None

    def read(self, versions: Iterable[Version]) -> None:
        """Read what has not been read yet of these versions' files."""
        unread: dict[str, _Suspect] = {}
        for version in versions:
            manifest = manifest_of(self._blobs, version)
            for file in self._suspects(manifest):
                if file.digest not in self._seen:
                    unread.setdefault(file.digest, (manifest, file))
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="redact") as pool:
            holding = [one for some in pool.map(self._holding, _alike(unread)) for one in some]
            redacted = list(pool.map(self._redact, (unread[digest] for digest in holding)))
        # Not before all were read: where one is missing, none of the others counts as read.
        self._seen.update(dict.fromkeys(unread))
        self._seen.update(zip(holding, redacted, strict=True))

    def _holding(self, some: Sequence[_Suspect]) -> list[str]:
        """Return which files hold one of the subjects, by the one column that names them.

        Small ones together: to plan a query takes longer than to read such a column.
        """
        subject, files = str(some[0][0].subject), [file for _, file in some]
        theirs = pl.col(subject).is_in(self._subjects.implode())
        with ExitStack() as held:
            paths = [str(path) for path in open_files(self._blobs, files, held)]
            rows = scan_texts(paths, subject, include_file_paths=_PATH)
            hits = set(rows.filter(theirs).select(pl.col(_PATH).unique()).collect()[_PATH])
        return [file.digest for file, path in zip(files, paths, strict=True) if path in hits]

    def holds(self, manifest: Manifest) -> bool:
        """Tell whether a version that was read holds one of the subjects, superseded or not."""
        return any(self._seen.get(file.digest) for file in manifest.files)

    def apply(self, manifest: Manifest) -> Without:
        """Return the version without the subjects.

        Rows that were superseded are no loss to the version, though they go as well. Nobody else's
        row is touched: whatever supersedes a row is an entry of the same subject.
        """
        lost = self._lost(manifest)
        files: list[DataFile] = []
        touched: list[DataFile] = []
        for file in manifest.files:
            redacted = self._seen.get(file.digest)
            if redacted is None:
                files.append(file)
                continue
            if redacted.replacement is not None:
                entry = redacted.replacement.entry
                left = file.superseded - lost.superseded[len(touched)]
                files.append(replace(entry, layer=file.layer, role=file.role, superseded=left))
            touched.append(file)
        rows = sorted((one for one in touched if one.role == "rows"), key=lambda one: -one.rows)
        return Without(
            manifest=manifest.with_files(needed(files)),
            gone=lost.gone,
            touched=tuple(one.digest for one in rows),
        )

    def _lost(self, manifest: Manifest) -> _Lost:
        """Return what a version loses; most often it is what the version before lost, too.

        No more than that is kept: of many subjects in many versions it would be all their rows, each time.
        """
        theirs = [file for file in manifest.files if self._seen.get(file.digest) is not None]
        places = tuple((file.digest, file.layer, file.role) for file in theirs)
        made_of = (manifest.columns, places)
        if self._last is None or self._last[0] != made_of:
            entries = self._entries(manifest, theirs)
            older = pl.col(_LAYER) < pl.col(_TOP)
            is_row = pl.col(_PLACE).is_in(
                [place for place, file in enumerate(theirs) if file.role == "rows"]
            )
            counts = dict(entries.filter(older & is_row).group_by(_PLACE).len().iter_rows())
            lost = _Lost(
                gone=entries.filter(~older & is_row).select(polars_schema(manifest).names()),
                superseded=tuple(counts.get(place, 0) for place in range(len(theirs))),
            )
            self._last = (made_of, lost)
        return self._last[1]

    def _entries(self, manifest: Manifest, theirs: Sequence[DataFile]) -> pl.DataFrame:
        """Return all the subjects' entries in a version, each with its layer and that of the newest.

        They alone tell which of their rows live, since nobody else's supersede them.
        """
        keys = list(manifest.key)
        schema = polars_schema(manifest)
        empty = pl.DataFrame(schema={**schema, _PLACE: pl.Int64, _LAYER: pl.Int64})
        parts = [
            redacted.removed.with_columns(
                pl.lit(place, pl.Int64).alias(_PLACE),
                pl.lit(file.layer, pl.Int64).alias(_LAYER),
            )
            for place, file in enumerate(theirs)
            if (redacted := self._seen[file.digest]) is not None
        ]
        entries = pl.concat([empty, *parts], how="diagonal")
        return entries.with_columns(pl.col(_LAYER).max().over(keys).alias(_TOP))

    def removed(self, manifest: Manifest) -> pl.DataFrame:
        """Return every row of the subjects in any file that was read, with a version's columns."""
        names = polars_schema(manifest)
        parts = [
            one.removed.select(name for name in one.removed.columns if name in names)
            for one in self._seen.values()
            if one is not None
        ]
        return pl.concat([pl.DataFrame(schema=names), *parts], how="diagonal").select(names.names())

    def left(self, manifest: Manifest, digest: str) -> pl.DataFrame:
        """Return everybody else's rows in a file that was rewritten, with a version's columns."""
        redacted = self._seen[digest]
        if redacted is None or redacted.replacement is None:
            return pl.DataFrame(schema=polars_schema(manifest))
        return decode_file(manifest, redacted.replacement.data)

    def within(self, manifests: list[Manifest]) -> tuple[int, int]:
        """Return how many distinct files of these versions hold the subjects, and how many keys go."""
        files = {file.digest for manifest in manifests for file in manifest.files}
        redacted = [one for digest in files if (one := self._seen.get(digest)) is not None]
        keys = (one.removed.select(one.key) for one in redacted)
        return len(redacted), pl.concat(keys, how="diagonal").n_unique() if redacted else 0

    def replacements(self) -> dict[str, memoryview]:
        """Return the bytes of every rewritten file by digest."""
        found = (one.replacement for one in self._seen.values() if one is not None)
        return {file.entry.digest: file.data for file in found if file is not None}

    def _suspects(self, manifest: Manifest) -> list[DataFile]:
        """Return the files of the subjects' buckets."""
        if manifest.subject is None:
            return []
        theirs = self._buckets(manifest.buckets)
        return [file for file in manifest.files if file.bucket in theirs]

    def _buckets(self, count: int) -> dict[int, pl.Series]:
        """Return the subjects of each bucket that has any, where there are `count` buckets."""
        if count not in self._by_bucket:
            found: defaultdict[int, list[str]] = defaultdict(list)
            for subject, bucket in zip(
                self._subjects.to_list(), buckets_of(self._subjects, count), strict=True
            ):
                found[int(bucket)].append(subject)
            self._by_bucket[count] = {
                bucket: pl.Series(some, dtype=pl.String) for bucket, some in found.items()
            }
        return self._by_bucket[count]

    def _redact(self, one: _Suspect) -> Redacted:
        manifest, file = one
        assert manifest.subject is not None
        assert file.bucket is not None
        subjects = self._buckets(manifest.buckets)[file.bucket]
        columns = delete_columns(manifest) if file.role == "deletes" else None
        rows = read_files(self._blobs, manifest, [file], columns=columns)
        theirs = rows[manifest.subject].is_in(subjects.implode()).fill_null(value=False)
        left = rows.filter(~theirs)
        encoded = encode_buckets(manifest, {file.bucket: left}, role=file.role)
        return Redacted(
            removed=rows.filter(theirs),
            key=manifest.key,
            replacement=encoded[0] if encoded else None,
        )


def _alike(unread: Mapping[str, _Suspect]) -> Iterator[list[_Suspect]]:
    """Yield files whose subjects are in columns of one name, a bounded number of rows at once."""
    named: defaultdict[str, list[_Suspect]] = defaultdict(list)
    for manifest, file in unread.values():
        named[str(manifest.subject)].append((manifest, file))
    for some in named.values():
        yield from batches(some, rows=lambda one: one[1].rows)
