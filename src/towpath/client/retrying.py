"""When to ask again, and how long to wait before it."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from towpath.core.errors import (
    Conflict,
    DeadlineExceeded,
    InvalidRequest,
    NotFound,
    Overloaded,
    TowpathError,
    Unavailable,
    Withdrawn,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_ERRORS: Final[dict[int, type[TowpathError]]] = {
    400: InvalidRequest,
    401: InvalidRequest,
    404: NotFound,
    405: InvalidRequest,
    409: Conflict,
    413: InvalidRequest,
    415: InvalidRequest,
    429: Overloaded,
    451: Withdrawn,
    503: Unavailable,
    504: DeadlineExceeded,
}
_BUSY: Final = 429
POOL: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30.0)
"""Connections are kept for less time than a gateway keeps them silent, so that it closes none first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often to ask again, where that can't make two decisions of one.

    A prediction is asked for again only if the gateway can't have begun it: no connection came about,
    or it refused the request for being busy. Labels and signals are asked for again whatever
    happened: of several that say the same of one decision, one counts.

    Attributes:
        most: How many more times, after the first.
        first_s: The longest wait before the second time; it doubles from time to time. Waits are
            drawn evenly from nothing up to that, so that callers who failed together don't come back
            together (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter).
    """

    most: int = 3
    first_s: float = 0.05

    def wait_s(self, tried: int, answer: httpx.Response | None) -> float:
        """Return how long to wait; a gateway that says how long is believed."""
        told = None if answer is None else answer.headers.get("retry-after")
        if told is not None and told.isdecimal():
            return float(told)
        return random.uniform(0.0, self.first_s * 2**tried)  # noqa: S311 - spreads load, no secret


class Attempts:
    """One call: how long it may still take, and whether it may be tried again.

    Args:
        retries: How often.
        deadline_s: How long the answer is of use; None: as long as it takes.
        repeatable: Whether doing it twice does no harm.
    """

    def __init__(self, retries: Retries, deadline_s: float | None, *, repeatable: bool) -> None:
        self._retries = retries
        self._until = None if deadline_s is None else time.monotonic() + deadline_s
        self._repeatable = repeatable
        self._tried = 0

    @property
    def left_s(self) -> float | None:
        """How long the call may still take.

        Raises:
            DeadlineExceeded: No longer.
        """
        if self._until is None:
            return None
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise DeadlineExceeded("the call's time is up", remedy="Ask sooner, or allow for more.")
        return left_s

    def headers(self) -> dict[str, str]:
        """Return what tells the gateway how long the answer is of use."""
        left_s = self.left_s
        return {} if left_s is None else {"towpath-deadline-ms": str(max(1, int(left_s * 1000)))}

    def again(self, answer: httpx.Response | None, error: httpx.HTTPError | None) -> float | None:
        """Return how long to wait before the next time; None where there is none.

        Raises:
            TowpathError: What the last time came to, where there is no next one.
        """
        harmless = self._repeatable and (answer is None or answer.status_code >= 500)
        busy = answer is not None and answer.status_code == _BUSY
        if not (harmless or busy or isinstance(error, _UNSENT)):
            return None
        if self._tried >= self._retries.most:
            return None
        wait_s = self._retries.wait_s(self._tried, answer)
        if self._until is not None and time.monotonic() + wait_s >= self._until:
            return None
        self._tried += 1
        return wait_s


def error_of(answer: httpx.Response | None, error: httpx.HTTPError | None) -> TowpathError:
    """Return what a failed call came to, as one of Towpath's errors."""
    if answer is None:
        if isinstance(error, httpx.TimeoutException) and not isinstance(error, _UNSENT):
            return DeadlineExceeded(
                "the gateway did not answer in time",
                remedy="Whether it made a decision is not known; its log tells.",
            )
        sent = not isinstance(error, _UNSENT)
        remedy = "Whether it made a decision is not known; its log tells." if sent else ""
        return Unavailable(f"the gateway can't be reached: {type(error).__name__}", remedy=remedy)
    kind = _ERRORS.get(answer.status_code, Unavailable)
    return kind(_told(answer.content) or f"the gateway answered {answer.status_code}")


def _told(content: bytes) -> str:
    try:
        told: Mapping[str, Any] = json.loads(content)
        return str(told["error"])
    except (ValueError, KeyError, TypeError):
        return ""
