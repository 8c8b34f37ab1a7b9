"""What rules may read beside the rows that they judge: the version before, and other data sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.datasets.scanning import scan_manifest
from towpath.assets.datasets.validation import broken_declaration
from towpath.core.errors import NotFound
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from towpath.assets.checks import Broken
    from towpath.assets.datasets.declaration import Dataset
    from towpath.ledger.contract import Ledger
    from towpath.storage.blobs import BlobStore


@dataclass(slots=True, kw_only=True)
class Beside:
    """See `towpath.assets.checks.Surroundings`.

    Attributes:
        dataset: The declaration that the rows judged fit.
        ledger: Finds other data sets' versions.
        blobs: Where files are.
        at: The moment of the judgement.
        there: Frames of rows that stay beside those judged, such as the version before.
        against: Versions of other data sets that were looked into, by data set.
    """

    dataset: Dataset
    ledger: Ledger
    blobs: BlobStore
    at: datetime
    there: list[pl.LazyFrame]
    against: dict[str, Ref] = field(default_factory=dict[str, Ref])
    _manifests: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def columns(self) -> Mapping[str, pl.DataType]:
        """See `Surroundings.columns`."""
        return self.dataset.schema.polars_schema()

    @property
    def key(self) -> tuple[str, ...]:
        """See `Surroundings.key`."""
        return self.dataset.key_columns

    @property
    def time(self) -> str | None:
        """See `Surroundings.time`."""
        return self.dataset.time

    def declared(self, rows: pl.DataFrame) -> list[Broken]:
        """See `Surroundings.declared`."""
        return broken_declaration(self.dataset, rows)

    def stored(self, columns: Sequence[str]) -> pl.LazyFrame:
        """See `Surroundings.stored`."""
        names = list(dict.fromkeys([*self.key, *columns]))
        types = self.columns
        frames = [
            with_columns(frame, {name: types[name] for name in names}) for frame in self.there
        ]
        return pl.concat(frames) if frames else pl.LazyFrame(schema={n: types[n] for n in names})

    def column_of(self, dataset: str, columns: Sequence[str]) -> pl.LazyFrame:
        """See `Surroundings.column_of`. One version is read throughout, whoever commits meanwhile."""
        if dataset not in self._manifests:
            with self.ledger.read() as tx:
                version = tx.versions.latest("dataset", dataset)
            if version is None:
                raise NotFound(
                    f"data set {dataset!r} has no version that a rule of data set "
                    f"{self.dataset.name!r} could look keys up in",
                    remedy=f"Commit {dataset!r} first.",
                )
            self.against[dataset] = version.ref
            self._manifests[dataset] = version.body["manifest"]
        return scan_manifest(self.blobs, self._manifests[dataset], columns=list(columns))


def with_columns(frame: pl.LazyFrame, wanted: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Return some columns of rows that may have been stored before one of them was declared."""
    held = frame.collect_schema()
    return frame.select(
        pl.col(name) if name in held else pl.lit(None, dtype=kind).alias(name)
        for name, kind in wanted.items()
    )
