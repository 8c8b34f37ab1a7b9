"""A closed loop of clients that keeps a line of every answer: when, how long, which status, which release.

A program of its own, so that what it costs is not taken for the server's. A connection that breaks is a
failed request, and is opened again.
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


async def load(port: int, requests: list[bytes], connections: int, seconds: float) -> object:
    """Load a port from so many connections for so long; return the lines."""
    lines: list[tuple[float, float, int, int]] = []
    until = time.monotonic() + seconds
    await asyncio.gather(*(client(port, requests, until, lines) for _ in range(connections)))
    return lines


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text())
    sent = [bytes.fromhex(one) for one in asked["requests"]]
    answers = asyncio.run(load(asked["port"], sent, asked["connections"], asked["seconds"]))
    Path(asked["out"]).write_text(json.dumps(answers))
