"""A closed loop of clients over HTTP or gRPC that keeps a line of every answer.

A line says when, how long, which status (of HTTP; 0 for a call that failed), and which release. A program of
its own, so that what it costs is not taken for the server's. A connection that breaks is a failed request,
and is opened again.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from itertools import cycle
from pathlib import Path

_RELEASE = re.compile(rb"release:production@(\d+)")
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_AGAIN_S = 0.005
SAID = "checkout-web@2.4.1"


async def client(
    port: int, requests: list[bytes], until: float, lines: list[tuple[float, float, int, int]]
) -> None:
    """Ask, one at a time, until the end; status 0 stands for a connection that failed."""
    turns = cycle(requests)
    while time.monotonic() < until:
        begun = time.monotonic()
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            while time.monotonic() < until:
                begun = time.monotonic()
                writer.write(next(turns))
                head = await reader.readuntil(b"\r\n\r\n")
                found = _LENGTH.search(head)
                body = await reader.readexactly(int(found[1]) if found else 0)
                release = _RELEASE.search(body)
                now = time.monotonic()
                number = int(release[1]) if release else -1
                lines.append((now, now - begun, int(head[9:12]), number))
        except (OSError, asyncio.IncompleteReadError):
            lines.append((time.monotonic(), time.monotonic() - begun, 0, -1))
            await asyncio.sleep(_AGAIN_S)
        finally:
            if writer is not None:
                writer.close()


async def rpc_client(
    port: int, requests: list[bytes], until: float, lines: list[tuple[float, float, int, int]]
) -> None:
    """Do the same over gRPC: `requests` are encoded messages, and no call is sent twice."""
    import grpc
    import grpc.aio

    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    said = (("towpath-service-version", SAID),)
    turns = cycle(requests)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        # Without serializers: the messages are bytes already, and stay so.
        infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        while time.monotonic() < until:
            begun = time.monotonic()
            try:
                body = await infer(next(turns), metadata=said)
            except grpc.aio.AioRpcError:
                lines.append((time.monotonic(), time.monotonic() - begun, 0, -1))
                await asyncio.sleep(_AGAIN_S)
                continue
            release = _RELEASE.search(body)
            now = time.monotonic()
            lines.append((now, now - begun, 200, int(release[1]) if release else -1))


async def load(
    port: int, requests: list[bytes], connections: int, seconds: float, *, rpc: bool
) -> object:
    """Load a port from so many connections for so long; return the lines."""
    lines: list[tuple[float, float, int, int]] = []
    until = time.monotonic() + seconds
    ask = rpc_client if rpc else client
    await asyncio.gather(*(ask(port, requests, until, lines) for _ in range(connections)))
    return lines


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text())
    sent = [bytes.fromhex(one) for one in asked["requests"]]
    connections, seconds = asked["connections"], asked["seconds"]
    answers = asyncio.run(load(asked["port"], sent, connections, seconds, rpc=asked["rpc"]))
    Path(asked["out"]).write_text(json.dumps(answers))
