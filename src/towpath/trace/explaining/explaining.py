"""Everything that there is to say of one decision, on the model that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import structlog

from towpath.assets.models import load_package, load_predictor, verify_attestation
from towpath.assets.models.explaining import load_structure
from towpath.core.errors import InvalidRequest, NotFound, Withdrawn
from towpath.operate.releases import Recourse
from towpath.trace.explaining.attributing import attribute
from towpath.trace.explaining.contract import Counterfactuals, DecisionExplanation, Nearest
from towpath.trace.explaining.counterfactuals import find_counterfactuals
from towpath.trace.explaining.nearest import find_nearest
from towpath.trace.explaining.recorded import DELETED, find_recorded
from towpath.trace.explaining.replaying import form_of
from towpath.trace.explaining.summary import summarise
from towpath.trace.explaining.training_rows import TrainingRowReader, TrainingRows, describe_inputs

if TYPE_CHECKING:
    from towpath.assets.datasets.contract import DatasetStore
    from towpath.assets.models import Package
    from towpath.ledger.contract import Ledger
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring
    from towpath.trace.explaining.recorded import Recorded

_log = structlog.get_logger(__name__)
_NO_RECOURSE = (
    "the service declares no recourse: neither a threshold nor what a person could change"
)


class LedgerDecisionExplainer:
    """Implements `DecisionExplainer` over a ledger and a decision log."""

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

    def explain(
        self, decision_id: str, *, actor: str, near: int = 5, keys: bool = False
    ) -> DecisionExplanation:
        """Explain one decision; see `DecisionExplainer.explain`."""
        recorded = find_recorded(self._ledger, self._decisions, decision_id)
        self._require_explainable(recorded)
        with self._ledger.write(actor=actor) as tx:
            tx.events.append("decision.explained", f"decision:{decision_id}", keys=keys)
        with self._ledger.read() as tx:
            descriptions = describe_inputs(tx, recorded.version)
        body, decision = recorded.version.body, recorded.decision
        package = load_package(body["package"], self._blobs)
        structure = load_structure(body["package"], self._blobs)
        answer = float(decision.outputs[package.output])
        attributions = attribute(recorded, self._blobs, descriptions)
        rows = self._rows.read(recorded.version, package)
        if isinstance(rows, str):
            nearest = Nearest(
                by=None, source=None, revision=None, rows_read=0, rows=(), missing=rows
            )
        else:
            nearest = find_nearest(
                recorded.columns,
                rows,
                package,
                structure,
                near=near,
                keys=keys,
                ledger=self._ledger,
                keyring=self._keyring,
            )
        recourse = _recourse(recorded)
        ways = Counterfactuals(found=(), exact=True, asked=0, missing=_NO_RECOURSE)
        if recourse is not None:
            ways = find_counterfactuals(
                recourse,
                {name: decision.inputs[name] for name in recorded.names},
                answer,
                predictor=load_predictor(body["package"], self._blobs),
                inputs=package.inputs,
                structure=structure,
                descriptions=descriptions,
            )
        typical = {} if isinstance(rows, str) else _middles(rows, package)
        _log.info(
            "decision.explained", decision=decision_id, method=attributions.method, actor=actor
        )
        return DecisionExplanation(
            decision_id=decision_id,
            service=decision.service,
            model=decision.model,
            package=body["package"],
            form=form_of(package),
            at=decision.at,
            answer=answer,
            favourable=None if recourse is None else recourse.is_favourable(answer),
            attributions=attributions,
            nearest=nearest,
            counterfactuals=ways,
            summary=summarise(recourse or _neutral(package), answer, attributions, ways, typical),
            notes=_notes(package, recourse),
        )

    def _require_explainable(self, recorded: Recorded) -> None:
        decision, version = recorded.decision, recorded.version
        with self._ledger.read() as tx:
            withdrawn = tx.withdrawals.among([decision.subject] if decision.subject else [])
        if withdrawn:
            raise Withdrawn(
                "the subject of this decision has withdrawn",
                remedy="Their decisions go with the erasure; nothing of this one was read.",
            )
        if version.state == DELETED:
            raise NotFound(
                f"the bytes of {decision.model} were deleted",
                remedy="An erasure deletes what learnt from the erased rows. Explain what replaced it.",
                kind="model",
            )
        if decision.status != "ok":
            raise InvalidRequest(
                "the model failed when this decision was asked for, so there is no answer to explain"
            )
        if recorded.lost:
            raise InvalidRequest(
                f"the input {recorded.lost[0]!r} of this decision was redacted when it was recorded",
                remedy="Only decisions recorded with all that the model saw can be explained.",
                columns=list(recorded.lost),
            )
        verify_attestation(version, self._keyring.public_keys_pem)


def _recourse(recorded: Recorded) -> Recourse | None:
    spec = None if recorded.service is None else recorded.service.get("recourse")
    return None if spec is None else Recourse.from_spec(spec)


def _neutral(package: Package) -> Recourse:
    """Return how a summary speaks of a service that says nothing of decisions."""
    chance = package.task == "binary"
    words = f"the answer about {package.output.replace('_', ' ')}"
    return Recourse(
        threshold=0.5 if chance else 0.0,
        granted=f"{words} was above one half" if chance else f"{words} was above zero",
        refused=f"{words} was below one half" if chance else f"{words} was below zero",
        decided_by="This answer was computed by a program.",
    )


def _middles(rows: TrainingRows, package: Package) -> dict[str, float]:
    """Return the median of each number, which is nobody's extreme."""
    numbers = [one.name for one in package.inputs.columns if one.datatype not in ("BYTES", "BOOL")]
    medians = rows.rows.select(pl.col(numbers).cast(pl.Float64).median()).row(0, named=True)
    return {
        name: value for name, value in medians.items() if value is not None and np.isfinite(value)
    }


def _notes(package: Package, recourse: Recourse | None) -> tuple[str, ...]:
    notes: list[str] = []
    if package.execution.file is not None:
        notes.append(
            f"The attributions are of the library's own form; what answers is {package.execution}."
        )
    if recourse is not None and recourse.actionable:
        notes.append(
            "Counterfactuals hold for this model and these inputs; another model may decide otherwise."
        )
    return tuple(notes)
