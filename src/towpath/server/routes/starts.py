"""What starts runs: schedules, triggers, backfills, and runs that wait."""

from __future__ import annotations

from litestar.params import FromPath, FromQuery

from towpath.server.resources.starts import (
    BackfillDetail,
    BackfillSummary,
    RunSchedule,
    RunTrigger,
    WantedRun,
)
from towpath.server.routes.given import Given
from towpath.server.routes.reading import read
from towpath.server.views import starts


@read("/schedules", tag="starts")
def list_schedules(services: Given, project: FromQuery[str | None] = None) -> list[RunSchedule]:
    """List schedules by name, with the moments that come next."""
    with services.ledger.read() as tx:
        return starts.list_schedules(tx, project, services.clock.now())


@read("/triggers", tag="starts")
def list_triggers(services: Given, project: FromQuery[str | None] = None) -> list[RunTrigger]:
    """List triggers by name, with what became of the last news."""
    with services.ledger.read() as tx:
        return starts.list_triggers(tx, project)


@read("/backfills", tag="starts")
def list_backfills(services: Given, project: FromQuery[str | None] = None) -> list[BackfillSummary]:
    """List backfills, newest first."""
    return starts.list_backfills(services.ledger, project)


@read("/backfills/{name:str}", tag="starts")
def show_backfill(services: Given, name: FromPath[str]) -> BackfillDetail:
    """Show a backfill and the windows that were started."""
    return starts.get_backfill(services.ledger, name)


@read("/wanted-runs", tag="starts")
def list_wanted_runs(services: Given, project: FromQuery[str | None] = None) -> list[WantedRun]:
    """List runs that are wanted and not over, oldest first."""
    with services.ledger.read() as tx:
        return starts.list_wanted(tx, project)


HANDLERS = [list_schedules, list_triggers, list_backfills, show_backfill, list_wanted_runs]
