"""The gateway as a bare ASGI application: paths, methods, bodies, answers."""

from __future__ import annotations

import hmac
import time
from http import HTTPStatus
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec
import structlog

from towpath.core.errors import TowpathError, Unavailable
from towpath.gateway import binary
from towpath.gateway.failures import HttpRefusal, body_of, status_of
from towpath.gateway.protocol import decode_infer, decode_labels

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from towpath.gateway.feature_routes import FeatureRoutes
    from towpath.gateway.inference import Inference
    from towpath.gateway.labelling import Labelling
    from towpath.gateway.metrics import GatewayMetrics

Scope: TypeAlias = "dict[str, Any]"
Receive: TypeAlias = "Callable[[], Awaitable[dict[str, Any]]]"
Send: TypeAlias = "Callable[[dict[str, Any]], Awaitable[None]]"

MAX_BODY_BYTES: Final = 16 << 20

_JSON: Final = b"application/json"
_BYTES: Final = b"application/octet-stream"
_TEXT: Final = b"text/plain; version=0.0.4; charset=utf-8"
_OPEN_PATHS: Final = ("/health", "/v2/health/live", "/v2/health/ready")
_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger()


class _Answer(NamedTuple):
    """What is sent back, with headers beside type and length."""

    status: HTTPStatus
    body: bytes
    kind: bytes = _JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class GatewayApp:
    """Routes requests to inference, labels, features, metadata, health and metrics.

    Args:
        token: What callers must send as bearer token, health probes excepted; empty for none.
        max_body_bytes: Larger bodies are refused unread.
    """

    def __init__(
        self,
        *,
        inference: Inference,
        labelling: Labelling,
        features: FeatureRoutes,
        metrics: GatewayMetrics,
        token: str = "",
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._inference = inference
        self._labelling = labelling
        self._features = features
        self._metrics = metrics
        self._bearer = f"Bearer {token}".encode() if token else b""
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            self._authorize(scope)
            answer = await self._answer(scope, receive)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            status = status_of(error)
            if status is HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, TowpathError):
                _log.exception("request.failed", path=scope["path"])
            asks = ((b"www-authenticate", b"Bearer"),)
            unknown = status is HTTPStatus.UNAUTHORIZED
            answer = _Answer(status, _encode(body_of(error)), headers=asks if unknown else ())
        headers = [
            (b"content-type", answer.kind),
            (b"content-length", str(len(answer.body)).encode()),
            *answer.headers,
        ]
        await send(
            {"type": "http.response.start", "status": int(answer.status), "headers": headers}
        )
        await send({"type": "http.response.body", "body": answer.body})

    def _authorize(self, scope: Scope) -> None:
        if not self._bearer or scope["path"] in _OPEN_PATHS:
            return
        if not hmac.compare_digest(_header(scope, b"authorization"), self._bearer):
            raise HttpRefusal(HTTPStatus.UNAUTHORIZED, "this gateway asks for a bearer token")

    async def _answer(self, scope: Scope, receive: Receive) -> _Answer:
        match scope["path"].strip("/").split("/"):
            case ["v2", "models", name, "infer"]:
                _require(scope, "POST")
                return await self._infer(scope, receive, name, None)
            case ["v2", "models", name, "versions", version, "infer"]:
                _require(scope, "POST")
                return await self._infer(scope, receive, name, version)
            case ["v2", "labels"]:
                _require(scope, "POST")
                body = await self._body(scope, receive)
                count = await self._labelling.take(decode_labels(body))
                return _Answer(HTTPStatus.OK, _encode({"accepted": count}))
            case ["metrics"]:
                _require(scope, "GET")
                table = self._inference.table
                text = self._metrics.render(
                    ready=table.loaded, route_generation=table.route_generation
                )
                return _Answer(HTTPStatus.OK, text, _TEXT)
            case ["v2", "features", *_] | [
                "get-online-features" | "push" | "write-to-online-store"
            ]:
                document = await self._features.answer(
                    scope["method"],
                    scope["path"].strip("/").split("/"),
                    scope["query_string"],
                    lambda: self._body(scope, receive),
                )
                return _Answer(HTTPStatus.OK, _encode(document))
            case parts:
                return _Answer(HTTPStatus.OK, _encode(self._describe(scope, parts)))

    def _describe(self, scope: Scope, parts: Sequence[str]) -> dict[str, Any]:
        """Answer the protocol's questions about server and models."""
        match parts:
            case ["v2"]:
                found: dict[str, Any] = {
                    "name": "towpath",
                    "version": installed_version("towpath"),
                    "extensions": [binary.EXTENSION],
                }
            case ["health"] | ["v2", "health", "live"]:  # Feast's clients ask for the first
                found = {"live": True}
            case ["v2", "health", "ready"]:
                table = self._inference.table
                if not table.loaded or table.broken:
                    raise Unavailable("the gateway is not ready", broken=list(table.broken))
                found = {"ready": True}
            case ["v2", "models", name]:
                found = self._metadata(name, None)
            case ["v2", "models", name, "versions", version] if version:
                found = self._metadata(name, version)
            case ["v2", "models", name, "ready"]:
                found = {"name": self._inference.table.service(name).name, "ready": True}
            case ["v2", "models", name, "versions", version, "ready"]:
                service = self._inference.table.service(name)
                service.arm_of_version(version)
                found = {"name": service.name, "ready": True}
            case _:
                raise HttpRefusal(
                    HTTPStatus.NOT_FOUND, "no such path; the Open Inference Protocol is below /v2"
                )
        _require(scope, "GET", "HEAD")
        return found

    def _metadata(self, name: str, version: str | None) -> dict[str, Any]:
        """Return a model's metadata: of the champion, or of the version asked for."""
        service = self._inference.table.service(name)
        arm = service.arms[0] if version is None else service.arm_of_version(version)
        return {
            "name": service.name,
            "versions": [arm.version for arm in service.arms],
            "platform": "towpath",
            "parameters": {"model": arm.model, "release": arm.release},
            **arm.predictor.signature.to_json(),
        }

    async def _infer(
        self, scope: Scope, receive: Receive, name: str, version: str | None
    ) -> _Answer:
        """Answer an inference request and count it."""
        begun = time.perf_counter()
        label = name if name in self._inference.table.services else ""
        status = HTTPStatus.OK
        try:
            body = await self._body(scope, receive)
            said = binary.json_bytes(_header(scope, binary.HEADER), body)
            request = decode_infer(body[:said])
            binary.attach(request, memoryview(body)[said:])
            if request.parameters.features is not None or request.parameters.entities is not None:
                takes = self._inference.table.service(name).columns
                await self._features.enrich(request, takes)
            found = await self._inference.infer(name, request, version=version)
            answer, head = binary.encode(request, found)
            if head is None:
                return _Answer(HTTPStatus.OK, answer)
            length = (binary.HEADER, str(head).encode())
            return _Answer(HTTPStatus.OK, answer, _BYTES, (length,))
        except Exception as error:
            status = status_of(error)
            raise
        finally:
            self._metrics.answered(label, int(status), time.perf_counter() - begun)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Read the whole body, but never more than is allowed."""
        if _header(scope, b"content-encoding") not in (b"", b"identity"):
            raise HttpRefusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "compressed bodies are not taken; send it plain"
            )
        announced = _header(scope, b"content-length")
        if announced.isdigit() and int(announced) > self._max_body_bytes:
            raise self._too_large()
        message = await receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            pieces = bytearray(body)
            while message.get("more_body") and len(pieces) <= self._max_body_bytes:
                message = await receive()
                pieces += message.get("body", b"")
            body = bytes(pieces)
        if len(body) > self._max_body_bytes:
            raise self._too_large()
        if message["type"] == "http.disconnect":
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "the caller went away in mid-request")
        return body

    def _too_large(self) -> HttpRefusal:
        return HttpRefusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body is larger than {self._max_body_bytes} bytes; send fewer rows at a time",
        )


def _header(scope: Scope, name: bytes) -> bytes:
    """Return a header's value; ASGI servers give names in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return value
    return b""


def _require(scope: Scope, *methods: str) -> None:
    if scope["method"] not in methods:
        raise HttpRefusal(
            HTTPStatus.METHOD_NOT_ALLOWED, f"use {' or '.join(methods)} on {scope['path']}"
        )
