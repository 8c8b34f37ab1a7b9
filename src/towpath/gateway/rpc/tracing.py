"""Calls as spans, where somebody wants traces; as requests over HTTP are, with gRPC's words for them.

The caller's `traceparent` is taken from the metadata, and the span told in `traceresponse` behind the answer.
Names: https://opentelemetry.io/docs/specs/semconv/rpc/grpc/. What callers send is no attribute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio

from towpath.gateway.rpc.messages import METHODS, SERVICE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from towpath.core.spans import Spans

_QUIET: Final = ("ServerLive", "ServerReady")
_TRACED: Final = {f"/{SERVICE}/{name}": name for name in METHODS if name not in _QUIET}
# What a server is at fault for, after the conventions; everything else a caller did.
_FAILURES: Final = (
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
)
_SAID: Final = ("decision_id", "model")


class TracingInterceptor(grpc.aio.ServerInterceptor):
    """Makes a span of each call, probes excepted."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        """Return the method's handler, traced."""
        handler = await continuation(handler_call_details)
        name = _TRACED.get(handler_call_details.method)
        if handler is None or name is None:
            return handler
        answer = handler.unary_unary

        async def traced(request: Any, context: Any) -> Any:
            return await self._call(name, answer, request, context)

        return grpc.unary_unary_rpc_method_handler(
            traced,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    async def _call(
        self, name: str, answer: Callable[[Any, Any], Awaitable[Any]], request: Any, context: Any
    ) -> Any:
        sent = dict(context.invocation_metadata() or ())
        span = self._spans.begin(
            f"{SERVICE}/{name}",
            parent=sent.get("traceparent"),
            is_server=True,
            attributes={"rpc.system": "grpc", "rpc.service": SERVICE, "rpc.method": name},
        )
        context.set_trailing_metadata((("traceresponse", span.traceparent),))
        code = grpc.StatusCode.CANCELLED  # the caller is gone, unless something else is known
        try:
            found = await answer(request, context)
        except Exception:
            said = context.code()
            code = said if isinstance(said, grpc.StatusCode) else grpc.StatusCode.UNKNOWN
            raise
        else:
            code = grpc.StatusCode.OK
            if name == "ModelInfer":
                span.note(towpath__service=found.model_name)
                for one in found.parameters:
                    if one.key in _SAID:
                        span.note(**{f"towpath__{one.key}": one.value.string_param})
            return found
        finally:
            span.note(rpc__grpc__status_code=code.value[0])
            span.end(code.name if code in _FAILURES else None)
