"""How errors read over HTTP: `{"error": …}` with the status of their kind."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from towpath.core.errors import (
    Conflict,
    DeadlineExceeded,
    InfrastructureError,
    NotFound,
    Overloaded,
    SchemaViolation,
    StorageFull,
    TowpathError,
    UsageError,
    Withdrawn,
)

_STATUSES: Final[tuple[tuple[type[TowpathError], HTTPStatus], ...]] = (
    (UsageError, HTTPStatus.BAD_REQUEST),
    (SchemaViolation, HTTPStatus.BAD_REQUEST),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (Withdrawn, HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS),
    (StorageFull, HTTPStatus.INSUFFICIENT_STORAGE),
    (Overloaded, HTTPStatus.TOO_MANY_REQUESTS),
    (DeadlineExceeded, HTTPStatus.GATEWAY_TIMEOUT),
    (InfrastructureError, HTTPStatus.SERVICE_UNAVAILABLE),
)


class HttpRefusal(Exception):
    """A request that is refused for its HTTP form, before anybody looks at what it asks."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def status_of(error: Exception) -> HTTPStatus:
    """Return the status that tells a client what kind of failure it met."""
    if isinstance(error, HttpRefusal):
        return error.status
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def body_of(error: Exception) -> dict[str, str]:
    """Return the document that explains a failure; of an unforeseen one it says nothing."""
    if isinstance(error, HttpRefusal):
        return {"error": error.message}
    if isinstance(error, TowpathError):
        return {"error": str(error), "code": error.code}
    return {"error": "the gateway failed on this request; its log says how"}
