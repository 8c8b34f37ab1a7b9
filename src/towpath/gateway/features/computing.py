"""On-demand features, computed by a project's own code in a process of its own.

No code of a project ever runs in the gateway. For each version of code that serves there is one child,
which loads it once and then answers requests over its standard input and output: four bytes of length,
and a message in MessagePack, both ways. The child ends when its input does, so it can't outlive us.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from towpath.core.errors import StepFailed, TowpathError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LENGTH_BYTES: Final = 4
_START_S: Final = 60.0
_ANSWER_S: Final = 10.0
_END_S: Final = 5.0
_log = structlog.get_logger(__name__)


class Computed(msgspec.Struct):
    """What a child answers: the computed columns, or why not."""

    columns: dict[str, list[Any]] = msgspec.field(default_factory=dict[str, "list[Any]"])
    error: str = ""
    remedy: str = ""


_decode = msgspec.msgpack.Decoder(Computed).decode
_encode = msgspec.msgpack.Encoder().encode
_NOTHING: Final = _encode({"service": "", "columns": {}})
_ATTEMPTS: Final = 2


class Computers:
    """The children, by the version of code that they run. Used from one event loop.

    Args:
        command: Returns the command line that runs a version of code.
    """

    def __init__(self, command: Callable[[str], Sequence[str]]) -> None:
        self._command = command
        self._children: dict[str, _Child] = {}

    async def compute(
        self, code: str, service: str, columns: Mapping[str, Sequence[Any]]
    ) -> dict[str, list[Any]]:
        """Return the on-demand features of a service.

        Args:
            code: The version of the project's code.
            service: The feature service.
            columns: What the caller sent, and what was looked up.

        Raises:
            StepFailed: A transformation raised, or returned something else than it declares.
            Unavailable: The child does not start, or does not answer in time.
        """
        message = _encode({"service": service, "columns": columns})
        for attempt in range(1, _ATTEMPTS + 1):
            child = self._child(code)
            try:
                done = _decode(await child.ask(message))
            except (OSError, EOFError, TimeoutError, msgspec.MsgspecError) as error:
                _log.warning("computer.lost", code=code, reason=type(error).__name__)
                await self._drop(code, child)
                if attempt == _ATTEMPTS or isinstance(error, TimeoutError):
                    raise Unavailable(
                        f"the on-demand features of {service!r} can't be computed now",
                        remedy="Try again; the gateway's log says more.",
                    ) from error
                continue
            if done.error:
                raise StepFailed(done.error, remedy=done.remedy)
            return done.columns
        raise AssertionError  # the last attempt returned or raised

    async def serve_only(self, codes: set[str]) -> None:
        """Start the children that are needed, so that no request waits for it; end the others."""
        for code in set(self._children) - codes:
            await self._drop(code, self._children[code])
        for code in codes - set(self._children):
            try:
                await self._child(code).ask(_NOTHING)
            except (OSError, EOFError, TimeoutError, TowpathError) as error:
                child = self._children.get(code)
                if child is not None:  # else the gateway stops, and has ended it
                    _log.warning("computer.unstarted", code=code, reason=type(error).__name__)
                    await self._drop(code, child)

    async def close(self) -> None:
        """End all children."""
        for code, child in list(self._children.items()):
            await self._drop(code, child)

    def _child(self, code: str) -> _Child:
        child = self._children.get(code)
        if child is None:
            child = self._children[code] = _Child(self._command(code))
        return child

    async def _drop(self, code: str, child: _Child) -> None:
        """End a child, and forget it unless another one has taken its place."""
        if self._children.get(code) is child:
            del self._children[code]
        await child.end()


class _Child:
    """One process, asked one thing at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._ended = False

    async def ask(self, message: bytes) -> bytes:
        """Send a message and return the answer; raises `OSError` and its like if there is none."""
        await asyncio.sleep(0)  # a time-out needs a task, which what runs eagerly becomes here
        async with self._turn:
            limit_s = _ANSWER_S
            if self._ended:
                raise EOFError
            if self._process is None:
                limit_s += _START_S
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                )
            source, sink = self._process.stdout, self._process.stdin
            if source is None or sink is None:
                raise EOFError
            async with asyncio.timeout(limit_s):
                try:
                    sink.write(len(message).to_bytes(LENGTH_BYTES) + message)
                    await sink.drain()
                except RuntimeError as error:  # uvloop's word for a pipe that is closed
                    raise EOFError from error
                length = int.from_bytes(await source.readexactly(LENGTH_BYTES))
                return await source.readexactly(length)

    async def end(self) -> None:
        """Kill the process, and wait until it is gone. Whoever still waits for a turn gets none."""
        self._ended = True
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            with suppress(TimeoutError):  # whoever else is told of its end may keep it from us
                await asyncio.wait_for(process.wait(), _END_S)


def refuse_computing(_code: str) -> Sequence[str]:
    """Stand in for the command where nobody said how to run a project's code."""
    raise TowpathError("this gateway was not told how to run a project's code")
