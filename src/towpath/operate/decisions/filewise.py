"""Decisions file by file, for those who add something up and need not read a file twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import polars as pl

    from towpath.operate.decisions.view import View, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class FilewiseDecisions:
    """The decisions of a span of event time, in one consistent state of the log.

    A file never changes: one of the same digest holds the same rows. A compaction or an erasure
    replaces files by others.

    Attributes:
        known: Digests of the files that were not read, because the caller has what was in them.
        read: Each other file's rows, by its digest.
        unsealed: The rows that are in no file yet.
    """

    known: tuple[str, ...]
    read: Mapping[str, pl.DataFrame]
    unsealed: pl.DataFrame


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
