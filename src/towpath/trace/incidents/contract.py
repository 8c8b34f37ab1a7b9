"""What incidents promise: from a wrong answer to what caused it, to a model that does not repeat it.

An incident is a row of the ledger that names decisions, never what they hold. What triage finds is computed
from what is recorded already, and what is kept of it is about columns, slices and versions: no row of the
training data and no person's value. Which training rows are near is computed when it is asked for, as an
explanation is, and shown with a line in the log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from towpath.assets.cases.contract import Expectation, HeldModel, RegressionCase, Waiver

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from towpath.trace.explaining.contract import Nearest

IncidentState = Literal["open", "triaged", "fixed", "closed"]
SuspectKind = Literal["rows", "slice", "drift", "code", "model"]

MOVES: Final[dict[IncidentState, tuple[IncidentState, ...]]] = {
    "open": ("triaged", "fixed", "closed"),
    "triaged": ("triaged", "fixed", "closed"),
    "fixed": ("triaged", "closed"),
    "closed": (),
}
"""Where an incident may go. `fixed`: an approved model passes its cases; `closed`: such a one serves, or
a person said that it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A decision that an incident is about, and what made it. No input, no answer.

    Attributes:
        decision: Its id.
        at: Event time.
        subject: Keyed hash of whom it is about.
        model: The version that answered, as a reference.
        release: The release that it answered in.
        run: The run that made the model; None where none did.
    """

    decision: str
    at: datetime
    subject: str | None
    model: str
    release: str
    run: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """Something that may have caused what went wrong, with the number that says so.

    Attributes:
        kind: `rows`: training rows that the model holds near, or that moved its answer. `slice`: decisions
            alike in one or two inputs, on which it errs more. `drift`: an input that was not as in training.
            `model`: parameters, rows or environment that are others than of the version before. `code`: likewise.
        name: What it is: a slice in words, a column, a version.
        value: How strong, in `unit`. Suspects are ordered within their kind, strongest first.
        unit: What the value is, in words that stand after it.
        p: Probability of a value so large by chance alone, adjusted for how many were looked at (a
            false-discovery rate, Benjamini and Hochberg); None where there is no such.
        summary: One sentence.
        refs: The versions that it is about, as references.
    """

    kind: SuspectKind
    name: str
    value: float
    unit: str
    summary: str
    p: float | None = None
    refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """What was suspected, and when.

    Attributes:
        since: Beginning of the span of event time that was looked at.
        suspects: By kind, strongest first.
        notes: What could not be looked at, and why, in sentences.
        nearest: Training rows near to the first decision, when they were asked for; never kept.
    """

    incident: str
    at: datetime
    by: str
    since: datetime
    until: datetime
    suspects: tuple[Suspect, ...]
    notes: tuple[str, ...] = ()
    nearest: Nearest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that went wrong with a service's answers.

    Attributes:
        id: `SERVICE.N`, N from 1.
        title: In words, without anybody's data: it stays in the log.
        alert: The alert that it was opened from; None for decisions.
        evidence: The decisions; those of erased subjects leave.
        model: The version that erred, as a reference.
        opened_by: By a handle.
        opened_at: Wall time, as all times here but `Evidence.at` and the span of a triage.
        triage: What was suspected last; None before.
        cases: Names of the regression cases that were kept from it.
        fixing: Name of the `pipeline_run` or trigger that was last asked to fix it.
        fixed_by: The model version that passes its cases.
        run: The run that made that version.
        release: The release in which it went in force.
        closed_by: Who closed it; `incident` where it closed by itself.
        why: Why it was closed.
    """

    id: str
    title: str
    service: str
    project: str
    state: IncidentState
    model: str
    opened_by: str
    opened_at: datetime
    alert: str | None = None
    evidence: tuple[Evidence, ...] = field(default=())
    triage: Triage | None = None
    cases: tuple[str, ...] = ()
    fixing: str | None = None
    fixed_by: str | None = None
    run: str | None = None
    release: str | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    why: str = ""


class Incidents(Protocol):
    """Opens, triages, keeps, fixes and closes incidents. Thread-safe and process-safe.

    Every method takes effect in one transaction, with its event: `incident.opened`, `incident.triaged`,
    `incident.fixing`, `incident.fixed`, `incident.closed`. What reads decisions is entered in the log
    (`decision.read`, `decisions.read`) before anything is shown.
    """

    def open(
        self,
        *,
        decisions: Sequence[str] = (),
        alert: str | None = None,
        title: str = "",
        actor: str,
    ) -> Incident:
        """Open an incident from decisions of one service, or from an alert and the decisions it names.

        Args:
            decisions: Ids, at most 100.
            alert: An alert's name.
            title: What went wrong; one is made up where it is left out.
            actor: Who opens it.

        Raises:
            NotFound: A decision or the alert does not exist.
            InvalidRequest: Neither is given, or decisions of several services are.
            Withdrawn: The subject of a decision has withdrawn.
        """
        ...

    def list(
        self,
        *,
        service: str | None = None,
        states: Sequence[IncidentState] | None = None,
        limit: int = 100,
    ) -> Sequence[Incident]:
        """Return incidents, newest first."""
        ...

    def get(self, incident: str) -> Incident:
        """Return an incident. Raises `NotFound`."""
        ...

    def triage(self, incident: str, *, actor: str, near: int = 0, keys: bool = False) -> Triage:
        """Compute what may have caused it, and keep that with the incident but for `near` rows.

        Cost: a read of the service's labelled decisions of the span (28 days before the last decision),
        counts of all slices by one and two inputs, and one pass over the training rows.

        Args:
            incident: Its id.
            actor: Who asks.
            near: Show so many of the nearest training rows of the first decision.
            keys: Show which rows they are; the log says that keys were asked for.

        Raises:
            NotFound: There is no such incident.
            Conflict: It is closed.
        """
        ...

    def keep(
        self,
        incident: str,
        expectation: Expectation,
        *,
        decision: str | None = None,
        name: str | None = None,
        actor: str,
    ) -> RegressionCase:
        """Keep a decision of the incident as a regression case, and hold what serves to it.

        Args:
            incident: Its id.
            expectation: What the answer must be.
            decision: Which of its decisions; the first if None.
            name: What to call the case; `INCIDENT.N` if None.
            actor: Who keeps it.

        Raises:
            NotFound: There is no such incident, or the decision is not one of it, or is gone.
            Conflict: There is a case of that name, or the incident is closed.
            InvalidRequest: The decision was recorded without all that the model saw, or the model has
                no such output.
            Withdrawn: Its subject has withdrawn.
        """
        ...

    def fix(self, incident: str, *, trigger: str | None = None, actor: str) -> str:
        """Start a retraining, and return what was started: a trigger's name, or a pipeline run's.

        A trigger of the project that starts the model's pipeline is fired, within its budget, and not
        while a run of it goes on; without one the pipeline is started as it made the model. The
        incident becomes `fixed` when an approved version passes all of its cases, and closes when such
        a one serves.

        Raises:
            NotFound: There is no such incident or trigger.
            Conflict: It is closed, or has no case: nothing would tell whether it is fixed.
        """
        ...

    def close(self, incident: str, *, why: str, actor: str) -> Incident:
        """Close an incident by hand; its cases stay. No-op where it is closed.

        Raises:
            NotFound: There is no such incident.
        """
        ...


__all__ = [
    "MOVES",
    "Evidence",
    "Expectation",
    "HeldModel",
    "Incident",
    "IncidentState",
    "Incidents",
    "RegressionCase",
    "Suspect",
    "SuspectKind",
    "Triage",
    "Waiver",
]
