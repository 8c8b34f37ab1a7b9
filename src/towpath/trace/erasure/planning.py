"""Computes what an erasure would touch, by reading only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.datasets.hashing import bucket_of
from towpath.core.refs import Ref
from towpath.trace.erasure.contract import AffectedDataset, AffectedModel, ErasurePlan
from towpath.trace.erasure.derived import derived_from
from towpath.trace.erasure.subjects import datasets_about, require_known
from towpath.trace.erasure.traffic import live_models

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.assets.datasets import DataFile
    from towpath.assets.datasets.contract import DatasetStore
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.storage.blobs.contract import BlobStore


class Planner:
    """Reads what is held of a subject. Thread-safe."""

    def __init__(
        self, ledger: Ledger, blobs: BlobStore, datasets: DatasetStore, decisions: DecisionLog
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._datasets = datasets
        self._decisions = decisions

    def plan(self, field: str, value: str, *, subject: str) -> ErasurePlan:
        """Return the plan; `subject` is the keyed hash of the value.

        Raises:
            NotFound: No data set and no service declares the field.
        """
        with self._ledger.read() as tx:
            require_known(tx, field)
            about = datasets_about(tx, field)
        rows_of = _RowCounter(self._blobs, value)
        datasets: list[AffectedDataset] = []
        for name, column in sorted(about.items()):
            for ref in self._datasets.holds(name, value):
                datasets.append(self._affected(ref, column, value, rows_of))
        holdings = self._decisions.holdings(subject)
        with self._ledger.read() as tx:
            sources = [Ref.parse(data.ref, "dataset") for data in datasets]
            derived = derived_from(tx, sources)
            models = affected_models(tx, derived.models, sources)
            executions = tx.cache.using(derived.artefacts) if derived.artefacts else []
            seconds = _retraining_seconds(tx, models)
        retrainings = sum(1 for model in models if model.live)
        return ErasurePlan(
            field=field,
            subject=subject,
            datasets=tuple(datasets),
            files=len(rows_of.sizes),
            rows=len(rows_of.keys),
            size_bytes=sum(rows_of.sizes.values()),
            decisions=holdings.decisions,
            labels=holdings.labels,
            artefacts=derived.artefacts,
            executions=len(executions),
            models=tuple(models),
            releases=tuple(str(ref) for ref in derived.releases),
            retrainings=retrainings,
            seconds_estimate=seconds if retrainings else None,
        )

    def _affected(self, ref: Ref, column: str, value: str, rows_of: _RowCounter) -> AffectedDataset:
        with self._ledger.read() as tx:
            version = tx.versions.get(ref)
        bucket = bucket_of(value, version.body["buckets"])
        files = [file for file in self._datasets.files(ref) if file.bucket == bucket]
        key = tuple(version.body["key"])
        counts = {file.digest: rows_of(file, column, ref.name, key) for file in files}
        return AffectedDataset(
            ref=str(ref),
            revision=version.revision,
            digest=version.digest,
            rows=sum(counts.values()),
            files=sum(1 for count in counts.values() if count),
            size_bytes=sum(file.size_bytes for file in files if counts[file.digest]),
        )


class _RowCounter:
    """Counts a subject's rows per stored file, each file read once.

    Attributes:
        keys: Data set and key of every row of the subject: a row counts once, in however many files
            and versions it is stored.
        sizes: Bytes of each file that holds the subject.
    """

    def __init__(self, blobs: BlobStore, value: str) -> None:
        self._blobs = blobs
        self._value = value
        self._seen: dict[str, int] = {}
        self.keys: set[tuple[object, ...]] = set()
        self.sizes: dict[str, int] = {}

    def __call__(self, file: DataFile, column: str, dataset: str, key: tuple[str, ...]) -> int:
        if file.digest not in self._seen:
            with self._blobs.open_local(file.digest) as path:
                theirs = pl.col(column).cast(pl.String) == self._value
                rows = pl.scan_parquet(path).filter(theirs).select(key).collect().rows()
            self._seen[file.digest] = len(rows)
            self.keys.update((dataset, *row) for row in rows)
            if rows:
                self.sizes[file.digest] = file.size_bytes
        return self._seen[file.digest]


def affected_models(
    tx: Transaction, models: Iterable[Ref], sources: Iterable[Ref]
) -> list[AffectedModel]:
    """Describe the model versions that still have bytes, live ones first."""
    live = live_models(tx)
    texts = {str(source) for source in sources}
    found: list[AffectedModel] = []
    for version in map(tx.versions.get, models):
        if version.state == "deleted":
            continue
        consumed = [ref for ref in version.body.get("datasets", ()) if ref in texts]
        found.append(
            AffectedModel(
                ref=str(version.ref),
                state=version.state,
                live=live.get(version.ref, ()),
                datasets=tuple(consumed),
                run=version.body.get("run") or version.made_by,
            )
        )
    return sorted(found, key=lambda model: not model.live)


def _retraining_seconds(tx: Transaction, models: Iterable[AffectedModel]) -> float:
    """Add up how long the runs took that would be repeated."""
    total = 0.0
    for model in models:
        if model.live and model.run:
            run = tx.runs.get(model.run)
            if run.ended_at is not None:
                total += (run.ended_at - run.started_at).total_seconds()
    return round(total, 1)
