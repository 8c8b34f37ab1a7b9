"""Counts decisions, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from towpath.operate.decisions.columns import SIGNAL_SCHEMA
from towpath.operate.decisions.joining import owned
from towpath.operate.decisions.records import Tally
from towpath.operate.decisions.streams import KEYED, SIGNALS, service_of
from towpath.operate.decisions.view import ALWAYS, schema_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.operate.decisions.view import View


def tally_of(view: View, service: str | None) -> Tally:
    """Count what a view holds of one service or of all; unmatched are what no service's has."""
    columns = ["decision_id", "service", "status", "key", "at"]
    frames = {name: view.decisions(name, ALWAYS, columns) for name in view.services()}
    every = pl.concat([pl.DataFrame(schema=schema_of(columns)), *frames.values()])
    labelled = view.labels().select("decision_id").unique().collect()
    signalled, unmatched = _signalled(view, frames)
    mine = every if service is None else every.filter(pl.col("service") == service)
    return Tally(
        decisions=mine.height,
        errors=mine.filter(pl.col("status") == "error").height,
        labelled=mine.join(labelled, on="decision_id", how="semi").height,
        unmatched_labels=labelled.join(every, on="decision_id", how="anti").height,
        signalled=mine.join(signalled, on="decision_id", how="semi").height,
        unmatched_signals=unmatched + signalled.join(every, on="decision_id", how="anti").height,
    )


def _signalled(view: View, decisions: Mapping[str, pl.DataFrame]) -> tuple[pl.DataFrame, int]:
    """Return the ids that have signals, and how many keys have some that no decision carries."""
    ids = [view.rows(SIGNALS, SIGNAL_SCHEMA).select("decision_id").collect()]
    unmatched = 0
    services = {service_of(s.stream) for s in view.files(KEYED)} | {
        service_of(stream) for stream in view.raw.streams if stream.startswith(KEYED)
    }
    for service in services:
        made = decisions.get(service, pl.DataFrame(schema=schema_of(["decision_id", "key", "at"])))
        given = owned(view.keyed(service), made).select("decision_id", "key").collect()
        ids.append(given.select("decision_id").drop_nulls())
        unmatched += given.filter(pl.col("decision_id").is_null())["key"].n_unique()
    return pl.concat(ids).unique(), unmatched
