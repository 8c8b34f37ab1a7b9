"""Searches and their trials."""

from __future__ import annotations

from typing import Annotated

from litestar.params import FromPath, FromQuery, QueryParameter

from towpath.build.tuning import SearchReader, SearchSummary, SearchView
from towpath.server.routes.given import Given, Limit
from towpath.server.routes.reading import read


@read("/searches", tag="searches")
def list_searches(
    services: Given,
    project: FromQuery[str | None] = None,
    before: Annotated[
        str | None, QueryParameter(description="Only searches that come after this one.")
    ] = None,
    limit: Limit = 200,
) -> list[SearchSummary]:
    """List searches, newest first, a page at a time."""
    reader = SearchReader(services.ledger, services.blobs)
    return reader.list(project=project, before=before, limit=limit)


@read("/searches/{run_id:str}", tag="searches")
def show_search(services: Given, run_id: FromPath[str]) -> SearchView:
    """Show a search with every trial, by its own run or the pipeline's that holds it."""
    return SearchReader(services.ledger, services.blobs).show(run_id)


HANDLERS = [list_searches, show_search]
