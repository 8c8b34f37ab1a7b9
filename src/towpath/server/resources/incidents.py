"""Incidents, what is suspected to have caused them, and the regression cases that are kept from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from towpath.server.resources.explanations import NearTrainingRow
from towpath.server.resources.rollouts import Why

Title = Annotated[str, Meta(max_length=200)]
Near = Annotated[int, Meta(ge=0, le=50)]
Words = Annotated[str, Meta(max_length=120)]
Ids = Annotated[list[str], Meta(max_length=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDecision:
    """A decision that an incident is about, and what made it; no input and no answer.

    Attributes:
        at: Event time.
        subject: Keyed hash.
        run: The run that made the model.
    """

    decision: str
    at: datetime
    subject: str | None
    model: str
    release: str
    run: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentSuspect:
    """Something that may have caused it, with the number that says so.

    Attributes:
        kind: `rows`, `slice`, `drift`, `code` or `model`.
        value: How strong, in `unit`: words that stand after it.
        p: How likely a value so large is by chance alone, adjusted for how many were looked at; None
            where there is no such.
        refs: Versions that it is about.
    """

    kind: str
    name: str
    value: float
    unit: str
    p: float | None
    summary: str
    refs: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NearRows:
    """Training rows that the model holds near to a decision.

    Attributes:
        by: `leaves` or `distance`.
        missing: Why there are none; empty where there are.
    """

    by: str | None
    source: str | None
    revision: int | None
    rows_read: int
    note: str
    missing: str
    rows: list[NearTrainingRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentTriage:
    """What was suspected, and when.

    Attributes:
        at: Wall time; `since` and `until` are event time.
        suspects: By kind, strongest first.
        notes: What could not be looked at, and why.
        nearest: Only in the answer to whom it was computed for; never kept.
    """

    at: datetime
    by: str
    since: datetime
    until: datetime
    suspects: list[IncidentSuspect]
    notes: list[str]
    nearest: NearRows | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentSummary:
    """An incident as lists show it.

    Attributes:
        state: `open`, `triaged`, `fixed` or `closed`.
        alert: The alert that it was opened from.
        decisions: How many decisions it is about; those of erased subjects leave.
        cases: How many regression cases were kept from it.
        fixed_by: The model version that passes them.
    """

    id: str
    title: str
    service: str
    project: str
    state: str
    model: str
    alert: str | None
    opened_by: str
    opened_at: datetime
    decisions: int
    cases: int
    fixed_by: str | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStanding:
    """What came of asking a model version about a case.

    Attributes:
        verdict: `pass`, `fail`, `unanswerable` or `unjudged`.
        waived: The waiver that lets it through all the same.
        passes: Whether it may be released as far as this case goes.
        traffic: Its share of the service's traffic now.
    """

    model: str
    verdict: str
    waived: str | None
    passes: bool
    traffic: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseWaiver:
    """A signed statement that a model version may be released although it fails a case.

    Attributes:
        state: `in force`, `expired`, `revoked` or `forged`.
    """

    name: str
    case: str
    model: str
    reason: str
    by: str
    given_at: datetime
    expires_at: datetime
    key_id: str
    state: str
    revoked_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCase:
    """A recorded input that every later model of a service must answer as it should have been.

    Attributes:
        model: The version that erred.
        expectation: What the answer must be, such as `granted >= 0.5`; None when the subject was erased.
        state: `active`, `retired` or `erased`; only active ones hold anybody back.
        standings: The newest versions of the model, newest first; none where the case is not active.
        waivers: Newest first.
    """

    name: str
    service: str
    incident: str
    decision: str | None
    model: str
    expectation: str | None
    subject: str | None
    state: str
    by: str
    at: datetime
    standings: list[CaseStanding]
    waivers: list[CaseWaiver]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDetail(IncidentSummary):
    """An incident with its decisions, what was suspected, and its cases.

    Attributes:
        fixing: The pipeline run or trigger that was last asked to fix it.
        run: The run that made `fixed_by`.
        release: The release in which that went in force.
        closed_by: Who closed it; `incident` where it closed by itself.
    """

    evidence: list[IncidentDecision]
    triage: IncidentTriage | None
    kept: list[HeldCase]
    fixing: str | None
    run: str | None
    release: str | None
    closed_by: str | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIncident:
    """What an incident is opened from: decisions of one service, or an alert.

    Attributes:
        title: What went wrong, for the record, so nothing personal; one is made up where it is empty.
    """

    decisions: Ids = field(default_factory=list)
    alert: str | None = None
    title: Title = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedTriage:
    """What to look for.

    Attributes:
        near: How many of the nearest training rows of the first decision to show.
    """

    near: Near = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedCase:
    """A decision to keep as a regression case.

    Attributes:
        expectation: What the answer must be: `>= 0.5`, `late < 0.3`, `== 12.5 +- 3`.
        decision: Which of the incident's; the first if None.
    """

    expectation: Words
    decision: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFix:
    """What to start; the project's trigger for the model's pipeline if None."""

    trigger: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedWaiver:
    """Which version to let through, why, and for how long.

    Attributes:
        reason: For the record, so nothing personal.
        lasts: A span of time such as `14d`, at most 90 days.
    """

    model: str
    reason: Why
    lasts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something ends; for the record, so nothing personal."""

    why: Why
