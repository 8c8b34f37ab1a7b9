"""From the rows of one version to those of the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.datasets.catalogue import manifest_of
from towpath.assets.datasets.layers import read_live
from towpath.assets.datasets.suppression import Suppression
from towpath.core.errors import NotFound

if TYPE_CHECKING:
    from typing import Self

    from towpath.assets.datasets import Dataset, DatasetStore, Mode
    from towpath.assets.datasets.contract import Also
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

_ATTEMPTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What is added to.

    Attributes:
        version: The latest version; None for none.
        rows: Its rows.
        suppression: The withdrawn subjects.
    """

    version: Version | None
    rows: pl.DataFrame
    suppression: Suppression

    @classmethod
    def read(
        cls, ledger: Ledger, blobs: BlobStore, dataset: Dataset, *, branch: str | None
    ) -> Self:
        """Return the latest version of a line.

        Raises:
            NotFound: Erasures replaced its files several times over.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            with ledger.read() as tx:
                version = tx.versions.latest("dataset", dataset.ref.on(branch).name)
                suppression = Suppression.read(tx)
            if version is None:
                rows = dataset.schema.polars_schema().to_frame()
                return cls(version=None, rows=rows, suppression=suppression)
            try:
                rows = read_live(blobs, manifest_of(blobs, version))
            except NotFound:
                if attempt == _ATTEMPTS:
                    raise
                continue  # an erasure replaced files that this was reading
            return cls(version=version, rows=rows, suppression=suppression)
        raise AssertionError("the last attempt returns or raises")

    @property
    def number(self) -> int:
        """Its number; 0 for none."""
        return 0 if self.version is None else self.version.ref.version or 0

    def bytes_by_path(self) -> dict[str, tuple[str, int]]:
        """Return what lies at each path: digest and length."""
        names = (self.rows[name].to_list() for name in ("path", "digest", "size_bytes"))
        return {path: (digest, size) for path, digest, size in zip(*names, strict=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From one version's rows to the next one's.

    Attributes:
        rows: The rows that were looked at, as they are to be.
        differing: Those that are new or other ones.
        removed: Paths that go.
        base: What it starts from.
    """

    rows: pl.DataFrame
    differing: pl.DataFrame
    removed: pl.DataFrame
    base: Base

    @property
    def is_empty(self) -> bool:
        """Whether there is a version already that says all of it."""
        return (
            self.base.version is not None and self.differing.is_empty() and self.removed.is_empty()
        )

    def commit(
        self,
        datasets: DatasetStore,
        dataset: Dataset,
        *,
        project: str,
        branch: str | None,
        made_by: str | None,
        also: Also | None = None,
    ) -> Version:
        """Commit it on top of its base, storing no more rows than have to change.

        Raises:
            Conflict: Its base is not the latest version any more.
        """
        mode: Mode
        if self.base.version is None or self._declared_otherwise():
            mode, rows = "overwrite", self._whole()
        elif self.removed.is_empty():
            mode, rows = "merge", self.differing
        elif self.differing.is_empty():
            mode, rows = "delete", self.removed
        else:
            mode, rows = "overwrite", self._whole()
        return datasets.commit(
            dataset,
            rows,
            project=project,
            mode=mode,
            expected=self.base.number,
            made_by=made_by,
            branch=branch,
            also=also,
        )

    def _declared_otherwise(self) -> bool:
        return self.base.rows.schema != self.rows.schema

    def _whole(self) -> pl.DataFrame:
        """Return the next version's rows: what was looked at, and what was not and stays."""
        stays = self.base.rows.join(self.rows, on="path", how="anti")
        stays = stays.join(self.removed, on="path", how="anti")
        both = pl.concat([self.rows, stays], how="diagonal_relaxed")
        return both.select(self.rows.columns)
