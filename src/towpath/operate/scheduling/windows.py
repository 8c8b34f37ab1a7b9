"""Cuts a stretch of event time into the windows that a backfill runs for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.errors import InvalidName
from towpath.operate.scheduling.contract import Span

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

WINDOWS_MOST = 10_000


def count_windows(since: datetime, until: datetime, every: timedelta) -> int:
    """Return how many windows a stretch makes; the last may be shorter.

    Raises:
        InvalidName: None, or too many to be meant.
    """
    if until <= since:
        raise InvalidName(
            f"the stretch from {since.isoformat()} to {until.isoformat()} is empty",
            remedy="--to must be later than --from.",
        )
    count = -((since - until) // every)
    if count > WINDOWS_MOST:
        raise InvalidName(
            f"that would be {count:,} windows", remedy=f"At most {WINDOWS_MOST:,} make sense."
        )
    return count


def window(since: datetime, until: datetime, every: timedelta, index: int) -> Span:
    """Return a stretch's window by its place, from 0."""
    begin = since + index * every
    return Span(since=begin, until=min(begin + every, until))


def fill_in(params: Mapping[str, object], span: Span) -> dict[str, object]:
    """Return parameters with `{since}` and `{until}` replaced in texts."""
    bounds = {"{since}": span.since.isoformat(), "{until}": span.until.isoformat()}
    filled: dict[str, object] = {}
    for name, value in params.items():
        text = value
        if isinstance(text, str):
            for mark, bound in bounds.items():
                text = text.replace(mark, bound)
        filled[name] = text
    return filled
