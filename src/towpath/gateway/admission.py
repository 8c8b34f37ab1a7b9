"""Who is let in: a bounded number of requests at a time, and none whose time is up.

A request that will be answered too late costs as much as one in time, and makes the next one late as well. So a
gateway that is behind refuses at the door, and says from its own pace when there will be room; and a request's
deadline is looked at again each time that it has waited, before a model works on it.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from towpath.core.errors import DeadlineExceeded, InvalidRequest, Overloaded
from towpath.gateway.failures import status_of

if TYPE_CHECKING:
    from types import TracebackType

    from towpath.gateway.limits import Limits
    from towpath.gateway.metrics import GatewayMetrics

DEADLINE: Final = b"towpath-deadline-ms"
"""The header that says for how many milliseconds, from its first byte, a request's answer is of use."""

RETRY_MOST_S: Final = 60.0
_PACE_OVER_S: Final = 1.0
_LONGEST_MS: Final = 24 * 3600 * 1000


class Admission:
    """Counts requests in and out. Used from one event loop only."""

    def __init__(self, limits: Limits, metrics: GatewayMetrics) -> None:
        self.metrics = metrics
        self.in_flight = 0
        self._limits = limits
        self._by_service: dict[str, int] = {}
        self._done = 0
        self._pace = 0.0
        self._paced_at = time.monotonic()
        self._paced_done = 0

    def deadline(self, said_ms: bytes, begun: float) -> float | None:
        """Return when a request's time is up, by the monotonic clock; None: never.

        Args:
            said_ms: What its `towpath-deadline-ms` says, empty where it has none.
            begun: When its first byte came.

        Raises:
            InvalidRequest: It says something else than a number of milliseconds.
        """
        if not said_ms:
            default_s = self._limits.deadline_s
            return None if default_s is None else begun + default_s
        if not said_ms.isdigit() or not 0 < int(said_ms[:12]) <= _LONGEST_MS:
            raise InvalidRequest(
                "towpath-deadline-ms is not a number of milliseconds",
                remedy="Send a whole number from 1 to 86400000: how long the answer is of use.",
            )
        return begun + int(said_ms) / 1000

    def entry(self, service: str, by: float | None) -> Entry:
        """Return the block in which a request is answered. `service` is one that is served, or empty."""
        return Entry(self, service, by)

    def enter(self, service: str, by: float | None) -> None:
        """Let a request in.

        Raises:
            Overloaded: There is no room, in the worker or for the service.
            DeadlineExceeded: Its time is up.
        """
        held = self._by_service.get(service, 0)
        if self.in_flight >= self._limits.in_flight or held >= self._limits.in_flight_per_service:
            self.metrics.refused(service, "overloaded")
            raise Overloaded(
                f"{self.in_flight} requests are being answered, and no more fit",
                remedy=f"Try again in {self.retry_after_s()} s.",
                in_flight=self.in_flight,
            )
        if by is not None:
            try:
                refuse_late(by)
            except DeadlineExceeded:
                self.metrics.refused(service, "deadline")
                raise
        self.in_flight += 1
        self._by_service[service] = held + 1

    def leave(self, service: str) -> None:
        """Let a request out."""
        self.in_flight -= 1
        self._by_service[service] -= 1
        self._done += 1

    def tick(self) -> None:
        """Measure the pace. Called about once a second."""
        now = time.monotonic()
        over_s = now - self._paced_at
        if over_s > 0:
            pace = (self._done - self._paced_done) / over_s
            share = min(1.0, over_s / (2 * _PACE_OVER_S))
            self._pace += share * (pace - self._pace)
            self._paced_at, self._paced_done = now, self._done
        self.metrics.show("in_flight", self.in_flight)

    def retry_after_s(self) -> int:
        """Return after how many seconds what is under way will be done, at the pace of late."""
        if time.monotonic() - self._paced_at > _PACE_OVER_S / 4:
            self.tick()
        wait_s = self.in_flight / self._pace if self._pace > 0 else RETRY_MOST_S / 12
        return math.ceil(min(max(wait_s, 1.0), RETRY_MOST_S))


class Entry:
    """The block in which one request is answered: room is taken for it, and its end is counted."""

    __slots__ = ("_admission", "_begun", "_by", "_service")

    def __init__(self, admission: Admission, service: str, by: float | None) -> None:
        self._admission = admission
        self._service = service
        self._by = by

    def __enter__(self) -> None:
        """Begin; raises what `Admission.enter` raises, which is counted as well."""
        self._begun = time.perf_counter()
        try:
            self._admission.enter(self._service, self._by)
        except Exception as error:
            self._count(int(status_of(error)))
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """End."""
        self._admission.leave(self._service)
        if error is None:
            self._count(200)
        else:
            self._count(int(status_of(error)) if isinstance(error, Exception) else 499)

    def _count(self, status: int) -> None:
        seconds = time.perf_counter() - self._begun
        self._admission.metrics.answered(self._service, status, seconds)


def refuse_late(by: float | None) -> None:
    """Refuse a request whose time is up.

    Raises:
        DeadlineExceeded: It is.
    """
    if by is not None and time.monotonic() >= by:
        raise DeadlineExceeded(
            "the request's time was up before it was worked on",
            remedy="Nothing was decided or recorded. Give it longer, or send fewer at a time.",
        )
