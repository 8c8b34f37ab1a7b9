"""Recorded decisions: what was asked and answered, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from litestar.params import FromQuery, QueryParameter

from towpath.core.clock import as_utc
from towpath.core.errors import InvalidRequest
from towpath.operate.decisions import DecisionFilter
from towpath.server.resources.decisions import DecisionRows
from towpath.server.routes.given import Given, Limit
from towpath.server.routes.reading import read
from towpath.server.views.decisions import rows_of

_ACTOR = "server"
Moment = Annotated[datetime | None, QueryParameter(description="Event time with its zone.")]


@read("/decisions", tag="operations")
def list_decisions(
    services: Given,
    *,
    service: FromQuery[str],
    since: Moment = None,
    until: Moment = None,
    model: FromQuery[str | None] = None,
    release: FromQuery[str | None] = None,
    arm: FromQuery[str | None] = None,
    rollout: FromQuery[str | None] = None,
    status: FromQuery[str | None] = None,
    key: FromQuery[str | None] = None,
    subject: Annotated[str | None, QueryParameter(description="Keyed hash.")] = None,
    service_version: FromQuery[str | None] = None,
    before: Annotated[
        str | None, QueryParameter(description="Only decisions recorded before this one.")
    ] = None,
    limit: Limit = 100,
) -> DecisionRows:
    """List a service's decisions with label and signals, newest first. The reading is recorded."""
    if services.decisions is None:
        raise InvalidRequest("this server has no decision log")
    page = services.decisions.page(
        service,
        actor=_ACTOR,
        since=None if since is None else as_utc(since),
        until=None if until is None else as_utc(until),
        where=DecisionFilter(
            model=model,
            release=release,
            arm=arm,
            rollout=rollout,
            status=status,
            key=key,
            subject=subject,
            service_version=service_version,
        ),
        before=before,
        limit=limit,
    )
    return rows_of(service, page)


HANDLERS = [list_decisions]
