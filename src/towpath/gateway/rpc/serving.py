"""Opens the gRPC server beside the HTTP one, in the same event loop."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import grpc
import structlog

from towpath.core.errors import InvalidSetting
from towpath.gateway.rpc.service import InferenceService
from towpath.gateway.rpc.tracing import TracingInterceptor

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from towpath.core.spans import Spans
    from towpath.gateway.answering import Answering
    from towpath.gateway.limits import Limits

_log = structlog.get_logger()


@asynccontextmanager
async def open_rpc(
    answering: Answering,
    address: str,
    *,
    token: str,
    limits: Limits,
    admitted: asyncio.Event,
    spans: Spans | None = None,
) -> AsyncGenerator[str]:
    """Answer gRPC for the duration of a block, and yield the address that was bound.

    The port is bound at once, and its connections wait until there is something to answer them with, as
    those of HTTP do: a worker that starts gets its share of the callers before it has loaded a model. Calls
    under way are finished at the end.

    Args:
        answering: Answers.
        address: `host:port`; port 0 takes a free one. The workers of a gateway share one: gRPC sets
            SO_REUSEPORT, so the kernel deals connections out by a hash of who connects.
        token: What callers must send as bearer token; empty for none.
        limits: How much is taken on, and how long calls under way may take at the end.
        admitted: Set when calls can be answered; they are taken after `limits.start_s` even so.
        spans: Takes traces of calls; None: nobody wants them.

    Raises:
        InvalidSetting: The address can't be bound.
    """
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", limits.body_bytes),
            ("grpc.max_send_message_length", limits.body_bytes),
            ("grpc.max_connection_idle_ms", int(limits.idle_s * 1000)),
            # A caller that is gone without a word is found out by silence on a ping.
            ("grpc.keepalive_time_ms", int(limits.read_s * 1000)),
            ("grpc.keepalive_timeout_ms", int(limits.write_s * 1000)),
        ],
        interceptors=() if spans is None else (TracingInterceptor(spans),),
        maximum_concurrent_rpcs=limits.connections,
    )
    server.add_generic_rpc_handlers((InferenceService(answering, token=token).handler(),))
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise InvalidSetting(
            f"gRPC can't be served at {address}",
            remedy="Set gateway_grpc_port to a free port, or to 0.",
            key="gateway_grpc_port",
        ) from error

    async def start() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(admitted.wait(), limits.start_s)
        await server.start()
        _log.info("gateway.rpc_started", port=port)

    starting = asyncio.create_task(start())
    try:
        yield f"{address.rpartition(':')[0]}:{port}"
    finally:
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await starting
        await server.stop(limits.drain_s)
