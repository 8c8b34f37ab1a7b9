"""What may be spent, what was spent on what, and what waits for it."""

from __future__ import annotations

from typing import Annotated

from litestar.params import FromPath, FromQuery, QueryParameter

from towpath.build.capacity.reading import SpendBy
from towpath.server.resources.spend import Spend, SpendBreakdown
from towpath.server.routes.given import Given
from towpath.server.routes.reading import read
from towpath.server.views import spend


@read("/spend", tag="spend")
def show_spend(services: Given) -> Spend:
    """Show budgets, what runs and waits under them, alerts, prices, and spend by day."""
    with services.ledger.read() as tx:
        return spend.spend_now(tx, now=services.clock.now())


@read("/spend/{by:str}", tag="spend")
def show_spend_by(
    services: Given,
    by: FromPath[SpendBy],
    project: FromQuery[str | None] = None,
    days: Annotated[
        int | None, QueryParameter(ge=1, description="Only the last days of event time.")
    ] = None,
) -> SpendBreakdown:
    """Show what was spent by project, queue, pipeline, step, cause, model, erasure, run or day."""
    with services.ledger.read() as tx:
        now = services.clock.now()
        return spend.spend_by(tx, by, now=now, days=days, project=project)


HANDLERS = [show_spend, show_spend_by]
