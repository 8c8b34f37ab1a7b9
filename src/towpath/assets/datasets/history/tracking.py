"""Follows rows through the versions of a data set: which of them still carry these very rows.

A row is told by its key and by its content, so that a corrected row is not the bad one any more. Versions
share files, and which of a file's rows live is said by the layers above it. So each distinct file is read
once, whatever number of versions it is in: which of the rows asked about it holds, and which of their keys
occur in it at all. What a version carries follows from those by the rule of layers (`layers`), in memory:
in each bucket, the rows that a file holds and whose keys no higher layer has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from towpath.assets.datasets.catalogue import Catalogue, manifest_of, require_readable
from towpath.assets.datasets.layers import read_live
from towpath.assets.datasets.parquet import delete_columns, polars_schema, read_files
from towpath.assets.datasets.scanning import scan_manifest
from towpath.core.errors import Conflict, NotFound, UsageError
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from typing import TypeAlias, TypeVar

    from numpy.typing import NDArray

    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

    Places: TypeAlias = NDArray[np.int64]
    _T = TypeVar("_T")

ROW = "__row"
_OTHER = "\0theirs"
_ATTEMPTS = 4
_FEW = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What one version has of the rows asked about.

    Attributes:
        version: The version.
        rows: How many of these very rows live in it: same key, same content.
        changed: How many of their keys live in it with other content: corrected, or otherwise wrong.
        places: Which rows, as positions in `Tracked.rows`, ascending.
    """

    version: Version
    rows: int
    changed: int
    places: Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """Rows of one version, and where they went.

    Attributes:
        version: The version that they were picked from.
        rows: The rows themselves, whole. Personal data: it is for computing, and must not be kept.
        key: Columns that tell them apart.
        time: The column that windows are cut by; None where there is none.
        carried: Every readable version of the data set, on all its lines, oldest first.
        files_read: How many distinct files were looked into.
    """

    version: Version
    rows: pl.DataFrame
    key: tuple[str, ...]
    time: str | None
    carried: tuple[Carried, ...]
    files_read: int

    def inside(self, places: Places, since: datetime | None, until: datetime | None) -> Places:
        """Return those of some rows whose event time is in [since, until)."""
        if self.time is None or (since is None and until is None):
            return places
        time = pl.col(self.time)
        bounds = [pl.lit(value=True)]
        bounds += [] if since is None else [time >= since]
        bounds += [] if until is None else [time < until]
        holds = self.rows.select(pl.all_horizontal(bounds)).to_series().to_numpy()
        return places[holds[places]]


class RowTracker:
    """Picks rows of a version, and finds them in others. Thread-safe.

    Cost: one scan of the version for the rows, then the key columns of every distinct file of the data
    set whose bounds may meet their keys, and all columns of the rows found. Memory holds the rows, and
    eight bytes for each of them in each file.
    """

    def __init__(self, ledger: Ledger, blobs: BlobStore) -> None:
        self._ledger = ledger
        self._blobs = blobs

    def track(self, ref: Ref, where: pl.Expr) -> Tracked:
        """Find the rows of a version for which a condition holds, in all versions of its data set.

        Args:
            ref: The version; without a number the latest.
            where: The condition, over the version's columns. A null counts as no.

        Raises:
            NotFound: There is no such version or column, or its rows were collected.
            UsageError: The condition is none for these columns.
            Conflict: Erasures replaced files meanwhile, several times over.
        """

        def attempt() -> Tracked:
            with self._ledger.read() as tx:
                version = require_readable(tx.versions.get(ref))
                family = Catalogue.read(tx, version.ref.name).versions
            manifest = manifest_of(self._blobs, version)
            rows = self._picked(version, where)
            carried, files = self._carried(rows, manifest, family)
            return Tracked(
                version=version,
                rows=rows,
                key=manifest.key,
                time=manifest.time,
                carried=carried,
                files_read=files,
            )

        return self._retrying(ref, attempt)

    def track_subject(self, name: str, value: str) -> Tracked | None:
        """Find every row that versions of a data set hold about a subject; None without a subject column.

        A row is one content under one key: a person whose row was corrected has two. Reads one bucket
        of each version.

        Args:
            name: The data set.
            value: What its rows call the subject; its keyed hash where they hold that.

        Raises:
            NotFound: There is no such data set.
            Conflict: As for `track`.
        """

        def attempt() -> Tracked | None:
            with self._ledger.read() as tx:
                latest = tx.versions.get(Ref("dataset", name))
                family = Catalogue.read(tx, name).versions
            manifest = manifest_of(self._blobs, latest)
            if manifest.subject is None:
                return None
            held = {one.ref: self._about(one, value) for one in family}
            rows = pl.concat([pl.DataFrame(), *held.values()], how="diagonal_relaxed")
            rows = rows.unique(maintain_order=True).with_row_index(ROW)
            carried = tuple(_subset(one, held[one.ref], rows) for one in family)
            return Tracked(
                version=latest,
                rows=rows.drop(ROW),
                key=manifest.key,
                time=manifest.time,
                carried=carried,
                files_read=0,
            )

        return self._retrying(Ref("dataset", name), attempt)

    def _about(self, version: Version, value: str) -> pl.DataFrame:
        """Return a version's own rows about a subject."""
        manifest = manifest_of(self._blobs, version)
        if manifest.subject is None:
            return pl.DataFrame()
        rows = read_live(self._blobs, manifest, manifest.of_subject(value))
        return rows.filter(pl.col(manifest.subject) == value)

    def carried_by(self, tracked: Tracked, ref: Ref) -> Carried | None:
        """Find tracked rows in a version of another data set, such as a part that was split off.

        None where rows of the two can't be compared: it is keyed otherwise, or lacks a column of the key.
        Columns that only one of the two has are left out of the comparison.

        Raises:
            NotFound: There is no such version, or its rows were collected.
            Conflict: As for `track`.
        """

        def attempt() -> Carried | None:
            with self._ledger.read() as tx:
                version = require_readable(tx.versions.get(ref))
            manifest = manifest_of(self._blobs, version)
            if tuple(manifest.key) != tuple(tracked.key):
                return None
            schema, theirs = tracked.rows.schema, polars_schema(manifest)
            if any(schema[name] != theirs[name] for name in tracked.key):
                return None
            finder = _Finder(self._blobs, tracked.rows, tracked.key, only_shared=True)
            return finder.carried(version, manifest)

        return self._retrying(ref, attempt)

    def _picked(self, version: Version, where: pl.Expr) -> pl.DataFrame:
        try:
            found = scan_manifest(self._blobs, version.body["manifest"]).filter(where)
            return found.collect(engine="streaming")
        except pl.exceptions.PolarsError as error:
            raise UsageError(
                f"the condition does not hold for rows of {version.ref}: {_first_line(error)}",
                remedy=f"Its columns: towpath dataset show {version.ref.name}.",
            ) from error

    def _carried(
        self, rows: pl.DataFrame, manifest: Manifest, family: Sequence[Version]
    ) -> tuple[tuple[Carried, ...], int]:
        finder = _Finder(self._blobs, rows, manifest.key)
        found = tuple(finder.carried(one, manifest_of(self._blobs, one)) for one in family)
        return found, finder.files_read

    def _retrying(self, ref: Ref, attempt: Callable[[], _T]) -> _T:
        """Try again where an erasure replaced files under it."""
        for _ in range(_ATTEMPTS):
            before = self._events_of(ref)
            try:
                return attempt()
            except NotFound:
                if self._events_of(ref) == before:
                    raise
        raise Conflict(
            f"data set {ref.trunk!r} is being erased from faster than its rows can be followed",
            remedy="Try again when the erasures are done.",
            dataset=ref.trunk,
        )

    def _events_of(self, ref: Ref) -> tuple[tuple[str, int], ...]:
        with self._ledger.read() as tx:
            versions = Catalogue.read(tx, ref.name).versions
        return tuple((str(one.ref), one.revision) for one in versions)


@dataclass(frozen=True, slots=True)
class _InFile:
    """Which rows asked about a file holds, and whose keys are in it, live or not, marked or not."""

    held: Places
    keyed: Places


class _Finder:
    """Looks rows up in files, each once, and says which of them a version carries."""

    def __init__(
        self,
        blobs: BlobStore,
        rows: pl.DataFrame,
        key: Sequence[str],
        *,
        only_shared: bool = False,
    ) -> None:
        self._blobs = blobs
        self._key = list(key)
        self._rows = rows.with_row_index(ROW)
        self._keys = self._rows.select(*self._key, pl.col(ROW).cast(pl.Int64))
        self._only_shared = only_shared
        self._known: dict[tuple[str, str], _InFile] = {}
        self._bounds = _near(rows.select(self._key))

    @property
    def files_read(self) -> int:
        """How many distinct files were looked into."""
        return len(self._known)

    def carried(self, version: Version, manifest: Manifest) -> Carried:
        """Return what a version has of the rows."""
        count = self._rows.height
        carries, keyed = np.zeros(count, bool), np.zeros(count, bool)
        if count and self._comparable(manifest):
            buckets: dict[int | None, list[DataFile]] = {}
            for file in manifest.files:
                buckets.setdefault(file.bucket, []).append(file)
            for files in buckets.values():
                self._in_bucket(manifest, files, carries, keyed)
        places = np.flatnonzero(carries)
        changed = int(np.count_nonzero(keyed & ~carries))
        return Carried(version=version, rows=len(places), changed=changed, places=places)

    def _in_bucket(
        self,
        manifest: Manifest,
        files: Sequence[DataFile],
        carries: NDArray[np.bool_],
        keyed: NDArray[np.bool_],
    ) -> None:
        """Apply the rule of layers, from the top down: a key that a higher layer has is decided."""
        decided = np.zeros(len(carries), bool)
        for layer in sorted({file.layer for file in files}, reverse=True):
            inside = [
                (file, self._in_file(manifest, file)) for file in files if file.layer == layer
            ]
            for file, found in inside:
                if file.role == "rows":
                    carries[found.held[~decided[found.held]]] = True
                    keyed[found.keyed[~decided[found.keyed]]] = True
            for _, found in inside:
                decided[found.keyed] = True

    def _comparable(self, manifest: Manifest) -> bool:
        """Tell whether rows can be told apart in a version as they are here."""
        schema, mine = polars_schema(manifest), self._rows.schema
        same_key = list(manifest.key) == self._key
        return same_key and all(schema[name] == mine[name] for name in self._key)

    def _in_file(self, manifest: Manifest, file: DataFile) -> _InFile:
        # What a column that a file lacks means is said by the manifest, so columns belong to the answer.
        columns = repr([(one.name, one.type) for one in manifest.columns])
        place = (file.digest, columns)
        if place not in self._known:
            self._known[place] = self._read(manifest, file)
        return self._known[place]

    def _read(self, manifest: Manifest, file: DataFile) -> _InFile:
        if file.role == "deletes":
            markers = read_files(
                self._blobs, manifest, [file], columns=delete_columns(manifest), where=self._bounds
            )
            keyed = self._keys.join(markers.select(self._key), on=self._key, how="semi")
            return _InFile(held=_places(keyed.head(0)), keyed=_places(keyed))
        keys = read_files(self._blobs, manifest, [file], columns=self._key, where=self._bounds)
        keyed = self._keys.join(keys, on=self._key, how="semi")
        if keyed.is_empty():
            return _InFile(held=_places(keyed), keyed=_places(keyed))
        theirs = read_files(self._blobs, manifest, [file], where=self._wanted(keyed))
        both = self._rows.join(theirs, on=self._key, how="inner", suffix=_OTHER)
        held = both.filter(self._equal(theirs.schema)).select(pl.col(ROW).cast(pl.Int64))
        return _InFile(held=_places(held), keyed=_places(keyed))

    def _wanted(self, keyed: pl.DataFrame) -> pl.Expr | None:
        """Return what holds for the rows to be read whole; of few, other columns are decoded of them alone."""
        if len(self._key) == 1 and keyed.height <= _FEW:
            (name,) = self._key
            return pl.col(name).is_in(keyed[name].implode())
        return self._bounds

    def _equal(self, theirs: Mapping[str, pl.DataType]) -> pl.Expr:
        """Return whether two rows of one key are equal; a column that one lacks counts as null."""
        conditions = [pl.lit(value=True)]
        mine = {name: kind for name, kind in self._rows.schema.items() if name != ROW}
        for name in dict.fromkeys([*mine, *theirs]):
            if name in self._key:
                continue
            if name in mine and name in theirs:
                left, right = pl.col(name), pl.col(name + _OTHER)
                kinds = (mine[name], theirs[name])
                if kinds[0] != kinds[1] and not all(kind.is_numeric() for kind in kinds):
                    left, right = left.cast(pl.String), right.cast(pl.String)
                conditions.append(left.eq_missing(right))
            elif not self._only_shared:
                conditions.append(pl.col(name).is_null())
        return pl.all_horizontal(conditions)


def _subset(version: Version, held: pl.DataFrame, rows: pl.DataFrame) -> Carried:
    """Return which of all rows are those that a version holds."""
    if held.is_empty():
        places = np.zeros(0, np.int64)
    else:
        missing = [
            pl.lit(None, rows.schema[name]).alias(name)
            for name in rows.columns
            if name not in {ROW, *held.columns}
        ]
        mine = held.with_columns(missing).cast(
            {name: rows.schema[name] for name in rows.columns if name != ROW}
        )
        names = [name for name in rows.columns if name != ROW]
        places = _places(rows.join(mine, on=names, how="semi", nulls_equal=True))
    return Carried(version=version, rows=len(places), changed=0, places=places)


def _places(found: pl.DataFrame) -> Places:
    return found[ROW].sort().to_numpy().astype(np.int64)


def _near(keys: pl.DataFrame) -> pl.Expr | None:
    """Return what holds for the keys, and can be told from the bounds of a file's row groups."""
    if keys.is_empty():
        return None
    return pl.all_horizontal(
        pl.col(name).is_between(pl.lit(keys[name].min(), kind), pl.lit(keys[name].max(), kind))
        for name, kind in keys.schema.items()
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


__all__ = ["ROW", "Carried", "RowTracker", "Tracked"]
