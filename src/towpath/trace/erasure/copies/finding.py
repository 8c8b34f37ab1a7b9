"""What most kinds of copies need to say what they hold of a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from towpath.trace.erasure.copies.contract import FoundCopy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.ledger.records import Json
    from towpath.trace.erasure.contract import HeldCopy
    from towpath.trace.erasure.copies.contract import About


def untold(held: Iterable[HeldCopy], note: str) -> list[FoundCopy]:
    """Return copies of which can't be told what in them is about the subject."""
    return [FoundCopy(name=one.name, count=None, note=note) for one in held]


def rows_about(rows: pl.LazyFrame, about: About) -> tuple[Json, ...]:
    """Return the rows in which any column of text is the subject's name, or their keyed hash."""
    texts = [name for name, kind in rows.collect_schema().items() if kind == pl.String]
    if not texts:
        return ()
    mine = pl.any_horizontal(pl.col(texts).is_in([about.value, about.subject]))
    return tuple(plain(row) for row in rows.filter(mine).collect().iter_rows(named=True))


def plain(row: dict[str, Any]) -> Json:
    """Return a row as JSON values: times as text, bytes as their number."""
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return value.isoformat() if hasattr(value, "isoformat") else value
