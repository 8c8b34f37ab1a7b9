"""The one place where errors become HTTP: RFC 9457 problem documents."""

from __future__ import annotations

import http
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec

from towpath.core.digests import canonical_json
from towpath.core.errors import TowpathError

if TYPE_CHECKING:
    from litestar.types import ExceptionHandlersMap

PROBLEM_JSON = "application/problem+json"

_STATUS = {
    "usage": 400,
    "invalid-name": 400,
    "invalid-setting": 400,
    "invalid-project": 400,
    "invalid-request": 400,
    "not-found": 404,
    "conflict": 409,
    "fence-lost": 409,
    "gate-refused": 409,
    "budget-refused": 409,
    "schema-violation": 422,
    "rate-limited": 429,
    "withdrawn": 451,
    "infrastructure": 503,
    "unavailable": 503,
    "overloaded": 503,
    "deadline-exceeded": 504,
    "storage-full": 507,
}
_RETRY_AFTER_S = 2

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong, as RFC 9457 writes it.

    Attributes:
        type: A relative reference that names the error's code.
        detail: The sentence for people.
        code: The error's stable code, for programs.
        remedy: What to do next; empty where nothing can be said.
        fields: The values involved, under one key so that none can shadow a standard member.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    remedy: str
    fields: dict[str, Any]


def problem(
    status: int, detail: str, *, code: str, remedy: str = "", fields: dict[str, Any] | None = None
) -> Response[bytes]:
    """Build a problem document."""
    document = Problem(
        type=f"/problems/{code}",
        title=http.HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        remedy=remedy,
        fields=fields or {},
    )
    known = (fields or {}).get("retry_after_s")
    if known is None and status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        known = _RETRY_AFTER_S
    headers = {} if known is None else {"retry-after": str(known)}
    return Response(
        canonical_json(document), status_code=status, media_type=PROBLEM_JSON, headers=headers
    )


def status_of(error: TowpathError) -> int:
    """Return the HTTP status that an error's code stands for; 500 for those that are ours to fix."""
    return _STATUS.get(error.code, 500)


def _from_towpath(request: Request[Any, Any, Any], error: TowpathError) -> Response[bytes]:
    status = status_of(error)
    if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("request.failed", path=request.url.path, code=error.code, detail=error.message)
    return problem(status, error.message, code=error.code, remedy=error.remedy, fields=error.fields)


def _from_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    code = http.HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    fields = {"parameters": error.extra} if error.extra else None
    return problem(error.status_code, error.detail, code=code, fields=fields)


def _from_bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer without a word of the exception, which may quote what nobody should read."""
    _log.error("request.crashed", path=request.url.path, error=type(error).__name__, exc_info=error)
    return problem(
        500,
        "the server hit a bug",
        code="bug",
        remedy="The server's log has the details; please report them.",
    )


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    TowpathError: _from_towpath,
    HTTPException: _from_http,
    Exception: _from_bug,
}


def _responses(described: dict[int, str]) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(
            data_container=Problem,
            media_type=PROBLEM_JSON,
            description=description,
            generate_examples=False,
        )
        for status, description in described.items()
    }


PROBLEM_RESPONSES = _responses(
    {
        400: "A parameter does not parse, or asks for something that can't be meant.",
        401: "The server's token is missing.",
        404: "The named thing does not exist.",
        503: "The ledger or blob store is away; a retry may succeed.",
    }
)
WRITE_RESPONSES = PROBLEM_RESPONSES | _responses(
    {
        403: "Another site sent the request, or it names no actor.",
        409: "Somebody else got there first, or the thing is in another state.",
    }
)
LIMITED_RESPONSES = WRITE_RESPONSES | _responses(
    {
        429: "The caller has asked for as much as it may for now; `Retry-After` says when it may again."
    }
)
