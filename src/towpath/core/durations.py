"""Spans of time as people write them: `90s`, `5m`, `2h`, `7d`, `8 weeks`."""

from __future__ import annotations

import re
from datetime import timedelta

from towpath.core.errors import InvalidName

_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*")
_SECONDS = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 604_800),
}


def parse_duration(text: str | timedelta) -> timedelta:
    """Read a positive span such as `2h` or `8 weeks`; a timedelta passes through.

    Raises:
        InvalidName: The text is not a number and a unit, or is not above zero.
    """
    if isinstance(text, timedelta):
        span = text
    else:
        match = _SPAN.fullmatch(text.lower())
        if match is None or match[2] not in _SECONDS:
            raise InvalidName(
                f"{text!r} is not a duration", remedy="Write for example '90s', '2h' or '7d'."
            )
        span = timedelta(seconds=float(match[1]) * _SECONDS[match[2]])
    if span <= timedelta(0):
        raise InvalidName(f"the duration {text!r} is not above zero")
    return span


def format_duration(span: timedelta) -> str:
    """Write a span in its largest whole unit, as `parse_duration` reads it."""
    seconds = span.total_seconds()
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s" if seconds.is_integer() else f"{seconds}s"
