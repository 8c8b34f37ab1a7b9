"""The methods of the protocol's service, and the statuses that failures have in gRPC."""

from __future__ import annotations

import hmac
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import grpc
import structlog

from towpath.core.errors import TowpathError
from towpath.gateway import describing, repository
from towpath.gateway.failures import HttpRefusal, body_of, status_of
from towpath.gateway.rpc.messages import METHODS, SERVICE, message
from towpath.gateway.rpc.translating import filled, request_of, response_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from towpath.gateway.answering import Answering

_STATUSES: Final = {
    HTTPStatus.BAD_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    HTTPStatus.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    HTTPStatus.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    HTTPStatus.CONFLICT: grpc.StatusCode.ABORTED,
    HTTPStatus.TOO_MANY_REQUESTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS: grpc.StatusCode.FAILED_PRECONDITION,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
    HTTPStatus.INSUFFICIENT_STORAGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_OPEN: Final = ("ServerLive", "ServerReady")

_log = structlog.get_logger()


class InferenceService:
    """Answers the methods by name. Used from one event loop only.

    Args:
        answering: Answers.
        token: What callers must send as bearer token, health probes excepted; empty for none.
    """

    def __init__(self, answering: Answering, *, token: str = "") -> None:
        self._answering = answering
        self._bearer = f"Bearer {token}".encode() if token else b""
        self._methods: dict[str, Callable[[Any, Any], Awaitable[Any]]] = {
            "ServerLive": self._live,
            "ServerReady": self._ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server,
            "ModelMetadata": self._model,
            "ModelInfer": self._infer,
            "RepositoryIndex": self._index,
            "RepositoryModelLoad": self._load,
            "RepositoryModelUnload": self._unload,
        }

    def handler(self) -> grpc.GenericRpcHandler:
        """Return what a gRPC server is given."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                name: grpc.unary_unary_rpc_method_handler(
                    self._guarded(name),
                    request_deserializer=message(f"{name}Request").FromString,
                    response_serializer=message(f"{name}Response").SerializeToString,
                )
                for name in METHODS
            },
        )

    def _guarded(self, name: str) -> Callable[[Any, Any], Awaitable[Any]]:
        """Return a method that asks who calls, and tells failures as gRPC does."""
        answer = self._methods[name]

        async def call(request: Any, context: Any) -> Any:
            try:
                self._authorize(name, context)
                return await answer(request, context)
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
                status = status_of(error)
                if status is HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(
                    error, TowpathError
                ):
                    _log.exception("request.failed", method=name)
                code = _STATUSES.get(status, grpc.StatusCode.INTERNAL)
                trailing = ()
                if status is HTTPStatus.TOO_MANY_REQUESTS:
                    wait_ms = 1000 * self._answering.admission.retry_after_s()
                    trailing = (("grpc-retry-pushback-ms", str(wait_ms)),)
                await context.abort(code, body_of(error)["error"], trailing)

        return call

    def _authorize(self, name: str, context: Any) -> None:
        if not self._bearer or name in _OPEN:
            return
        sent = dict(context.invocation_metadata() or ()).get("authorization", "")
        if not hmac.compare_digest(sent.encode(), self._bearer):
            raise HttpRefusal(HTTPStatus.UNAUTHORIZED, "this gateway asks for a bearer token")

    def _deadline(self, context: Any) -> float | None:
        """Return when a call's time is up: its own deadline, or the default one from now."""
        now = time.monotonic()
        left_s: float | None = context.time_remaining()
        return self._answering.admission.deadline(b"", now) if left_s is None else now + left_s

    async def _live(self, _request: Any, _context: Any) -> Any:
        return message("ServerLiveResponse")(live=True)

    async def _ready(self, _request: Any, _context: Any) -> Any:
        table = self._answering.table
        is_ready = table.loaded and not table.broken and not self._answering.is_ending
        return message("ServerReadyResponse")(ready=is_ready)

    async def _model_ready(self, request: Any, _context: Any) -> Any:
        describing.served(self._answering.table, request.name, request.version)
        return message("ModelReadyResponse")(ready=True)

    async def _server(self, _request: Any, _context: Any) -> Any:
        return filled(message("ServerMetadataResponse")(), describing.server())

    async def _model(self, request: Any, _context: Any) -> Any:
        found = describing.metadata(self._answering.table, request.name, request.version)
        return filled(message("ModelMetadataResponse")(), found)

    async def _infer(self, request: Any, context: Any) -> Any:
        name, version = request.model_name, request.model_version or None
        by = self._deadline(context)
        with self._answering.entry(name, by):
            asked = request_of(request)
            if asked.parameters.service_version is None:
                sent = dict(context.invocation_metadata() or ())
                asked.parameters.service_version = sent.get("towpath-service-version")
            found = await self._answering.infer(name, version, asked, by=by)
            return response_of(found, raw=bool(request.raw_input_contents))

    async def _index(self, request: Any, _context: Any) -> Any:
        listed = repository.index(self._answering.table, ready=request.ready)
        return filled(message("RepositoryIndexResponse")(), {"models": listed})

    async def _load(self, request: Any, _context: Any) -> Any:
        name = request.model_name or request.repository_or_model_name
        repository.load(self._answering.table, name)
        return message("RepositoryModelLoadResponse")(model_name=name, is_loaded=True)

    async def _unload(self, request: Any, _context: Any) -> Any:
        name = request.model_name or request.repository_or_model_name
        return repository.unload(self._answering.table, name)
