"""The gateway as a bare ASGI application: paths, methods, bodies, answers."""

from __future__ import annotations

import hmac
import time
from contextlib import contextmanager
from http import HTTPStatus
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec
import structlog

from towpath.core.errors import TowpathError, Unavailable
from towpath.gateway import binary, invocations, repository
from towpath.gateway.failures import HttpRefusal, body_of, status_of
from towpath.gateway.http import HttpRequest
from towpath.gateway.protocol import decode_infer, decode_labels

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Sequence

    from towpath.gateway.feature_routes import FeatureRoutes
    from towpath.gateway.http import Receive, Scope
    from towpath.gateway.inference import Inference
    from towpath.gateway.labelling import Labelling
    from towpath.gateway.metrics import GatewayMetrics
    from towpath.gateway.protocol import InferRequest, InferResponse

Send: TypeAlias = "Callable[[dict[str, Any]], Awaitable[None]]"

MAX_BODY_BYTES: Final = 16 << 20

_JSON: Final = b"application/json"
_BYTES: Final = b"application/octet-stream"
_TEXT: Final = b"text/plain; version=0.0.4; charset=utf-8"
_OPEN_PATHS: Final = ("/health", "/ping", "/v2/health/live", "/v2/health/ready")
_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger()


class _Answer(NamedTuple):
    """What is sent back, with headers beside type and length."""

    body: bytes
    kind: bytes = _JSON
    status: HTTPStatus = HTTPStatus.OK
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
        request = HttpRequest(scope, receive, max_body_bytes=self._max_body_bytes)
        try:
            self._authorize(request)
            answer = await self._answer(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            status = status_of(error)
            if status is HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, TowpathError):
                _log.exception("request.failed", path=request.path)
            asks = ((b"www-authenticate", b"Bearer"),)
            unknown = status is HTTPStatus.UNAUTHORIZED
            answer = _Answer(
                _encode(body_of(error)), status=status, headers=asks if unknown else ()
            )
        headers = [
            (b"content-type", answer.kind),
            (b"content-length", str(len(answer.body)).encode()),
            *answer.headers,
        ]
        await send(
            {"type": "http.response.start", "status": int(answer.status), "headers": headers}
        )
        await send({"type": "http.response.body", "body": answer.body})

    def _authorize(self, request: HttpRequest) -> None:
        if not self._bearer or request.path in _OPEN_PATHS:
            return
        if not hmac.compare_digest(request.header(b"authorization"), self._bearer):
            raise HttpRefusal(HTTPStatus.UNAUTHORIZED, "this gateway asks for a bearer token")

    async def _answer(self, request: HttpRequest) -> _Answer:
        match request.parts:
            case ["v2", "models", name, "infer"]:
                found = await self._infer(request, name, None)
            case ["v2", "models", name, "versions", version, "infer"]:
                found = await self._infer(request, name, version)
            case ["invocations"]:
                found = await self._invoked(request)
            case ["v2", "repository", *asked]:
                request.require("POST")
                found = _Answer(_encode(self._repository(asked, await request.body())))
            case ["v2", "labels"]:
                request.require("POST")
                count = await self._labelling.take(decode_labels(await request.body()))
                found = _Answer(_encode({"accepted": count}))
            case ["metrics"]:
                request.require("GET")
                table = self._inference.table
                text = self._metrics.render(
                    ready=table.loaded, route_generation=table.route_generation
                )
                found = _Answer(text, _TEXT)
            case ["v2", "features", *_] | [
                "get-online-features" | "push" | "write-to-online-store"
            ]:
                document = await self._features.answer(
                    request.method, request.parts, request.query, request.body
                )
                found = _Answer(_encode(document))
            case parts:
                document = self._describe(parts)
                request.require("GET", "HEAD")
                found = _Answer(_encode(document))
        return found

    def _describe(self, parts: Sequence[str]) -> dict[str, Any]:
        """Answer the protocol's questions about server and models."""
        match parts:
            case ["v2"]:
                found: dict[str, Any] = {
                    "name": "towpath",
                    "version": installed_version("towpath"),
                    "extensions": [binary.EXTENSION, repository.EXTENSION],
                }
            case ["health"] | ["v2", "health", "live"]:  # Feast's clients ask for the first
                found = {"live": True}
            case ["v2", "health", "ready"] | ["ping"]:  # SageMaker asks for the second
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
                raise _no_such_path()
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

    async def _infer(self, request: HttpRequest, name: str, version: str | None) -> _Answer:
        """Answer an inference request."""
        request.require("POST")
        with self._counted(name):
            body = await request.body()
            said = binary.json_bytes(request.header(binary.HEADER), body)
            asked = decode_infer(body[:said])
            binary.attach(asked, memoryview(body)[said:])
            answer, head = binary.encode(asked, await self._inferred(name, version, asked))
        if head is None:
            return _Answer(answer)
        return _Answer(answer, _BYTES, headers=((binary.HEADER, str(head).encode()),))

    async def _invoked(self, request: HttpRequest) -> _Answer:
        """Answer rows in the forms of other servers, for the one service, or the one that is named."""
        request.require("POST")
        name = request.header(b"x-amzn-sagemaker-target-model").decode("latin-1")
        services = self._inference.table.services
        if not name and len(services) > 1:
            raise HttpRefusal(
                HTTPStatus.BAD_REQUEST,
                "this gateway serves several services; name one in X-Amzn-SageMaker-Target-Model",
            )
        name = name or next(iter(services), "")
        with self._counted(name):
            signature = self._inference.table.service(name).arms[0].predictor.signature
            kind = request.header(b"content-type").decode("latin-1")
            asked = invocations.request_of(await request.body(), kind, signature)
            found = await self._inferred(name, None, asked)
        answer, kind = invocations.answer_of(found, request.header(b"accept").decode("latin-1"))
        return _Answer(answer, kind.encode())

    async def _inferred(self, name: str, version: str | None, asked: InferRequest) -> InferResponse:
        """Add the features that a request names, and answer it."""
        if asked.parameters.features is not None or asked.parameters.entities is not None:
            takes = self._inference.table.service(name).columns
            await self._features.enrich(asked, takes)
        return await self._inference.infer(name, asked, version=version)

    @contextmanager
    def _counted(self, name: str) -> Generator[None]:
        """Count a request, and how it ended; of an unknown name nothing is kept."""
        begun = time.perf_counter()
        label = name if name in self._inference.table.services else ""
        status = HTTPStatus.OK
        try:
            yield
        except Exception as error:
            status = status_of(error)
            raise
        finally:
            self._metrics.answered(label, int(status), time.perf_counter() - begun)

    def _repository(self, asked: Sequence[str], body: bytes) -> Any:
        """Answer what is asked of the model repository."""
        table = self._inference.table
        match asked:
            case ["index"]:
                return repository.index(table, body)
            case ["models", name, "load"]:
                return repository.load(table, name)
            case ["models", name, "unload"]:
                return repository.unload(table, name)
            case _:
                raise _no_such_path()


def _no_such_path() -> HttpRefusal:
    return HttpRefusal(
        HTTPStatus.NOT_FOUND, "no such path; the Open Inference Protocol is below /v2"
    )
