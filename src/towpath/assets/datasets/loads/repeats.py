"""Which rows of a load another row stands for: equal ones that came twice, or are there already."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from towpath.assets.datasets.loads.collisions import (
    PLACE,
    Ranges,
    Seeds,
    hash_rows,
    judge,
    suspects,
)
from towpath.assets.datasets.parquet import open_files, read_files
from towpath.core.errors import SchemaViolation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from towpath.assets.datasets.loads.collisions import Suspects
    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.storage.blobs import BlobStore

_STORED = -1
_KEYS_NAMED = 3


class Repeats:
    """Finds the repeats among the files of a load, and between them and the rows of a version.

    Pieces whose keys lie apart, by the bounds in their files' footers, are not read at all; of a
    version's rows only those within the load's bounds are.

    Args:
        blobs: Where the files are.
        manifest: The columns and the key.
        files: The load's files, in the order of its pieces.
        pieces: How many of them each piece has.
        stored: The version's rows, if the load adds to one; lazy.
        last_wins: Whether a later piece replaces an earlier one's row, instead of clashing with it.
    """

    def __init__(
        self,
        blobs: BlobStore,
        manifest: Manifest,
        files: Sequence[DataFile],
        pieces: Sequence[int],
        *,
        stored: pl.LazyFrame | None,
        last_wins: bool,
    ) -> None:
        self._blobs = blobs
        self._manifest = manifest
        self._files = files
        self._pieces = pieces
        self._last_wins = last_wins
        self._keys = list(manifest.key)
        self._seeds = Seeds()
        self._bounds = self._piece_bounds()
        self._stored = None if stored is None else self._near(stored)

    def find(self, columns: Sequence[str]) -> dict[int, NDArray[np.bool_]]:
        """Return, by place in `files`, which rows repeat; files without repeats are left out.

        Args:
            columns: What tells two rows of one key apart.

        Raises:
            SchemaViolation: A key occurs again with other values.
        """
        if self._lie_apart():
            return {}
        with ExitStack() as held:
            folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="towpath-keys-")))
            rows = sum(file.rows for file in self._files)
            keys = held.enter_context(
                closing(Ranges(folder, "keys", np.dtype(np.uint64), rows=2 * rows))
            )
            for _, frame in self._frames(self._keys):
                keys.add(hash_rows(frame, self._keys, self._seeds.key))
            suspected = suspects(keys)
            if not suspected.count:
                return {}
            places = held.enter_context(closing(Ranges(folder, "places", PLACE, rows=2 * rows)))
            for records in self._records(suspected, columns):
                places.add(records)
            return self._judged(places)

    def _judged(self, places: Ranges) -> dict[int, NDArray[np.bool_]]:
        marks: dict[int, NDArray[np.uint8]] = {}
        clashing: list[NDArray[Any]] = []
        clashes = 0
        for records in places.read():
            verdict = judge(records, last_wins=self._last_wins)
            clashes += verdict.clashing.size
            clashing.append(verdict.clashing[:_KEYS_NAMED])
            for part in np.unique(verdict.dropped["part"]):
                at = verdict.dropped["place"][verdict.dropped["part"] == part]
                bits = marks.setdefault(int(part), _no_bits(self._files[int(part)].rows))
                np.bitwise_or.at(bits, at >> 3, (1 << (at & 7)).astype(np.uint8))
        if clashes:
            raise self._violation(clashes, np.concatenate(clashing)[:_KEYS_NAMED])
        return {
            part: np.unpackbits(bits, count=self._files[part].rows, bitorder="little").astype(bool)
            for part, bits in marks.items()
        }

    def _records(self, suspected: Suspects, columns: Sequence[str]) -> Iterator[NDArray[Any]]:
        """Yield what decides, for every row whose key is suspected."""
        seeds, seen = self._seeds, 0
        for part, keys in self._frames(self._keys):
            places = np.flatnonzero(suspected.among(hash_rows(keys, self._keys, seeds.key)))
            if places.size and part != _STORED:
                rows = read_files(self._blobs, self._manifest, [self._files[part]])[places]
                yield self._placed(rows, columns, part, places)
        if self._stored is None:
            return
        wanted = list(dict.fromkeys([*self._keys, *columns]))
        for rows in _batches(self._stored.select(wanted)):
            places = np.flatnonzero(suspected.among(hash_rows(rows, self._keys, seeds.key)))
            if places.size:
                yield self._placed(rows[places], columns, _STORED, places + seen)
            seen += rows.height

    def _placed(
        self, rows: pl.DataFrame, columns: Sequence[str], part: int, places: NDArray[np.intp]
    ) -> NDArray[Any]:
        records = np.empty(rows.height, dtype=PLACE)
        records["key"] = hash_rows(rows, self._keys, self._seeds.key)
        records["key2"] = hash_rows(rows, self._keys, self._seeds.key2)
        records["row"] = hash_rows(rows, columns, self._seeds.row)
        records["part"] = part
        records["place"] = places
        return records

    def _frames(self, columns: Sequence[str]) -> Iterator[tuple[int, pl.DataFrame]]:
        for part, file in enumerate(self._files):
            yield part, read_files(self._blobs, self._manifest, [file], columns=columns)
        if self._stored is not None:
            for rows in _batches(self._stored.select(columns)):
                yield _STORED, rows

    def _piece_bounds(self) -> list[tuple[Any, Any] | None]:
        """Return the least and greatest value of the first key column per piece; None: not known."""
        bounds: list[tuple[Any, Any] | None] = []
        files = iter(self._files)
        for count in self._pieces:
            found = [self._file_bounds(next(files)) for _ in range(count)]
            known = [one for one in found if one is not None]
            if found:
                whole = (min(low for low, _ in known), max(high for _, high in known))
                bounds.append(whole if len(known) == len(found) else None)
        return bounds

    def _file_bounds(self, file: DataFile) -> tuple[Any, Any] | None:
        first = self._manifest.key[0]
        with ExitStack() as held:
            [path] = open_files(self._blobs, [file], held)
            footer = pq.read_metadata(path)
        place = footer.schema.names.index(first)
        groups = [footer.row_group(one).column(place) for one in range(footer.num_row_groups)]
        statistics = [group.statistics for group in groups]
        if any(one is None or not one.has_min_max for one in statistics):
            return None
        return min(one.min for one in statistics), max(one.max for one in statistics)

    def _lie_apart(self) -> bool:
        """Tell whether no two pieces, nor any and the version, can have a key in common."""
        known = sorted(one for one in self._bounds if one is not None)
        if len(known) < len(self._bounds):
            return False
        if any(one[1] >= other[0] for one, other in pairwise(known)):
            return False
        return self._stored is None or self._stored.select(self._keys).head(1).collect().is_empty()

    def _near(self, stored: pl.LazyFrame) -> pl.LazyFrame:
        known = [one for one in self._bounds if one is not None]
        if not known or len(known) < len(self._bounds):
            return stored
        low, high = min(one[0] for one in known), max(one[1] for one in known)
        return stored.filter(pl.col(self._keys[0]).is_between(pl.lit(low), pl.lit(high)))

    def _violation(self, count: int, clashing: NDArray[Any]) -> SchemaViolation:
        name, keys = self._manifest.dataset, ", ".join(self._keys)
        personal = {column.name for column in self._manifest.columns if column.personal}
        first = ""
        if not personal.intersection(self._keys):
            shown = ", ".join(self._key_at(int(one["part"]), int(one["place"])) for one in clashing)
            first = f", first {shown}"
        return SchemaViolation(
            f"column {keys!r} of data set {name!r} repeats a key with other values in {count} of "
            f"{sum(file.rows for file in self._files)} rows{first}",
            remedy="No version was made. Mend the source, or load with mode='merge' if later rows "
            "replace earlier ones.",
            dataset=name,
            column=keys,
            count=count,
        )

    def _key_at(self, part: int, place: int) -> str:
        keys = read_files(self._blobs, self._manifest, [self._files[part]], columns=self._keys)
        return " ".join(f"{name} {value!r}" for name, value in keys.row(place, named=True).items())


def same_content(one: pl.LazyFrame, other: Iterable[pl.DataFrame]) -> bool:
    """Tell whether two tables of as many rows hold the same ones, in any order, in one pass over each.

    Compares sums of two 64-bit hashes per row under seeds drawn for the occasion. Rows are told apart
    by keys within each table, so no row can stand in twice for another.
    """
    seeds = Seeds()
    return _content_sums(_batches(one), seeds) == _content_sums(other, seeds)


def _content_sums(frames: Iterable[pl.DataFrame], seeds: Seeds) -> tuple[int, int]:
    sums = [0, 0]
    for frame in frames:
        for place, seed in enumerate((seeds.row, seeds.key)):
            sums[place] += int(hash_rows(frame, frame.columns, seed).sum(dtype=np.uint64))
    return sums[0] % (1 << 64), sums[1] % (1 << 64)


def _no_bits(rows: int) -> NDArray[np.uint8]:
    return np.zeros(-(-rows // 8), dtype=np.uint8)


def _batches(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    yield from rows.collect_batches(maintain_order=True)
