"""What Redis answers to look-ups, cut out of a stream of bytes by hiredis."""

from __future__ import annotations

from typing import Any, Final

import hiredis
from redis import exceptions as exc

_UNFINISHED: Final = object()
_UNASKED: Final = hiredis.PushNotification
_REFUSALS: Final = {"OOM": exc.OutOfMemoryError, "READONLY": exc.ReadOnlyError}
_NOT_NOW: Final = ("LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY")


class AnswerReader:
    """The answers on one connection, in order. Not thread-safe."""

    __slots__ = ("_feed", "_next")

    def __init__(self) -> None:
        reader = hiredis.Reader(
            protocolError=exc.InvalidResponse, replyError=_refusal, notEnoughData=_UNFINISHED
        )
        self._feed, self._next = reader.feed, reader.gets

    def feed(self, data: Any, size: int, found: list[Any]) -> None:
        """Take so many bytes of a buffer in, and append the answers that are whole by now.

        A refusal is appended as the error that it stands for, so that the answers to other commands
        keep their places. What a server sends unasked is left out.

        Raises:
            redis.InvalidResponse: These are no answers. Nothing more can be read from the connection.
        """
        self._feed(data, 0, size)
        while (answer := self._next()) is not _UNFINISHED:
            if type(answer) is not _UNASKED:
                found.append(answer)


def first_refusal(answers: list[Any]) -> exc.RedisError | None:
    """Return the first refusal among answers; None where all commands were obeyed."""
    for answer in answers:
        if type(answer) is not list and isinstance(answer, exc.RedisError):
            return answer
    return None


def lost() -> exc.ConnectionError:
    """Return the error for a connection that is not there any more."""
    return exc.ConnectionError("the server closed the connection")


def _refusal(text: str) -> exc.RedisError:
    """Return the error that a server's refusal stands for; one that will pass counts as away."""
    if text.startswith(_NOT_NOW):
        return exc.BusyLoadingError(text)
    kind = _REFUSALS.get(text.partition(" ")[0], exc.ResponseError)
    return kind(text)
