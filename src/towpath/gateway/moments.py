"""Which event time a request's rows have."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from towpath.core.clock import SystemClock, parse_time, to_micros
from towpath.core.errors import InvalidRequest

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.core.clock import Clock


class Moments:
    """Event time at the door.

    A replayed clock lives in the database; it is read by `refresh`, off the hot path, so that a request
    never waits for the database.

    Args:
        clock: Event time.
        replay: Whether to believe the times that requests carry.
    """

    def __init__(self, clock: Clock, *, replay: bool) -> None:
        self._clock = clock
        self._replay = replay
        self._seen_us: int | None = None
        self._is_wall = isinstance(clock, SystemClock)  # asked for each row, so without the detour

    def refresh(self) -> datetime:
        """Read the clock."""
        now = self._clock.now()
        self._seen_us = to_micros(now)
        return now

    def now_us(self) -> int:
        """Return event time, in microseconds."""
        if self._replay and self._seen_us is not None:
            return self._seen_us
        if self._is_wall:
            return time.time_ns() // 1000
        return to_micros(self._clock.now())

    def of_decision(self, text: str | None) -> int:
        """Return the time that a caller claims for a decision, or now.

        Raises:
            InvalidRequest: It claims one although this gateway does not replay, or it is no time.
        """
        if text is None:
            return self.now_us()
        if not self._replay:
            raise InvalidRequest(
                "a request can't choose its time on a gateway that serves live traffic",
                remedy="Leave `time` out, or start the gateway with replay.",
            )
        return _read(text)

    def of_push(self, newest_us: int) -> int:
        """Return the moment at which observations are taken in: now, but not before they were true.

        Of those only where time is replayed; elsewhere an observation of the future is refused.
        """
        now_us = self.now_us()
        return max(now_us, newest_us) if self._replay else now_us

    def of_label(self, text: str | None) -> int:
        """Return when an outcome was known; callers know better than we do."""
        return self.now_us() if text is None else _read(text)


def _read(text: str) -> int:
    try:
        return to_micros(parse_time(text))
    except ValueError as error:
        raise InvalidRequest("a time is not ISO 8601") from error
