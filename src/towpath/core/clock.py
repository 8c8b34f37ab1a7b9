"""Time is injected: nothing below `app` asks the operating system what time it is.

Two times exist side by side. *Wall time* is when something happened to the machine (leases,
recorded-at, latencies). *Event time* is when it happened in the world the model lives in; windows,
label maturity, schedules and rollouts follow it, so that a year can be replayed in minutes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

from towpath.core.errors import InvalidName

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Tells event time. Implementations are thread-safe and never go backwards."""

    def now(self) -> datetime:
        """Return the current event time, aware, in UTC."""
        ...


class SystemClock:
    """Event time that is wall time."""

    def now(self) -> datetime:
        """Return the operating system's time in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """Event time that moves only when told to; for tests."""

    def __init__(self, start: datetime) -> None:
        self._now = as_utc(start)

    def now(self) -> datetime:
        """Return the time last set."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move forward by a span and return the new time."""
        return self.advance_to(self._now + by)

    def advance_to(self, when: datetime) -> datetime:
        """Move forward to `when`; an earlier time leaves the clock where it is."""
        self._now = max(self._now, as_utc(when))
        return self._now


def as_utc(when: datetime) -> datetime:
    """Return an aware time in UTC.

    Raises:
        InvalidName: The time has no time zone, so it means different moments to different readers.
    """
    if when.tzinfo is None:
        raise InvalidName(
            f"the time {when.isoformat()} has no time zone", remedy="Add one, such as +00:00."
        )
    return when if when.tzinfo is UTC else when.astimezone(UTC)


def to_micros(when: datetime) -> int:
    """Return whole microseconds since 1970-01-01T00:00Z, exactly."""
    span = as_utc(when) - _EPOCH
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def from_micros(micros: int) -> datetime:
    """Return the UTC time that lies `micros` microseconds after 1970-01-01T00:00Z."""
    return _EPOCH + timedelta(microseconds=micros)


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 time; one without a zone is taken as UTC, as people type it.

    Raises:
        InvalidName: The text is not ISO 8601.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidName(
            f"{text!r} is not a time", remedy="Write ISO 8601, such as 2013-03-01T06:00Z."
        ) from error
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
