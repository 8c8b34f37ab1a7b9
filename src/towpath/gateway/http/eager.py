"""Coroutines that run at once as far as they can, and become tasks only where they have to wait.

A task costs a turn of the event loop before its first line; most requests never wait. From Python 3.12 on this
is `asyncio.eager_task_factory`. Until its first wait a coroutine has no current task: it may await futures, but
not open a `timeout` or a `TaskGroup`.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from collections.abc import Callable, Coroutine, Generator

_T = TypeVar("_T")


def run_eagerly(
    work: Coroutine[Any, Any, _T], loop: AbstractEventLoop, done: Callable[[_T], None]
) -> Task[None] | None:
    """Run a coroutine that never raises, and call `done` with what it returns.

    Returns:
        The task that goes on with it; None where it is over already.
    """
    try:
        awaited = work.send(None)
    except StopIteration as stop:
        done(stop.value)
        return None

    async def go_on() -> None:
        done(await _rest(work, awaited))

    return loop.create_task(go_on())


@types.coroutine
def _rest(work: Coroutine[Any, Any, _T], awaited: Any) -> Generator[Any, Any, _T]:
    """Go on with a coroutine that has been started and waits for something."""
    while True:
        try:
            value = yield awaited
        except BaseException as error:  # noqa: BLE001 - a cancellation, which is the coroutine's to handle
            step = work.throw, error
        else:
            step = work.send, value
        try:
            resume, given = step
            awaited = resume(given)
        except StopIteration as stop:
            return stop.value
