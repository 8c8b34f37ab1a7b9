"""Which columns of a version look personal without being declared so: kept in its body."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from towpath.assets.personal import PersonalFinding, find_personal

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from towpath.assets.datasets.declaration import Dataset
    from towpath.ledger.records import Json, Version

PERSONAL = "looks_personal"
_log = structlog.get_logger()


def marks_of_commit(dataset: Dataset, rows: pl.DataFrame) -> Callable[[Version | None], Json]:
    """Return what tells what goes into the body of a version that takes rows in.

    The returned function is told the version whose rows stay, if any do: what was found in those stays
    found, until the column is declared personal, and is not looked for again in the rows that come.
    What is new is warned of.
    """
    declared = {column.name for column in dataset.columns if column.personal}
    open_columns = {column.name for column in dataset.columns} - declared
    warned: set[str] = set()

    def marks(before: Version | None) -> Json:
        said: dict[str, Json] = {} if before is None else before.body.get(PERSONAL, {})
        kept = {name: mark for name, mark in said.items() if name in open_columns}
        for one in find_personal(rows, skip=declared | kept.keys()):
            if one.column not in warned:
                warned.add(one.column)
                _log.warning(
                    "dataset.looks_personal",
                    dataset=dataset.name,
                    column=one.column,
                    kind=one.kind,
                    share=one.share,
                )
            if one.column in open_columns:
                kept[one.column] = msgspec.to_builtins(one)
        return {PERSONAL: kept} if kept else {}

    return marks


def marks_of(version: Version) -> list[PersonalFinding]:
    """Return the columns of a version that look personal without being declared so."""
    marks: dict[str, Json] = version.body.get(PERSONAL, {})
    return [msgspec.convert(mark, PersonalFinding) for mark in marks.values()]
