"""The gateway over HTTP: paths, methods, and what answers them."""

from __future__ import annotations

import hmac
from collections.abc import Coroutine
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from towpath.core.errors import TowpathError
from towpath.gateway import describing, invocations, repository
from towpath.gateway.admission import DEADLINE
from towpath.gateway.answers import binary, explaining
from towpath.gateway.failures import HttpRefusal, body_of, status_of
from towpath.gateway.http.messages import Answer, answer_of
from towpath.gateway.inferring import Inferring, state, stated
from towpath.gateway.protocol import InferRequest, decode_infer, decode_labels, decode_signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.gateway.answering import Answering
    from towpath.gateway.answers.explaining import Explaining
    from towpath.gateway.features.door import FeatureDoor
    from towpath.gateway.http.messages import Answered, HttpRequest
    from towpath.gateway.labelling import Labelling
    from towpath.gateway.metrics import GatewayMetrics
    from towpath.gateway.protocol import InferResponse

_MODELS: Final = ("v2", "models")
_TEXT: Final = b"text/plain; version=0.0.4; charset=utf-8"
_OPEN_PATHS: Final = ("/health", "/ping", "/v2/health/live", "/v2/health/ready")
# What the caller may do about a refusal: say who it is, or try again in so many seconds.
_ADVICE: Final[dict[HTTPStatus, tuple[tuple[bytes, bytes], ...]]] = {
    HTTPStatus.UNAUTHORIZED: ((b"www-authenticate", b"Bearer"),),
    HTTPStatus.SERVICE_UNAVAILABLE: ((b"retry-after", b"1"),),
}
_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger()


class GatewayApp:
    """Routes requests to answers, labels, features, metadata, health and metrics.

    Args:
        token: What callers must send as bearer token, health probes excepted; empty for none.
    """

    def __init__(
        self,
        answering: Answering,
        labelling: Labelling,
        features: FeatureDoor,
        explainer: Explaining,
        metrics: GatewayMetrics,
        *,
        token: str = "",
    ) -> None:
        self._answering = answering
        self._labelling = labelling
        self._features = features
        self._explaining = explainer
        self._metrics = metrics
        self._inferring = Inferring(answering, self._failed)
        self._bearer = f"Bearer {token}".encode() if token else b""

    def answer(self, request: HttpRequest) -> Answered:
        """Answer one request; never raises, nor does what it returns."""
        try:
            if self._bearer:
                self._authorize(request)
            parts = request.parts
            if len(parts) == 4 and parts[3] == "infer" and parts[:2] == _MODELS:  # by far the most
                found = self._inferring.answer(request, parts[2], None)
            else:
                found = self._answer(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            return self._failed(error, request)
        if type(found) is not Answer and isinstance(found, Coroutine):
            return self._guarded(found, request)
        return found

    async def _guarded(self, found: Coroutine[Any, Any, Answer], request: HttpRequest) -> Answer:
        try:
            return await found
        except Exception as error:  # noqa: BLE001 - as above
            return self._failed(error, request)

    def _failed(self, error: Exception, request: HttpRequest) -> Answer:
        """Tell of a failure."""
        status = status_of(error)
        if status is HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, TowpathError):
            _log.error("request.failed", path=request.path, exc_info=error)
        headers = _ADVICE.get(status, ())
        if status is HTTPStatus.TOO_MANY_REQUESTS:
            headers = ((b"retry-after", b"%d" % self._answering.admission.retry_after_s()),)
        return Answer(_encode(body_of(error)), status=status, headers=headers)

    def _authorize(self, request: HttpRequest) -> None:
        if request.path in _OPEN_PATHS:
            return
        if not hmac.compare_digest(request.header(b"authorization"), self._bearer):
            raise HttpRefusal(HTTPStatus.UNAUTHORIZED, "this gateway asks for a bearer token")

    async def _answer(self, request: HttpRequest) -> Answer:
        match request.parts:
            case ["v2", "models", name, "versions", version, "infer"]:
                found = await answer_of(self._inferring.answer(request, name, version))
            case ["invocations"]:
                found = await self._invoked(request)
            case ["v2", "repository", *asked]:
                request.require("POST")
                found = Answer(_encode(self._repository(asked, request.body())))
            case ["v2", "labels"]:
                request.require("POST")
                count = await self._labelling.take(decode_labels(request.body()))
                found = Answer(_encode({"accepted": count}))
            case ["v2", "signals"]:
                request.require("POST")
                count = await self._labelling.take_signals(decode_signals(request.body()))
                found = Answer(_encode({"accepted": count}))
            case ["v2", "release"]:
                request.require("GET", "HEAD")
                found = Answer(_encode(describing.release(self._answering.table, stated(request))))
            case ["metrics"]:
                request.require("GET")
                found = Answer(self._metrics.render(), _TEXT)
            case ["v2", "features", *_] | [
                "get-online-features" | "push" | "write-to-online-store"
            ]:
                document = await self._features.answer(
                    request.method, request.parts, request.query, request.body
                )
                found = Answer(_encode(document))
            case _:
                found = Answer(_encode(await self._further(request)))
        return found

    async def _further(self, request: HttpRequest) -> Any:
        """Answer what is asked seldom: why a model answers as it does, and what there is."""
        match request.parts:
            case ["v2", "models", name, "explain"]:
                return await self._explain(request, name, None)
            case ["v2", "models", name, "versions", version, "explain"]:
                return await self._explain(request, name, version)
            case ["v1", "models", name] if name.endswith(":explain"):
                return await self._explain_instances(request, name.removesuffix(":explain"))
            case parts:
                document = self._describe(parts)
                request.require("GET", "HEAD")
                return document

    def _describe(self, parts: Sequence[str]) -> dict[str, Any]:
        """Answer the protocol's questions about server and models."""
        table = self._answering.table
        match parts:
            case ["v2"]:
                found = describing.server()
            case ["health"] | ["v2", "health", "live"]:  # Feast's clients ask for the first
                found: dict[str, Any] = {"live": True}
            case ["v2", "health", "ready"] | ["ping"]:  # SageMaker asks for the second
                describing.require_ready(table, is_ending=self._answering.is_ending)
                found = {"ready": True}
            case ["v2", "models", name]:
                found = describing.metadata(table, name, None)
            case ["v2", "models", name, "versions", version] if version:
                found = describing.metadata(table, name, version)
            case ["v2", "models", name, "ready"]:
                service, _ = describing.served(table, name, None)
                found = {"name": service.name, "ready": True}
            case ["v2", "models", name, "versions", version, "ready"]:
                service, _ = describing.served(table, name, version)
                found = {"name": service.name, "ready": True}
            case _:
                raise _no_such_path()
        return found

    async def _invoked(self, request: HttpRequest) -> Answer:
        """Answer rows in the forms of other servers, for the one service, or the one that is named."""
        request.require("POST")
        name = request.header(b"x-amzn-sagemaker-target-model").decode("latin-1")
        services = self._answering.table.services
        if not name and len(services) > 1:
            raise HttpRefusal(
                HTTPStatus.BAD_REQUEST,
                "this gateway serves several services; name one in X-Amzn-SageMaker-Target-Model",
            )
        name = name or next(iter(services), "")
        by = self._answering.admission.deadline(request.header(DEADLINE), request.begun)
        with self._answering.entry(name, by):
            service = self._answering.table.service(name, stated(request))
            kind = request.header(b"content-type").decode("latin-1")
            asked = invocations.request_of(
                request.body(),
                kind,
                service.arms[0].predictor.signature,
                numbers=self._answering.takes_numbers(name),
            )
            state(asked, request)
            found = await self._answering.infer(name, None, asked, by=by)
        answer, kind = invocations.answer_of(found, request.header(b"accept").decode("latin-1"))
        return Answer(answer, kind.encode())

    async def _explain(self, request: HttpRequest, name: str, version: str | None) -> InferResponse:
        """Explain the rows that an inference request would bring, or a recorded decision."""
        request.require("POST")
        body = request.body()
        said = binary.json_bytes(request.header(binary.HEADER), body)
        recorded = explaining.decision_of(body[:said])
        if recorded is not None:
            decision_id, request_id = recorded
            asked = InferRequest(inputs=[], id=request_id)
            state(asked, request)
            return await self._explaining.explain(name, version, asked, decision_id)
        asked = decode_infer(body[:said])
        binary.attach(asked, memoryview(body)[said:])
        state(asked, request)
        return await self._explaining.explain(name, version, asked)

    async def _explain_instances(self, request: HttpRequest, name: str) -> dict[str, Any]:
        """Explain rows in the form of KServe's first protocol."""
        request.require("POST")
        service = self._answering.table.service(name, stated(request))
        kind = request.header(b"content-type").decode("latin-1")
        signature = service.arms[0].predictor.signature
        asked = invocations.request_of(request.body(), kind, signature)
        state(asked, request)
        found = await self._explaining.explain(name, None, asked)
        return explaining.by_column(found)

    def _repository(self, asked: Sequence[str], body: bytes) -> Any:
        """Answer what is asked of the model repository."""
        table = self._answering.table
        match asked:
            case ["index"]:
                return repository.index(table, ready=repository.wants_ready(body))
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
