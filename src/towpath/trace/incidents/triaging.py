"""Triage: everything that is recorded about a wrong answer, asked what may have caused it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from towpath.assets.models import load_package
from towpath.assets.models.explaining import load_line, load_structure
from towpath.assets.models.reference import Reference
from towpath.build.pipelines.reading.previewing import personal_columns
from towpath.core.clock import parse_time
from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.trace.explaining.nearest import find_nearest
from towpath.trace.explaining.recorded import DELETED, find_recorded
from towpath.trace.explaining.training_rows import TrainingRowReader
from towpath.trace.incidents.contract import Suspect, Triage
from towpath.trace.incidents.suspects import (
    Traffic,
    changed_suspects,
    drift_suspects,
    row_suspects,
    slice_suspects,
)
from towpath.trace.incidents.suspects.changes import version_before
from towpath.trace.incidents.suspects.influence import KINDS, influence_suspects, pulls_of
from towpath.trace.incidents.suspects.rows import NEAR

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.assets.datasets.contract import DatasetStore
    from towpath.assets.models import Package
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Intent, Version
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring
    from towpath.trace.explaining.contract import Nearest
    from towpath.trace.explaining.recorded import Recorded
    from towpath.trace.explaining.training_rows import TrainingRows
    from towpath.trace.incidents.contract import Incident

SPAN: Final = timedelta(days=28)
"""How far back from the last decision others are looked at."""


@dataclass(slots=True)
class _Found:
    suspects: list[Suspect] = field(default_factory=list[Suspect])
    notes: list[str] = field(default_factory=list[str])

    def add(self, found: tuple[list[Suspect], str]) -> None:
        suspects, note = found
        self.suspects += suspects
        if note:
            self.notes.append(note[:1].upper() + note[1:] + ".")


class Triager:
    """Computes suspects. Keeps nothing, and enters nothing in the log: its caller does."""

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        keyring: Keyring,
        datasets: DatasetStore,
        decisions: DecisionLog,
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._decisions = decisions
        self._rows = TrainingRowReader(ledger, blobs, datasets)

    def triage(
        self,
        incident: Incident,
        *,
        by: str,
        at: datetime,
        now: datetime,
        near: int = 0,
        keys: bool = False,
    ) -> Triage:
        """Return what may have caused an incident; see `Incidents.triage`.

        Args:
            incident: Which one.
            by: Who asks.
            at: Wall time.
            now: Event time, by which labels are known.
            near: How many of the nearest training rows to give.
            keys: Whether to say which rows they are.
        """
        with self._ledger.read() as tx:
            model = tx.versions.get(Ref.parse(incident.model, "model"))
            service = tx.intents.find("service", incident.service)
            hidden = personal_columns(tx)
            alert = None if incident.alert is None else tx.intents.find("alert", incident.alert)
        first, last = _span(incident, alert, now)
        found = _Found()
        nearest = self._nearest(incident, model, found, near=near, keys=keys)
        reference = self._reference(model)
        if reference is None:
            found.notes.append(f"{model.ref} has no reference, so nothing says what is usual.")
        else:
            declared = {} if service is None else service.spec
            traffic = Traffic(
                decisions=self._decisions,
                service=incident.service,
                environment=declared.get("environment", ""),
                model=model,
                reference=reference,
                subject_field=declared.get("subject_field"),
                hidden=hidden,
            )
            about = [one.decision for one in incident.evidence]
            found.add(slice_suspects(traffic, since=first, until=last, matured_by=now, about=about))
            found.add(drift_suspects(traffic, at=last - timedelta(microseconds=1)))
        self._changes(incident, model, found)
        return Triage(
            incident=incident.id,
            at=at,
            by=by,
            since=first,
            until=last,
            suspects=tuple(found.suspects),
            notes=tuple(found.notes),
            nearest=nearest if near else None,
        )

    def _reference(self, model: Version) -> Reference | None:
        digest = model.body.get("reference")
        try:
            return None if digest is None else Reference.decode(self._blobs.get(digest))
        except NotFound:
            return None

    def _nearest(
        self, incident: Incident, model: Version, found: _Found, *, near: int, keys: bool
    ) -> Nearest | None:
        """Look at the training rows near the first decision of the model that erred."""
        if not incident.evidence:
            found.notes.append("The incident names no decision, so no training rows are near one.")
            return None
        if model.state == DELETED:
            found.notes.append(f"The bytes of {model.ref} were deleted, so it can't be asked.")
            return None
        wanted = incident.evidence[0].decision
        try:
            recorded = find_recorded(self._ledger, self._decisions, wanted)
        except NotFound:
            found.notes.append("The first decision is not in the log any more.")
            return None
        if recorded.lost or recorded.decision.status != "ok":
            found.notes.append("The first decision was recorded without all that the model saw.")
            return None
        package = load_package(model.body["package"], self._blobs)
        rows = self._rows.read(model, package)
        if isinstance(rows, str):
            found.notes.append(f"No training rows to look at: {rows}.")
            return None
        nearest = find_nearest(
            recorded.columns,
            rows,
            package,
            load_structure(model.body["package"], self._blobs),
            near=max(NEAR, near),
            keys=keys,
            ledger=self._ledger,
            keyring=self._keyring,
        )
        label = self._decisions.label_of(wanted)
        answer = float(recorded.decision.outputs[package.output])
        if label is not None:
            found.add(self._influence(recorded, package, rows, answer, label.value))
        known = package.outcome in rows.rows.columns
        found.add(
            row_suspects(
                _first(nearest, NEAR),
                rows.rows.get_column(package.outcome) if known else None,
                answer=answer,
                truth=None if label is None else label.value,
            )
        )
        return _first(nearest, near)

    def _influence(
        self,
        recorded: Recorded,
        package: Package,
        rows: TrainingRows,
        answer: float,
        truth: float,
    ) -> tuple[list[Suspect], str]:
        """Look at what single training rows did to an answer, where that has a closed form."""
        digest: str = recorded.version.body["package"]
        line = load_line(digest, self._blobs, kinds=KINDS)
        if line is None or package.outcome not in rows.rows.columns:
            return [], ""
        schema = {name: rows.rows.schema[name] for name in recorded.columns}
        asked = package.inputs.matrix(pl.DataFrame(recorded.columns, schema=schema, strict=False))
        learnt = package.inputs.matrix(rows.rows)
        outcomes = rows.rows.get_column(package.outcome).cast(pl.Float64).to_numpy()
        whole = np.isfinite(learnt).all(axis=1) & np.isfinite(outcomes)
        if not np.isfinite(asked).all() or not whole.any():
            return [], ""
        pulls = pulls_of(line, learnt[whole], outcomes[whole], asked[0])
        if pulls is None:
            return [], ""
        return influence_suspects(pulls, source=rows.source, answer=answer, truth=truth)

    def _changes(self, incident: Incident, model: Version, found: _Found) -> None:
        """Compare with the version that served before."""
        if not incident.evidence:
            return
        with self._ledger.read() as tx:
            release = incident.evidence[0].release
            before = version_before(tx, incident.service, model, release)
            if before is None:
                found.notes.append("No other version served before this one.")
                return
            found.suspects += changed_suspects(tx, self._blobs, model, before)


def _first(nearest: Nearest, most: int) -> Nearest:
    """Return the nearest rows, so many of them at most."""
    return replace(nearest, rows=nearest.rows[:most])


def _span(incident: Incident, alert: Intent | None, now: datetime) -> tuple[datetime, datetime]:
    """Return what is looked at: up to the last decision's moment, or the end of an alert's window."""
    if alert is not None:
        last = parse_time(alert.spec["window"][1])
    elif incident.evidence:
        last = max(one.at for one in incident.evidence) + timedelta(microseconds=1)
    else:
        last = now
    return last - SPAN, last


__all__ = ["SPAN", "Triager"]
