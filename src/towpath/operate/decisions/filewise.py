"""Decisions file by file, for those who add something up and need not read a file twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.operate.decisions.records import FilewiseDecisions

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from towpath.operate.decisions.view import View, Window


def read_filewise(
    view: View, service: str, window: Window, columns: Sequence[str], known: Collection[str]
) -> FilewiseDecisions:
    """Read the files of a view that are not known, and what is in none."""
    files = view.decision_files(service, window)
    fresh = [one for one in files if one.digest not in known]
    nothing_raw = view.without_raw()
    return FilewiseDecisions(
        known=tuple(one.digest for one in files if one.digest in known),
        read={
            one.digest: nothing_raw.only([one]).decisions(service, window, columns) for one in fresh
        },
        unsealed=view.only([]).decisions(service, window, columns),
    )
