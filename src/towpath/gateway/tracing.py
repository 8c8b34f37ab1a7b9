"""Requests as spans: the gateway's application, wrapped where somebody wants traces.

Without traces the wrapper is not there, and costs nothing. With them, the caller's `traceparent` is honoured,
and the answer says in `traceresponse` which span it was: https://www.w3.org/TR/trace-context-2/, section 5. The
decision's id is read off the answer, so that the way of a request knows nothing of tracing. Names of callers,
subjects, keys and values are no attributes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from towpath.gateway.http.messages import answer_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.core.spans import Spans
    from towpath.gateway.http.messages import Answer, Application, HttpRequest

# A quotation mark inside a JSON string stands behind a backslash, so no caller's text can match.
_DECISION: Final = re.compile(rb'"decision_id":"([0-9a-f-]{36})"')
_MODEL: Final = re.compile(rb'"model":"(model:[^"\\]{1,200})"')
_SEEN: Final = 4096
_QUIET: Final = frozenset({"metrics", "ping", "health"})
_FIXED: Final = frozenset(
    {
        "v1", "v2", "models", "versions", "infer", "explain", "ready", "invocations", "repository",
        "index", "labels", "signals", "features", "release", "load", "unload",
    }
)  # fmt: skip


def traced(app: Application, spans: Spans | None) -> Application:
    """Return the application, with its requests traced if there are `spans`."""
    return app if spans is None else TracedApp(app, spans)


class TracedApp:
    """Makes a span of each request, probes and scrapes excepted."""

    def __init__(self, app: Application, spans: Spans) -> None:
        self._app = app
        self._spans = spans

    async def answer(self, request: HttpRequest) -> Answer:
        """Answer one request; never raises."""
        parts = request.parts
        if parts[-1] in _QUIET or tuple(parts[:2]) == ("v2", "health"):
            return await answer_to(request, self._app)
        route, service = _route(parts)
        attributes = {"http.request.method": request.method, "http.route": route}
        span = self._spans.begin(
            f"{request.method} {route}",
            parent=request.header(b"traceparent").decode("latin-1") or None,
            is_server=True,
            attributes=attributes,
        )
        answer = await answer_to(request, self._app)
        span.note(http__response__status_code=int(answer.status))
        if answer.status < 400:  # names that callers made up are nobody's business
            if service:
                span.note(towpath__service=service)
            for name, pattern in (("decision_id", _DECISION), ("model", _MODEL)):
                found = pattern.search(answer.body, 0, _SEEN) or pattern.search(
                    answer.body, max(0, len(answer.body) - _SEEN)
                )
                if found:
                    span.note(**{f"towpath__{name}": found[1].decode()})
        span.end(str(int(answer.status)) if answer.status >= 500 else None)
        said = (b"traceresponse", span.traceparent.encode())
        return answer._replace(headers=(*answer.headers, said))


def _route(parts: Sequence[str]) -> tuple[str, str]:
    """Return a path's pattern, without what callers choose, and the service that it names."""
    service = parts[2] if len(parts) > 2 and tuple(parts[:2]) == ("v2", "models") else ""
    shown = [part if part in _FIXED else "{}" for part in parts]
    if service:
        shown[2] = "{model}"
    return "/" + "/".join(shown), service[:200]
