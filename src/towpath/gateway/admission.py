"""Who is let in: a bounded number of requests at a time, and none whose time is up.

A request that will be answered too late costs as much as one in time, and makes the next one late as well. So a
gateway that is behind refuses at the door, and says from its own pace when there will be room; and a request's
deadline is looked at again each time that it has waited, before a model works on it.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from towpath.core.errors import DeadlineExceeded, InvalidRequest, Overloaded, TowpathError
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
    """Counts requests in and out. Used from one event loop only.

    Attributes:
        in_flight: Requests that are being answered; `by_service` those of each service.
        done: Requests that were answered or refused after they had been let in.
    """

    def __init__(self, limits: Limits, metrics: GatewayMetrics) -> None:
        self.metrics = metrics
        self.in_flight = 0
        self._limits = limits
        self.by_service: defaultdict[str, int] = defaultdict(int)
        self.done = 0
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

    def has_room(self, service: str) -> bool:
        """Tell whether one more request fits, into the worker and for its service."""
        limits = self._limits
        held = self.by_service[service]
        return self.in_flight < limits.in_flight and held < limits.in_flight_per_service

    def overloaded(self) -> Overloaded:
        """Return the refusal of a request that does not fit, with when to come back."""
        return Overloaded(
            f"{self.in_flight} requests are being answered, and no more fit",
            remedy=f"Try again in {self.retry_after_s()} s.",
            in_flight=self.in_flight,
        )

    def tick(self) -> None:
        """Measure the pace. Called about once a second."""
        now = time.monotonic()
        over_s = now - self._paced_at
        if over_s > 0:
            pace = (self.done - self._paced_done) / over_s
            share = min(1.0, over_s / (2 * _PACE_OVER_S))
            self._pace += share * (pace - self._pace)
            self._paced_at, self._paced_done = now, self.done
        self.metrics.show("in_flight", self.in_flight)

    def retry_after_s(self) -> int:
        """Return after how many seconds what is under way will be done, at the pace of late."""
        if time.monotonic() - self._paced_at > _PACE_OVER_S / 4:
            self.tick()
        wait_s = self.in_flight / self._pace if self._pace > 0 else RETRY_MOST_S / 12
        return math.ceil(min(max(wait_s, 1.0), RETRY_MOST_S))


class Entry:
    """Room for one request: taken where it begins, given back where it ends, and counted.

    A block, for whoever answers in one go; `begin` and `end` for others.
    """

    __slots__ = ("_admission", "_begun", "_by", "_service")

    def __init__(self, admission: Admission, service: str, by: float | None) -> None:
        self._admission = admission
        self._service = service
        self._by = by

    def begin(self) -> None:
        """Let the request in.

        Raises:
            Overloaded: There is no room, in the worker or for the service.
            DeadlineExceeded: Its time is up.
        """
        self._begun = time.perf_counter()
        admission, service = self._admission, self._service
        if not admission.has_room(service) or self._by is not None:
            self._require(admission, service)
        admission.in_flight += 1
        admission.by_service[service] += 1

    def end(self, error: BaseException | None = None) -> None:
        """Let the request out, answered or refused for an error."""
        admission, service = self._admission, self._service
        admission.in_flight -= 1
        admission.by_service[service] -= 1
        admission.done += 1
        if error is None:
            admission.metrics.answered(service, 200, time.perf_counter() - self._begun)
        else:
            self._count(int(status_of(error)) if isinstance(error, Exception) else 499)

    def __enter__(self) -> None:
        """Begin."""
        self.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """End."""
        self.end(error)

    def _require(self, admission: Admission, service: str) -> None:
        """Refuse the request where there is no room, or its time is up, and count that."""
        try:
            if not admission.has_room(service):
                admission.metrics.refused(service, "overloaded")
                raise admission.overloaded()
            try:
                refuse_late(self._by)
            except DeadlineExceeded:
                admission.metrics.refused(service, "deadline")
                raise
        except TowpathError as error:
            self._count(int(status_of(error)))
            raise

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
