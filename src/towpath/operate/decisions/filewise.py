"""Decisions file by file, for those who add something up and need not read a file twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from towpath.operate.decisions.records import FilewiseDecisions
from towpath.operate.decisions.streams import service_of
from towpath.operate.decisions.view import schema_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from towpath.operate.decisions.view import View, Window


def read_filewise(
    view: View, service: str | None, window: Window, columns: Sequence[str], known: Collection[str]
) -> FilewiseDecisions:
    """Read the files of a view that are not known, and what is in none."""
    services = view.services() if service is None else [service]
    files = [one for name in services for one in view.decision_files(name, window)]
    fresh = [one for one in files if one.digest not in known]
    nothing_raw, nothing_sealed = view.without_raw(), view.only([])
    none = pl.DataFrame(schema=schema_of(columns))
    unsealed = [nothing_sealed.decisions(name, window, columns) for name in services]
    return FilewiseDecisions(
        known=tuple(one.digest for one in files if one.digest in known),
        read={
            one.digest: nothing_raw.only([one]).decisions(service_of(one.stream), window, columns)
            for one in fresh
        },
        unsealed=pl.concat([*unsealed, none], how="vertical_relaxed"),
    )
