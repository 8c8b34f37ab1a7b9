"""Everything that is held of one subject, gathered from the places that an erasure would go to."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import structlog

from towpath.assets.datasets import load_manifest
from towpath.assets.datasets.parquet import read_files
from towpath.core.clock import SystemClock
from towpath.core.refs import Ref
from towpath.operate.decisions import DecisionFilter
from towpath.trace.erasure.copies import About
from towpath.trace.erasure.copies.finding import plain
from towpath.trace.erasure.planning import Planner
from towpath.trace.erasure.state import KIND
from towpath.trace.erasure.subjects import datasets_about, require_known
from towpath.trace.explaining.reports import Holding, SubjectReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from towpath.assets.datasets.contract import DatasetStore
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Json
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring
    from towpath.trace.erasure.contract import AffectedDataset, ErasurePlan
    from towpath.trace.erasure.copies import Copies

_log = structlog.get_logger(__name__)
_NEVER_ASKED = "nothing says for how long"


class LedgerSubjectReports:
    """Implements `SubjectReports` over an open home.

    Args:
        ledger: The record of everything.
        blobs: The bytes.
        keyring: Makes the subject's hash.
        datasets: Versions of tables.
        decisions: The decision log.
        copies: Everything else that holds things about subjects: the list that erasures go by.
        wall: When the report is made.
    """

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        keyring: Keyring,
        datasets: DatasetStore,
        decisions: DecisionLog,
        *,
        copies: Callable[[], Sequence[Copies]],
        wall: Clock | None = None,
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._datasets = datasets
        self._decisions = decisions
        self._copies = copies
        self._wall = wall or SystemClock()

    def report(self, field: str, value: str, *, actor: str) -> SubjectReport:
        """Gather what is held; see `SubjectReports.report`."""
        subject = self._keyring.subject_hash(field, value)
        with self._ledger.read() as tx:
            require_known(tx, field)
            names = tuple(datasets_about(tx, field))
        # Before anything is read, so that no reading goes unrecorded.
        with self._ledger.write(actor=actor) as tx:
            tx.events.append("subject.reported", f"subject:{subject}", field=field)
        copies = self._copies()
        about = About(field=field, subjects=(subject,), values=(value,), datasets=names)
        planner = Planner(self._ledger, self._blobs, self._datasets, self._decisions, copies)
        plan = planner.plan(field, value, subject=subject)
        declared = _Declared.read(self._ledger)
        holdings = [
            *self._rows(about, plan.datasets, declared),
            *self._recorded(about, declared),
            *_of_copies(about, copies),
            *_of_steps(plan),
        ]
        with self._ledger.read() as tx:
            withdrawn = bool(tx.withdrawals.among([subject]))
            requests = list(tx.intents.list(KIND, limit=None))
        mine = [one for one in requests if one.spec.get("subject") == subject]
        _log.info("subject.reported", actor=actor, field=field)
        return SubjectReport(
            field=field,
            value=value,
            subject=subject,
            at=self._wall.now(),
            withdrawn=withdrawn,
            erasures=tuple({"id": one.name, "phase": one.phase} for one in mine),
            holdings=tuple(holdings),
            models=tuple(asdict(one) for one in plan.models),
            beyond=tuple(told for one in copies for told in one.beyond(about)),
        )

    def _rows(
        self, about: About, affected: Sequence[AffectedDataset], declared: _Declared
    ) -> Iterator[Holding]:
        """Yield each data set with its versions, and every stored row once, replaced ones as well."""
        versions: dict[str, dict[str, int]] = {}
        for one in affected:
            name = Ref.parse(one.ref, "dataset").trunk
            versions.setdefault(name, {})[one.ref] = one.rows
        for name, counts in versions.items():
            rows = self._stored(about, counts)
            yield Holding(
                kind="dataset",
                name=name,
                rows=len(rows),
                versions=counts,
                values=rows,
                purpose=declared.purpose_of_dataset(name),
                kept_for=_NEVER_ASKED,
                note="every row once, with those that newer versions replaced or deleted",
            )

    def _stored(self, about: About, refs: dict[str, int]) -> tuple[Json, ...]:
        found: dict[str, Json] = {}
        seen = set[str]()
        for text in refs:
            with self._ledger.read() as tx:
                body = tx.versions.get(Ref.parse(text, "dataset")).body
            manifest = load_manifest(self._blobs, body["manifest"])
            mine = about.subject if body.get("subject_hashed") else about.value
            files = [one for one in manifest.of_subject(mine) if one.digest not in seen]
            seen.update(one.digest for one in files)
            rows = read_files(self._blobs, manifest, files)
            for row in rows.filter(rows[str(manifest.subject)] == mine).iter_rows(named=True):
                told = plain(row)
                found.setdefault(repr(told), told)
        return tuple(found.values())

    def _recorded(self, about: About, declared: _Declared) -> Iterator[Holding]:
        where = DecisionFilter(subject=about.subject)
        for service in self._decisions.services():
            values: list[Json] = []
            for page in self._decisions.pages(service, where=where):
                values += [_known(plain(row)) for row in page.iter_rows(named=True)]
            if values:
                yield Holding(
                    kind="decisions",
                    name=service,
                    rows=len(values),
                    values=tuple(values),
                    purpose=declared.purpose_of_service(service),
                    kept_for=declared.kept_for(service),
                    note="what was asked and answered, what turned out, and what followed",
                )


class _Declared:
    """What projects say of their data sets and services."""

    def __init__(self, projects: dict[str, Json], services: dict[str, Json]) -> None:
        self._projects = projects
        self._services = services

    @classmethod
    def read(cls, ledger: Ledger) -> _Declared:
        """Read what is declared now."""
        with ledger.read() as tx:
            return cls(
                {one.name: one.spec for one in tx.intents.list("project", limit=None)},
                {one.name: one.spec for one in tx.intents.list("service", limit=None)},
            )

    def purpose_of_dataset(self, name: str) -> str:
        """Return what a data set, or else its project, is for."""
        for spec in self._projects.values():
            described: dict[str, Any] = spec.get("datasets", {})
            if name in described:
                return described[name].get("description") or spec.get("description", "")
        return ""

    def purpose_of_service(self, name: str) -> str:
        """Return what a service, or else its project, is for."""
        spec = self._services.get(name, {})
        project = self._projects.get(spec.get("project", ""), {})
        return spec.get("description") or project.get("description", "")

    def kept_for(self, service: str) -> str:
        """Return for how long a service's decisions are kept."""
        logging = self._services.get(service, {}).get("logging") or {}
        return logging.get("keep_for") or _NEVER_ASKED


def _of_copies(about: About, copies: Sequence[Copies]) -> Iterator[Holding]:
    """Yield what each kind of copy shows."""
    for kind in copies:
        for one in kind.find(about):
            yield Holding(
                kind=kind.kind, name=one.name, rows=one.count, values=one.rows, note=one.note
            )


def _of_steps(plan: ErasurePlan) -> Iterator[Holding]:
    """Yield what was computed from the subject's rows and is still kept."""
    if plan.artefacts:
        yield Holding(
            kind="step_results",
            name="cache",
            rows=None,
            note=f"{len(plan.artefacts)} results of computations over these data sets, which go with an "
            "erasure; which of them hold a row of one person is not told apart",
        )


def _known(row: Json) -> Json:
    """Leave out what a decision does not have."""
    return {name: value for name, value in row.items() if value is not None}
