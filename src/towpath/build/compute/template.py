"""Runs commands of our own program as forks of a process that has imported it already.

A fresh interpreter needs more than a second to import what a pipeline run needs; a fork of one that has
it is there in tens of milliseconds. The template is a fork server like the one that steps come from, with
the same promises: nothing is ever computed in it, what it forks dies with it, and it dies with us.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import IO, TYPE_CHECKING

from towpath.build.compute.commands import Ended
from towpath.build.compute.contract import Resources, Task
from towpath.build.compute.local import LocalExecutor
from towpath.core.errors import TowpathError
from towpath.core.ids import new_id

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Future

    from towpath.build.compute.contract import Outcome

_LOOK_EVERY_S = 0.1
_AT_ONCE = 256
_CHUNK = 1 << 16
_KILLED = -9


class Template:
    """A warm process, and the commands that are forked from it. Thread-safe.

    It starts with `warm`, or with the first command; when it dies, the next command starts another.

    Args:
        call: `package.module:function` that carries a command out: it is given `arguments`, and returns
            `code` and `said`, an exit code and what the command has to say of how it went.
        preload: What to import before the first fork; see `LocalExecutor`.
    """

    def __init__(self, call: str, preload: Iterable[str]) -> None:
        self._call = call
        self._cores = len(os.sched_getaffinity(0))
        self._executor = LocalExecutor(cpus=self._cores * _AT_ONCE, preload=list(preload))

    def warm(self, modules: Iterable[str] = ()) -> None:
        """Start the process, and have it import these modules too if they are known to be safe.

        Returns at once.
        """
        self._executor.warm(modules)

    def run(self, arguments: Sequence[str], *, stop: threading.Event) -> Ended:
        """Carry a command out, to its end or until `stop` is set; its standard error becomes ours."""
        with tempfile.TemporaryDirectory(prefix="towpath-") as folder:
            task = Task(
                id=new_id(),
                call=self._call,
                payload={"arguments": list(arguments)},
                resources=Resources(cpus=self._cores),
                log=Path(folder) / "said",
            )
            task.log.touch(mode=0o600)
            with task.log.open("rb") as said:
                future = self._executor.submit(task)
                while True:
                    with contextlib.suppress(NotYet):
                        outcome = future.result(_LOOK_EVERY_S)
                        break
                    _relay(said)
                    if stop.is_set():
                        self._executor.cancel(task.id)
                        return self._stopped(future, said)
                _relay(said)
        return _ended(outcome)

    def close(self) -> None:
        """End the process and every command. Idempotent."""
        self._executor.close()

    def _stopped(self, future: Future[Outcome], said: IO[bytes]) -> Ended:
        outcome = future.result()
        _relay(said)
        return _ended(outcome) if outcome.status == "done" else Ended(code=None, said={})


def _relay(said: IO[bytes]) -> None:
    """Pass on what a command printed since the last time."""
    while chunk := said.read(_CHUNK):
        sys.stderr.write(chunk.decode(errors="replace"))
    sys.stderr.flush()


def _ended(outcome: Outcome) -> Ended:
    if outcome.status == "done":
        return Ended(code=outcome.value["code"], said=outcome.value["said"])
    if outcome.status == "failed":
        return Ended(code=TowpathError.exit_code, said={"error": outcome.error})
    return Ended(code=_KILLED, said={"error": outcome.error})


__all__ = ["Template"]
