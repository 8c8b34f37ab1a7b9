"""How many bytes each data set keeps: of all its versions and branches, what they share once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from towpath.assets.datasets.catalogue import Catalogue, manifest_of
from towpath.assets.datasets.lines import trunk_of
from towpath.assets.filesets.marking import fileset_names
from towpath.core.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore

T = TypeVar("T")
_ATTEMPTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What a data set keeps.

    Attributes:
        project: Whose it is.
        dataset: Its name, without a branch; a quarantine is a data set of its own.
        size_bytes: Rows, manifests and profiles of every version that can be read, and the files of a
            file set, each blob once. Bytes that two file sets share count for the first by name.
    """

    project: str
    dataset: str
    size_bytes: int


class Holdings:
    """Reads what is kept. Remembers what it read: a data set costs again only once it has changed.

    What a data set has is what its manifests list, so a look at one that changed costs a read of each
    manifest, and for a file set of the `digest` column of each distinct file of rows.

    Not counted, because no data set owns them: results of steps, models, decisions, feature layouts.

    Args:
        ledger: Where versions are.
        blobs: Where manifests and rows are.
    """

    def __init__(self, ledger: Ledger, blobs: BlobStore) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._rows: dict[str, tuple[Catalogue, int]] = {}
        self._files: tuple[list[Catalogue], dict[str, int]] = ([], {})

    def read(self) -> list[Holding]:
        """Return what every data set keeps now, by name.

        Raises:
            Conflict: Erasures replaced manifests faster than they could be read.
        """
        with self._ledger.read() as tx:
            trunks = {
                asset.name: asset.project
                for asset in tx.versions.assets("dataset")
                if asset.name == trunk_of(asset.name)
            }
        self._rows = {name: _insist(lambda name=name: self._look(name)) for name in trunks}
        files = _insist(self._look_at_files)
        return [
            Holding(
                project=trunks[name],
                dataset=name,
                size_bytes=self._rows[name][1] + files.get(name, 0),
            )
            for name in sorted(trunks)
        ]

    def _look(self, name: str) -> tuple[Catalogue, int]:
        """Return a data set's versions, and how many bytes their rows have."""
        known = self._rows.get(name)
        with self._ledger.read() as tx:
            if known is not None and known[0].is_current(tx):
                return known
            seen = Catalogue.read(tx, name)
        sizes: dict[str, int] = {}
        for version in seen.versions:
            for file in manifest_of(self._blobs, version).files:
                sizes[file.digest] = file.size_bytes
            for part in ("manifest", "profile"):
                digest = version.body[part]
                if digest not in sizes:
                    sizes[digest] = self._blobs.size_bytes(digest)
        return seen, sum(sizes.values())

    def _look_at_files(self) -> Mapping[str, int]:
        """Return how many bytes the files of each file set have."""
        seen, known = self._files
        with self._ledger.read() as tx:
            names = sorted(fileset_names(tx))
            if [one.dataset for one in seen] == names and all(one.is_current(tx) for one in seen):
                return known
            seen = [Catalogue.read(tx, name) for name in names]
        sizes = self._sizes(seen)
        self._files = (seen, sizes)
        return sizes

    def _sizes(self, seen: list[Catalogue]) -> dict[str, int]:
        listed = [pl.DataFrame(schema={"set": pl.String, "digest": pl.String, "size": pl.Int64})]
        for catalogue in seen:
            digests = {
                file.digest
                for version in catalogue.versions
                for file in manifest_of(self._blobs, version).files
                if file.role == "rows"
            }
            for digest in sorted(digests):
                with self._blobs.open_local(digest) as path:
                    rows = pl.read_parquet(path, columns=["digest", "size_bytes"])
                listed.append(
                    rows.select(
                        pl.lit(catalogue.dataset).alias("set"),
                        "digest",
                        pl.col("size_bytes").cast(pl.Int64).alias("size"),
                    ).unique()
                )
        once = pl.concat(listed).unique("digest", keep="first", maintain_order=True)
        return dict(once.group_by("set").agg(pl.col("size").sum()).iter_rows())


def _insist(look: Callable[[], T]) -> T:
    """Look again where an erasure or a collection took away what was being read."""
    for _ in range(_ATTEMPTS):
        try:
            return look()
        except NotFound:
            continue
    raise Conflict(
        "data sets change faster than what they keep can be read",
        remedy="It is read again in a few minutes.",
    )
