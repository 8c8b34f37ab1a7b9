"""Computes what an erasure would touch, by reading only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from towpath.assets.datasets import load_manifest
from towpath.assets.datasets.layers import read_live
from towpath.assets.datasets.parquet import read_files
from towpath.assets.models import ancestors_of
from towpath.core.refs import Ref
from towpath.trace.erasure.contract import AffectedDataset, AffectedModel, ErasurePlan
from towpath.trace.erasure.copies import About
from towpath.trace.erasure.derived import derived_from
from towpath.trace.erasure.sparing import spared_steps
from towpath.trace.erasure.subjects import datasets_about, require_known
from towpath.trace.erasure.traffic import live_models

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from towpath.assets.datasets import DataFile, Manifest
    from towpath.assets.datasets.contract import DatasetStore
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Run
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.storage.blobs.contract import BlobStore
    from towpath.trace.erasure.copies import Copies
    from towpath.trace.erasure.state import CondemnedModel


class Planner:
    """Reads what is held of a subject. Thread-safe."""

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        datasets: DatasetStore,
        decisions: DecisionLog,
        copies: Sequence[Copies] = (),
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._datasets = datasets
        self._decisions = decisions
        self._copies = copies

    def plan(self, field: str, value: str, *, subject: str) -> ErasurePlan:
        """Return the plan; `subject` is the keyed hash of the value.

        Raises:
            NotFound: No data set and no service declares the field.
        """
        with self._ledger.read() as tx:
            require_known(tx, field)
            names = datasets_about(tx, field)
            listed = tx.withdrawals.position()
        about = About(
            field=field,
            subjects=(subject,),
            values=(value,),
            datasets=tuple(names),
            suppression=listed,
        )
        counts = _Counts(self._blobs, about)
        datasets = [
            self._affected(ref, counts)
            for name in names
            for ref in self._datasets.holds(name, value)
        ]
        holdings = self._decisions.holdings(subject)
        sources = [Ref.parse(data.ref, "dataset") for data in datasets]
        spared = spared_steps(self._ledger, self._blobs, sources, ahead=counts.doomed)
        with self._ledger.read() as tx:
            derived = derived_from(tx, sources, spared=spared)
            models = affected_models(tx, derived.models, sources)
            executions = tx.cache.using(derived.artefacts) if derived.artefacts else []
            again = _trained_again(tx, models)
            seconds = seconds_of(tx, again, spared)
        retrainings = len(again)
        return ErasurePlan(
            field=field,
            subject=subject,
            datasets=tuple(datasets),
            files=len(counts.sizes),
            rows=len(counts.keys),
            size_bytes=sum(counts.sizes.values()),
            decisions=holdings.decisions,
            labels=holdings.labels,
            signals=holdings.signals,
            artefacts=derived.artefacts,
            executions=len(executions),
            models=tuple(models),
            copies=tuple(one for copies in self._copies for one in copies.held(about)),
            releases=tuple(str(ref) for ref in derived.releases),
            retrainings=retrainings,
            seconds_estimate=seconds if retrainings else None,
        )

    def _affected(self, ref: Ref, counts: _Counts) -> AffectedDataset:
        with self._ledger.read() as tx:
            version = tx.versions.get(ref)
        manifest = load_manifest(self._blobs, version.body["manifest"])
        subject = counts.subject_in(hashed=bool(version.body.get("subject_hashed")))
        files = manifest.of_subject(subject)
        held = [file for file in files if counts.add(ref, manifest, file, subject)]
        counts.doomed[str(ref)] = frozenset(file.digest for file in held)
        return AffectedDataset(
            ref=str(ref),
            revision=version.revision,
            digest=version.digest,
            rows=counts.living(manifest, files, held, subject),
            files=len(held),
            size_bytes=sum(file.size_bytes for file in held),
        )


@dataclass(slots=True)
class _Counts:
    """Counts a subject's rows per stored file, each file read once.

    Attributes:
        keys: Data set and key of every row of the subject: a row counts once, in however many files,
            layers and versions it is stored.
        sizes: Bytes of each file that holds the subject.
        doomed: By version, the digests of its files that hold the subject.
    """

    blobs: BlobStore
    about: About
    keys: set[tuple[object, ...]] = field(default_factory=set[tuple[object, ...]])
    sizes: dict[str, int] = field(default_factory=dict[str, int])
    doomed: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    _rows: dict[str, int] = field(default_factory=dict[str, int])

    def subject_in(self, *, hashed: bool) -> str:
        """Return what rows call the subject."""
        return self.about.subject if hashed else self.about.value

    def add(self, ref: Ref, manifest: Manifest, file: DataFile, subject: str) -> int:
        """Return how many rows and delete markers of the subject a file holds."""
        if file.digest not in self._rows:
            column = str(manifest.subject)
            columns = list(dict.fromkeys([*manifest.key, column]))
            rows = read_files(self.blobs, manifest, [file], columns=columns)
            keys = rows.filter(rows[column] == subject).select(manifest.key).rows()
            self._rows[file.digest] = len(keys)
            self.keys.update((ref.trunk, *key) for key in keys)
            if keys:
                self.sizes[file.digest] = file.size_bytes
        return self._rows[file.digest]

    def living(
        self,
        manifest: Manifest,
        files: Sequence[DataFile],
        held: Sequence[DataFile],
        subject: str,
    ) -> int:
        """Return how many of the version's own rows are the subject's."""
        if not any(file.layer for file in files):
            return sum(self._rows[file.digest] for file in held)
        column = str(manifest.subject)
        rows = read_live(self.blobs, manifest, files, columns=[column])
        return int((rows[column] == subject).sum())


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


def _trained_again(tx: Transaction, models: Iterable[AffectedModel]) -> list[AffectedModel]:
    """Return the models that get a replacement: the live ones, and what those were fine-tuned from."""
    affected = {model.ref: model for model in models}
    wanted: dict[str, AffectedModel] = {}
    for ref, model in affected.items():
        if model.live:
            line = [tx.versions.get(Ref.parse(ref, "model"))]
            line += ancestors_of(tx, line[0])
            texts = (str(one.ref) for one in line)
            wanted |= {text: affected[text] for text in texts if text in affected}
    return list(wanted.values())


def seconds_of(
    tx: Transaction,
    models: Iterable[AffectedModel | CondemnedModel],
    spared: Collection[tuple[Ref, Ref]],
) -> float:
    """Add up how long the runs took that would be repeated, less the steps that are spared."""
    steps = {run.name for _, run in spared}
    total = 0.0
    for model in models:
        if model.run:
            run = tx.runs.get(model.run)
            if run.ended_at is not None:
                total += _lasted(run) * _share(tx, model.run, steps)
    return round(total, 1)


def _share(tx: Transaction, run: str, spared: Collection[str]) -> float:
    """Return how much of the time of a run's steps went into those that are not spared.

    A step that was a hit took what it took the run that computed it.
    """
    again, together = 0.0, 0.0
    for step in tx.runs.list(parent=run, limit=None):
        made_by = step.tags.get("executed_by", step.id)
        took = _lasted(step if made_by == step.id else tx.runs.get(made_by))
        together += took
        again += 0.0 if step.id in spared else took
    return again / together if spared and together else 1.0


def _lasted(run: Run) -> float:
    return 0.0 if run.ended_at is None else (run.ended_at - run.started_at).total_seconds()
