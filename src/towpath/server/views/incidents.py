"""Incidents with how their cases stand, from what is recorded of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.refs import Ref
from towpath.server.resources.incidents import (
    CaseStanding,
    CaseWaiver,
    HeldCase,
    IncidentDecision,
    IncidentDetail,
    IncidentSummary,
    IncidentSuspect,
    IncidentTriage,
    NearRows,
)
from towpath.server.views.explanations import near_rows
from towpath.server.views.traffic import current_route
from towpath.server.views.values import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from towpath.assets.cases import RegressionCase, RegressionCases, Waiver
    from towpath.ledger.contract import Transaction
    from towpath.trace.explaining.contract import Nearest
    from towpath.trace.incidents import Incident, Triage

_NEWEST = 8  # versions of a model whose standing is shown; those that serve come besides


def summary_of(incident: Incident) -> IncidentSummary:
    """Return an incident as lists show it."""
    return IncidentSummary(
        id=incident.id,
        title=incident.title,
        service=incident.service,
        project=incident.project,
        state=incident.state,
        model=incident.model,
        alert=incident.alert,
        opened_by=incident.opened_by,
        opened_at=incident.opened_at,
        decisions=len(incident.evidence),
        cases=len(incident.cases),
        fixed_by=incident.fixed_by,
        closed_at=incident.closed_at,
    )


def detail_of(incident: Incident, kept: list[HeldCase]) -> IncidentDetail:
    """Return an incident whole, with its cases."""
    return IncidentDetail(
        **fields_of(summary_of(incident)),
        evidence=[
            IncidentDecision(
                decision=one.decision,
                at=one.at,
                subject=one.subject,
                model=one.model,
                release=one.release,
                run=one.run,
            )
            for one in incident.evidence
        ],
        triage=None if incident.triage is None else triage_of(incident.triage),
        kept=kept,
        fixing=incident.fixing,
        run=incident.run,
        release=incident.release,
        closed_by=incident.closed_by,
        why=incident.why,
    )


def triage_of(triage: Triage) -> IncidentTriage:
    """Return what was suspected."""
    return IncidentTriage(
        at=triage.at,
        by=triage.by,
        since=triage.since,
        until=triage.until,
        suspects=[
            IncidentSuspect(
                kind=one.kind,
                name=one.name,
                value=one.value,
                unit=one.unit,
                p=one.p,
                summary=one.summary,
                refs=list(one.refs),
            )
            for one in triage.suspects
        ],
        notes=list(triage.notes),
        nearest=None if triage.nearest is None else _nearest(triage.nearest),
    )


def _nearest(nearest: Nearest) -> NearRows:
    return NearRows(
        by=nearest.by,
        source=nearest.source,
        revision=nearest.revision,
        rows_read=nearest.rows_read,
        note=nearest.note,
        missing=nearest.missing,
        rows=near_rows(nearest),
    )


def held_cases(
    tx: Transaction,
    cases: RegressionCases,
    wanted: Sequence[RegressionCase],
    waivers: Iterable[Waiver],
    environment: str,
) -> list[HeldCase]:
    """Return cases with how the newest versions of their models stand, and those that serve.

    Cost: a look at all cases of the service for each version.
    """
    routed = current_route(tx, environment).services
    families = sorted({(one.service, Ref.parse(one.model).name) for one in wanted})
    standings: dict[str, list[CaseStanding]] = {one.name: [] for one in wanted}
    for service, model in families:
        arms = routed[service].arms if service in routed else ()
        shares = {arm.model: arm.weight for arm in arms}
        for ref in _versions(tx, model, shares):
            for held in cases.standing(tx, service, ref):
                if held.case in standings:
                    standings[held.case].append(
                        CaseStanding(
                            model=held.model,
                            verdict=held.verdict,
                            waived=held.waived,
                            passes=held.passes,
                            traffic=shares.get(str(ref), 0.0),
                        )
                    )
    by_case: dict[str, list[CaseWaiver]] = {}
    for one in waivers:
        by_case.setdefault(one.case, []).append(waiver_of(one))
    return [_case(one, standings[one.name], by_case.get(one.name, [])) for one in wanted]


def _versions(tx: Transaction, model: str, shares: dict[str, float]) -> list[Ref]:
    """Return the versions to be shown, newest first: those whose bytes are there."""
    every = [one.ref for one in tx.versions.list("model", model) if one.state != "deleted"]
    return [ref for at, ref in enumerate(every) if at < _NEWEST or str(ref) in shares]


def _case(
    case: RegressionCase, standings: list[CaseStanding], waivers: list[CaseWaiver]
) -> HeldCase:
    return HeldCase(
        name=case.name,
        service=case.service,
        incident=case.incident,
        decision=case.decision,
        model=case.model,
        expectation=None if case.expectation is None else str(case.expectation),
        subject=case.subject,
        state=case.state,
        by=case.by,
        at=case.at,
        standings=standings,
        waivers=waivers,
    )


def waiver_of(waiver: Waiver) -> CaseWaiver:
    """Return a waiver with its state as of now."""
    return CaseWaiver(
        name=waiver.name,
        case=waiver.case,
        model=waiver.model,
        reason=waiver.reason,
        by=waiver.by,
        given_at=waiver.given_at,
        expires_at=waiver.expires_at,
        key_id=waiver.key_id,
        state=waiver.state,
        revoked_by=waiver.revoked_by,
    )
