"""Incidents: opened from a wrong answer, looked into, fixed, and kept from coming back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from towpath.assets.cases.contract import CaseState, Expectation
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidRequest
from towpath.core.refs import Ref
from towpath.server.resources.incidents import (
    CaseWaiver,
    HeldCase,
    IncidentDetail,
    IncidentSummary,
    NewIncident,
    Reason,
    WantedCase,
    WantedFix,
    WantedTriage,
    WantedWaiver,
)
from towpath.server.routes.given import Given, Limit
from towpath.server.routes.reading import read
from towpath.server.routes.writing import Actor, write
from towpath.server.views.incidents import (
    detail_of,
    held_cases,
    summary_of,
    triage_of,
    waiver_of,
)
from towpath.trace.incidents.contract import IncidentState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.cases import RegressionCase, RegressionCases
    from towpath.server.contract import Services
    from towpath.trace.incidents import Incident, Incidents

_INCIDENT = "/incidents/{name:str}"
_CASE = "/cases/{name:str}"


@read("/incidents", tag="reverse")
def list_incidents(
    services: Given,
    service: FromQuery[str | None] = None,
    states: Annotated[list[IncidentState] | None, QueryParameter(name="state")] = None,
    limit: Limit = 200,
) -> list[IncidentSummary]:
    """List incidents, newest first."""
    found = _incidents(services).list(service=service, states=states, limit=limit)
    return [summary_of(one) for one in found]


@write("/incidents", tag="reverse")
def open_incident(services: Given, actor: Actor, data: JSONBody[NewIncident]) -> IncidentDetail:
    """Open an incident from decisions of one service, or from an alert and the decisions it names."""
    incident = _incidents(services).open(
        decisions=data.decisions, alert=data.alert, title=data.title, actor=actor
    )
    return _detail(services, incident)


@read(_INCIDENT, tag="reverse")
def show_incident(services: Given, name: FromPath[str]) -> IncidentDetail:
    """Show an incident: its decisions, what was suspected, and how models stand with its cases."""
    return _detail(services, _incidents(services).get(name))


@write(f"{_INCIDENT}/triage", tag="reverse")
def triage_incident(
    services: Given, name: FromPath[str], actor: Actor, data: JSONBody[WantedTriage]
) -> IncidentDetail:
    """Look for what may have caused it. The near training rows are answered, and kept nowhere."""
    incidents = _incidents(services)
    found = incidents.triage(name, actor=actor, near=data.near)
    return replace(_detail(services, incidents.get(name)), triage=triage_of(found))


@write(f"{_INCIDENT}/cases", tag="reverse")
def keep_case(
    services: Given, name: FromPath[str], actor: Actor, data: JSONBody[WantedCase]
) -> IncidentDetail:
    """Keep a decision of the incident as a regression case, which holds back every later release."""
    incidents = _incidents(services)
    incidents.keep(
        name,
        Expectation.parse(data.expectation),
        decision=data.decision,
        name=data.name,
        actor=actor,
    )
    return _detail(services, incidents.get(name))


@write(f"{_INCIDENT}/fix", tag="reverse")
def fix_incident(
    services: Given, name: FromPath[str], actor: Actor, data: JSONBody[WantedFix]
) -> IncidentDetail:
    """Start a retraining. The incident is fixed when an approved version passes all of its cases."""
    incidents = _incidents(services)
    incidents.fix(name, trigger=data.trigger, actor=actor)
    return _detail(services, incidents.get(name))


@write(f"{_INCIDENT}/close", tag="reverse")
def close_incident(
    services: Given, name: FromPath[str], actor: Actor, data: JSONBody[Reason]
) -> IncidentDetail:
    """Say that it is over; its cases stay."""
    return _detail(services, _incidents(services).close(name, why=data.why, actor=actor))


@read("/cases", tag="reverse")
def list_cases(
    services: Given,
    service: FromQuery[str | None] = None,
    states: Annotated[list[CaseState] | None, QueryParameter(name="state")] = None,
) -> list[HeldCase]:
    """List the regression cases that releases are held to, newest first, and how models stand."""
    return _held(services, _cases(services).list(service, states=states or ["active"]))


@write(f"{_CASE}/waive", tag="reverse")
def waive_case(
    services: Given, name: FromPath[str], actor: Actor, data: JSONBody[WantedWaiver]
) -> CaseWaiver:
    """Sign that a model version may be released although it fails a case, until some time is over."""
    waiver = _cases(services).waive(
        name,
        Ref.parse(data.model, "model"),
        reason=data.reason,
        lasts=parse_duration(data.lasts),
        actor=actor,
    )
    return waiver_of(waiver)


@write(f"{_CASE}/retire", tag="reverse")
def retire_case(
    services: Given, name: FromPath[str], actor: Actor, data: JSONBody[Reason]
) -> HeldCase:
    """Hold no release to a case any more, for good."""
    cases = _cases(services)
    cases.retire(name, actor=actor, reason=data.why)
    return _held(services, [cases.get(name)])[0]


@write("/waivers/{name:str}/revoke", tag="reverse")
def revoke_waiver(services: Given, name: FromPath[str], actor: Actor) -> CaseWaiver:
    """Take a waiver back at once; what is in force by then stays there."""
    return waiver_of(_cases(services).revoke(name, actor=actor))


def _incidents(services: Services) -> Incidents:
    if services.incidents is None:
        raise InvalidRequest("this server has no incidents")
    return services.incidents


def _cases(services: Services) -> RegressionCases:
    if services.cases is None:
        raise InvalidRequest("this server has no regression cases")
    return services.cases


def _detail(services: Services, incident: Incident) -> IncidentDetail:
    cases = _cases(services)
    return detail_of(incident, _held(services, [cases.get(one) for one in incident.cases]))


def _held(services: Services, wanted: Sequence[RegressionCase]) -> list[HeldCase]:
    if not wanted:
        return []
    cases = _cases(services)
    waivers = cases.waivers()
    with services.ledger.read() as tx:
        return held_cases(tx, cases, wanted, waivers, services.environment)


HANDLERS = [
    list_incidents,
    open_incident,
    show_incident,
    triage_incident,
    keep_case,
    fix_incident,
    close_incident,
    list_cases,
    waive_case,
    retire_case,
    revoke_waiver,
]
